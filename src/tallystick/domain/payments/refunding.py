"""Asking for refunds, in the caller's transaction. The row is written before money moves; `sending` sends it."""

from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing.model import CreditNote
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, NotFound

from . import refund_rows, refund_views, views
from .model import Payment, Refund, Take
from .parts import check_amount, refundable
from .refund_work import take_credits, work

_MOST: Final = 1000
"""Payments of one invoice."""


async def request(
    tx: Tx,
    tenant: int,
    account: int,
    payment: UUID,
    *,
    amount: int | None = None,
    reason: str = "",
    take: Take | None = None,
    by: str,
    rates: Rates,
) -> Refund:
    """Send ``amount`` minor units (by default all that is left) of a payment back to the customer.

    What of the payment became the customer's credit goes first, as far as they still have it. For the rest there is a
    credit note, and the share of a purchase's credits that it bought is taken back: ``take`` says how, by default the
    policy. Locks the account's head. Audited. Raises NotFound, Invalid("amount"), Conflict("payment_state"),
    Conflict("payment_disputed"), Conflict("nothing_to_refund"), Conflict("invoice_state") for one that is paid in part,
    Conflict("credit_spent") when it became customer credit that was used since, Conflict("nothing_to_credit").
    """
    heads = await refund_rows.locked(tx, tenant, account)
    row = await views.payment(tx, tenant, payment)
    if row.account != account:
        raise NotFound("payment")
    await refund_rows.check_refundable(tx, row)
    before = await refund_rows.standing(tx, row)
    amount = check_amount(amount, refundable(row, before))
    made = await refund_rows.new(tx, row, "request", amount, take=take, reason=reason, by=by)
    await work(tx, heads, row, made, before, rates=rates, strict=True)
    await refund_rows.write(tx, made)
    await refund_rows.audit(tx, made, by, "refund.create", reason)
    return made


async def request_duplicate(tx: Tx, row: Payment, amount: int, *, at: datetime) -> Refund:
    """Send back what nothing needed of a payment: its ``to_refund``. ``row`` is written as succeeded already.

    The caller holds the account's head. Adds to ``row.refunded``, and writes that.
    """
    made = await refund_rows.new(
        tx, row, "duplicate", amount, take="keep", reason="Paid more than was due", by=SYSTEM
    )
    made.surplus, made.worked = amount, True
    made.created_at = made.updated_at = made.due_at = at
    await refund_rows.write(tx, made)
    row.refunded += amount
    return made


async def refund_note(
    tx: Tx, tenant: int, account: int, note: CreditNote, *, take: Take | None = None, by: str, rates: Rates
) -> list[Refund]:
    """Send back what a credit note says is due, by refunds of the payments of its invoice, the newest first.

    What was not paid through a gateway (or is disputed) stays due, to be paid back by hand. Locks the account's head.
    """
    heads = await refund_rows.locked(tx, tenant, account)
    made: list[Refund] = []
    left = note.refund_due
    paid_by = await views.payments(
        tx, tenant, account=account, invoice=note.invoice, status="succeeded", limit=_MOST
    )
    for row in paid_by.rows:
        before = await refund_rows.standing(tx, row)
        paid = row.applied - sum(one.from_invoice for one in before)
        amount = min(left, refundable(row, before), paid)
        if amount <= 0 or await refund_rows.disputed(tx, row):
            continue
        one = await refund_rows.new(tx, row, "credit_note", amount, take=take, reason=note.reason, by=by)
        one.from_invoice, one.credit_note, one.worked = amount, note.id, True
        await take_credits(tx, heads, row, one, rates)
        await refund_rows.write(tx, one)
        made.append(one)
        left -= amount
    return made


async def retry(tx: Tx, tenant: int, account: int, refund: UUID, *, by: str) -> Refund:
    """Try a refund that failed again: another takes its place, and takes over what was done for it.

    Locks the account's head. Audited. Raises NotFound, Conflict("refund_state"), Conflict("nothing_to_refund") when the
    money went back otherwise meanwhile, Conflict("payment_disputed").
    """
    await refund_rows.locked(tx, tenant, account, "refund")
    made = await _again(tx, await refund_views.refund(tx, tenant, refund), by)
    await refund_rows.audit(tx, made, by, "refund.retry")
    return made


async def complete(
    tx: Tx, tenant: int, account: int, refund: UUID, *, by: str, reference: str = ""
) -> Refund:
    """Say that a refund was paid out by hand: one that waits for that; for one that failed, another in its place.

    Locks the account's head. Audited. Raises what `retry` raises.
    """
    await refund_rows.locked(tx, tenant, account, "refund")
    row = await refund_views.refund(tx, tenant, refund)
    if row.status == "failed":
        row = await _again(tx, row, by)
    elif row.status != "pending" or row.due_at is not None:
        raise _state(row)
    await refund_rows.succeed(tx, row, await identity.now(tx, tenant))
    await refund_rows.audit(tx, row, by, "refund.complete", reference)
    return row


async def _again(tx: Tx, old: Refund, by: str) -> Refund:
    if old.status != "failed" or old.retried_by is not None:
        raise _state(old)
    row = await views.payment(tx, old.tenant, old.payment)
    await refund_rows.check_refundable(tx, row)
    if row.amount - row.refunded < old.amount:
        raise Conflict("nothing_to_refund", "Less than that of the payment is left to go back.")
    made = await refund_rows.new(tx, row, old.cause, old.amount, take=old.take, reason=old.reason, by=by)
    for name in ("from_invoice", "from_credit", "surplus", "credit_note", "taken", "worked"):
        setattr(made, name, getattr(old, name))
    old.retried_by, old.updated_at = made.id, made.created_at
    await refund_rows.save(tx, old)
    await refund_rows.write(tx, made)
    return made


def _state(row: Refund) -> Conflict:
    return Conflict("refund_state", f"The refund is {row.status}.", state=row.status)
