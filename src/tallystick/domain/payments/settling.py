"""Working what a gateway saw into our rows: in any order, any number of times, the same comes of it.

    async with till.db.tx() as tx:
        await take(tx, till, tenant, gateway, seen, by=by)

One commit: a payment that succeeded, the invoice it pays, the credits, the subscription, and what others are told.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import structlog

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owned_uuid, owner_of

from . import closing, completing, disputes, methods, receiving, refunds
from .manual import approve, reject
from .merging import facts_seen, merge_checkout
from .model import Checkout, Payment
from .paying import credit_invoice, fail_invoice, pay_invoice, void_invoice
from .port import CheckoutSeen, DisputeSeen, MethodSeen, Notice, PaymentSeen, RefundSeen, Seen
from .till import Till
from .views import checkout, q

__all__ = [
    "approve",
    "credit_invoice",
    "fail_invoice",
    "notice",
    "pay_invoice",
    "reject",
    "take",
    "void_invoice",
]

log = structlog.get_logger()


async def notice(tx: Tx, till: Till, tenant: int, gateway: str, told: Notice, *, by: str) -> bool:
    """Take what a provider's event tells, once for its id; whether it is new. One commit with its consequences."""
    values = {"tenant": tenant, "gateway": gateway, "event": told.id, "type": told.type, "at": told.at}
    if not await run(tx, q.insert_provider_event, values):
        return False
    await take(tx, till, tenant, gateway, [_dated(one, told) for one in told.seen], by=by)
    return True


def _dated(seen: Seen, told: Notice) -> Seen:
    """A decline without a time of its own happened when it was told of: which of two tries was the later."""
    if isinstance(seen, PaymentSeen) and seen.status == "failed" and seen.at is None:
        return replace(seen, at=told.at)
    return seen


async def take(tx: Tx, till: Till, tenant: int, gateway: str, seen: Sequence[Seen], *, by: str) -> None:
    """Work in what was seen, with all that follows. Locks the heads of its accounts.

    What is nobody's here (another system's at the same provider) is left alone. Money for a page that is unknown, for
    a closed account or an invoice that needs it no more is recorded and goes on by policy: never swallowed.
    """
    owners = [await _owner(tx, tenant, gateway, one) for one in seen]
    heads = await ledger.lock(tx, [account for account in owners if account is not None])
    for account, one in zip(owners, seen, strict=True):
        if isinstance(one, RefundSeen):
            await refunds.take_refund(tx, tenant, gateway, one, rates=till.rates, by=by)
        elif isinstance(one, DisputeSeen):
            await disputes.take_dispute(tx, tenant, gateway, one, rates=till.rates, by=by)
        elif account is None or account not in heads or heads[account].tenant != tenant:
            log.info("seen at a gateway, and not ours", gateway=gateway, tenant=tenant, ref=one.ref)
        elif isinstance(one, CheckoutSeen):
            await _checkout(tx, till, tenant, account, gateway, one, by)
        elif isinstance(one, PaymentSeen):
            await _payment(tx, till, tenant, account, gateway, one, by)
        else:
            now = await identity.now(tx, tenant)
            await methods.save(tx, tenant, account, gateway, one, at=now)


async def _owner(tx: Tx, tenant: int, gateway: str, seen: Seen) -> int | None:
    """The account whose it is: by our own ids, by the provider's, or as the provider's customer."""
    of = {"tenant": tenant, "gateway": gateway}
    if isinstance(seen, RefundSeen | DisputeSeen):
        found = await value(tx, q.payment_id_of_ref, of | {"ref": seen.payment_ref})
        return None if found is None else owner_of(found)
    if isinstance(seen, PaymentSeen):
        row = await _payment_row(tx, tenant, gateway, seen)
        if row is not None:
            return row.account
    elif isinstance(seen, CheckoutSeen):
        page = await _page(tx, tenant, gateway, seen)
        if page is not None:
            return page.account
    return await methods.customer_account(tx, tenant, gateway, seen.customer_ref)


async def _payment_row(tx: Tx, tenant: int, gateway: str, seen: PaymentSeen) -> Payment | None:
    """Our row of it: the one with the provider's id, else the one whose id the provider keeps."""
    id: UUID | None = await value(
        tx, q.payment_id_of_ref, {"tenant": tenant, "gateway": gateway, "ref": seen.ref}
    )
    for one in (id, seen.payment):
        if one is not None:
            row = await closing.locked_payment(tx, tenant, owner_of(one), one)
            if row is not None and row.gateway == gateway:
                return row
    return None


async def _page(tx: Tx, tenant: int, gateway: str, seen: CheckoutSeen) -> Checkout | None:
    id: UUID | None = seen.checkout
    if id is None:
        of = {"tenant": tenant, "gateway": gateway, "ref": seen.ref}
        id = await value(tx, q.checkout_id_of_ref, of)
    try:
        row = None if id is None else await checkout(tx, tenant, id)
    except NotFound:
        return None
    return row if row is not None and row.gateway == gateway else None


async def _checkout(
    tx: Tx, till: Till, tenant: int, account: int, gateway: str, seen: CheckoutSeen, by: str
) -> None:
    row = await _page(tx, tenant, gateway, seen)
    now = await identity.now(tx, tenant)
    if row is not None and seen.method is not None and row.save_method:
        await methods.save(tx, tenant, account, gateway, seen.method, at=now)
    if seen.payment is not None:
        paid = seen.payment
        if paid.payment is None and row is not None:
            paid = replace(paid, payment=row.payment)
        if paid.customer_ref is None:
            paid = replace(paid, customer_ref=seen.customer_ref)
        await _payment(tx, till, tenant, account, gateway, paid, by)
        row = await _page(tx, tenant, gateway, seen)
    if row is None:
        return
    after = merge_checkout(row.status, seen.status)
    if after == "expired":
        await completing.lapse(tx, row, now, rates=till.rates, at_gateway=True)
    elif row.payment is None:
        await completing.completed_free(tx, row, now, rates=till.rates)


async def _payment(
    tx: Tx, till: Till, tenant: int, account: int, gateway: str, seen: PaymentSeen, by: str
) -> None:
    row = await _payment_row(tx, tenant, gateway, seen)
    succeeded = seen.status == "succeeded"
    if row is None or (row.status == "succeeded" and row.ref is not None and row.ref != seen.ref):
        if not succeeded or not await _is_customers(tx, tenant, account, gateway, seen, row):
            return
        row = await _unasked(tx, tenant, account, gateway, seen, row, by)
    if seen.method is not None and (succeeded or seen.status == "processing"):
        await _note_method(tx, row, seen.method)
    await receiving.learn(tx, till, row, facts_seen(seen), seen.currency, by=by)


async def _is_customers(
    tx: Tx, tenant: int, account: int, gateway: str, seen: PaymentSeen, row: Payment | None
) -> bool:
    """Whether money that we did not ask for is for us: it names a payment of ours, and its customer is ours.

    Two installations may share one provider: what merely looks like one of our ids is another's.
    """
    if row is not None:
        return True
    customer = await methods.customer_account(tx, tenant, gateway, seen.customer_ref)
    return seen.payment is not None and owner_of(seen.payment) == account == customer


async def _unasked(
    tx: Tx, tenant: int, account: int, gateway: str, seen: PaymentSeen, row: Payment | None, by: str
) -> Payment:
    """Record money that nobody asked for: a second time for one payment, or for one that we do not know."""
    id = owned_uuid(account) if row is not None or seen.payment is None else seen.payment
    now = await identity.now(tx, tenant)
    values = {"account": account, "id": id, "tenant": tenant, "gateway": gateway, "cause": "checkout"}
    values |= {"invoice": None if row is None else row.invoice, "method": None}
    values |= {"checkout": None if row is None else row.checkout, "ref": seen.ref, "first": None}
    values |= {"amount": seen.amount, "currency": seen.currency, "by": by, "wanted_at": now, "now": now}
    await run(tx, q.insert_payment, values | {"due_at": None})
    made = await closing.locked_payment(tx, tenant, account, id)
    assert made is not None
    return made


async def _note_method(tx: Tx, row: Payment, seen: MethodSeen) -> None:
    """By what it was paid: a way to pay that is saved, or that its page was to save."""
    page = None if row.checkout is None else await checkout(tx, row.tenant, row.checkout)
    known = await methods.by_ref(tx, row.tenant, row.gateway, seen.ref)
    if known is None and page is not None and page.save_method:
        now = await identity.now(tx, row.tenant)
        known = await methods.save(tx, row.tenant, row.account, row.gateway, seen, at=now)
    if known is not None and known.account == row.account:
        row.method = known.id
