"""Money that people of the tenant's say came, or did not: bank transfers and the like."""

from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import check_text
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import MAX_MINOR, Money

from . import closing, methods, receiving, views
from .merging import Facts
from .model import Payment
from .till import Till

MAX_REFERENCE = 255


async def approve(
    tx: Tx,
    till: Till,
    tenant: int,
    account: int,
    payment: UUID,
    *,
    amount: int | None = None,
    reference: str = "",
    by: str,
) -> Payment:
    """Say that a payment of a gateway of staff's came: ``amount`` minor units, by default what was asked.

    Less leaves the invoice open; money for one that is void by now goes where the policy says. Locks the account's
    head. Audited. Raises NotFound, Invalid, Conflict("not_by_hand"), Conflict("payment_state").
    """
    check_text("reference", reference, MAX_REFERENCE)
    row = await _locked(tx, till, tenant, account, payment)
    amount = row.amount if amount is None else amount
    if not 1 <= amount <= MAX_MINOR:
        raise Invalid("amount", f"must be from 1 to {MAX_MINOR} minor units")
    row.reference = reference
    now = await identities.now(tx, tenant)
    came = Facts("succeeded", True, amount=amount, seen_at=now)
    await receiving.learn(tx, till, row, came, row.currency, by=by)
    shown = {"amount": str(Money(amount, row.currency)), "currency": row.currency, "reference": reference}
    await identity.audit(
        tx, tenant, actor=by, action="payment.approve", target=typeid("pay", payment), details=shown
    )
    return await views.payment(tx, tenant, payment)


async def reject(
    tx: Tx, till: Till, tenant: int, account: int, payment: UUID, *, reason: str, by: str
) -> Payment:
    """Say that a payment of a gateway of staff's does not come: its checkout expires.

    Locks the account's head. Audited. Raises NotFound, Invalid, Conflict("not_by_hand"), Conflict("payment_state").
    """
    check_text("reason", reason, 500, shortest=1)
    row = await _locked(tx, till, tenant, account, payment)
    if row.ended_at is not None:
        raise _state(row)
    now = await identities.now(tx, tenant)
    refused = Facts("failed", True, failure_code="rejected", failure_message=reason, seen_at=now)
    await receiving.learn(tx, till, row, refused, row.currency, by=by)
    await identity.audit(
        tx, tenant, actor=by, action="payment.reject", target=typeid("pay", payment), reason=reason
    )
    return await views.payment(tx, tenant, payment)


async def _locked(tx: Tx, till: Till, tenant: int, account: int, payment: UUID) -> Payment:
    try:
        await methods.lock(tx, tenant, account)
    except NotFound:
        raise NotFound("payment") from None
    row = await closing.locked_payment(tx, tenant, account, payment)
    if row is None:
        raise NotFound("payment")
    gateway = till.gateways.get(row.gateway)
    if gateway is None or "staff" not in gateway.features:
        raise Conflict("not_by_hand", f"The gateway {row.gateway} says itself what becomes of its payments.")
    if row.status == "succeeded":
        raise _state(row)
    return row


def _state(row: Payment) -> Conflict:
    return Conflict("payment_state", f"The payment is {row.status}.", state=row.status)
