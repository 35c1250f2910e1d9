"""What follows when a payment of ours succeeds or fails, in one commit, under the account's head."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tallystick.db.pool import Tx, value
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import collecting
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict
from tallystick.kernel.ids import typeid

from . import closing, completing, disputes, early, letters, paying, refunds, settings, views
from .events import checkout_event, payment_event
from .merging import Facts, facts_of, merge
from .model import AUTOMATIC, Checkout, Payment
from .port import RefundSeen
from .till import Till
from .views import q

PATIENCE: Final = timedelta(hours=24)
"""How long a payment waits for a step of the customer's, who is not there."""
LOOK: Final = timedelta(minutes=1)
"""When a payment that is processing is looked at first; then each time twice as late, at most `SELDOM`."""
SELDOM: Final = timedelta(hours=6)


async def learn(tx: Tx, till: Till, row: Payment, seen: Facts, currency: str, *, by: str) -> None:
    """Work what is told of a payment into its row, with all that follows. The caller holds the account's head."""
    if seen.status == "failed" and row.cause != "checkout":
        seen = replace(seen, final=True)  # there is no page on which the customer could try again
    after = merge(facts_of(row), seen)
    if row.ref is None:
        row.ref = seen.ref
    if after.status == "succeeded" and row.status != "succeeded":
        await _came(tx, till, row, after, currency, by=by)
    else:
        await _moved(tx, till, row, after, by=by)


def _tried_again(before: Facts, after: Facts) -> bool:
    """Whether another try on an open page was declined: at another time where that is known, else otherwise."""
    if (before.status, after.status, after.final) != ("failed", "failed", False):
        return False
    later = before.seen_at is not None and before.seen_at != after.seen_at
    said = (before.failure_code, before.failure_message) != (after.failure_code, after.failure_message)
    return later or said


async def _moved(tx: Tx, till: Till, row: Payment, after: Facts, *, by: str) -> None:
    """It needs a step, is processing, or came to nothing."""
    now = await identity.now(tx, row.tenant)
    at = await _as_of(tx, row, now) or now
    again = _tried_again(facts_of(row), after)
    if after.status == "processing":
        row.due_at = now + min(SELDOM, LOOK * 2 ** min(row.attempts, 10))
    elif after.status == "requires_action":
        row.due_at = now + PATIENCE if row.cause != "checkout" else None
    ends = row.ended_at is None and after.status == "failed" and after.final
    if not await closing.write(tx, row, after, at) and not again:
        if ends:  # declined before, and now for good
            await _lapse(tx, till, row, now, by=by)
        return
    if row.status == "requires_action":
        await emit(tx, row.tenant, payment_event("payment.requires_action", row, at))
        page = await _checkout(tx, row)
        # a reload stops instead, and says so; an upgrade at once is given up, and its caller told
        if row.cause not in ("checkout", "reload") and page is None:
            await letters.action_required(tx, row)
    elif row.status == "failed" or (row.status == "cancelled" and row.cause != "checkout"):
        await emit(tx, row.tenant, payment_event("payment.failed", row, at))
        if row.cause == "dunning":
            await letters.failed(tx, till, row)
        if row.cause in AUTOMATIC and row.invoice is not None:
            await collecting.again(tx, row.account, row.invoice)
        if row.ended_at is not None:
            await _lapse(tx, till, row, now, by=by)


async def _lapse(tx: Tx, till: Till, row: Payment, now: datetime, *, by: str) -> None:
    """Take its page away, if it has one, or what was bought with it at once: nothing more comes of it."""
    page = await _checkout(tx, row)
    if page is not None:
        await completing.lapse(tx, page, now, rates=till.rates, by=by)
    elif row.cause == "request" and row.invoice is not None:
        await completing.unsell(tx, row.tenant, row.account, row.invoice, rates=till.rates, by=by)


async def _came(tx: Tx, till: Till, row: Payment, after: Facts, currency: str, *, by: str) -> None:
    """Money came: the invoice is paid, credits are given, a subscription begins; what is too much goes on."""
    now = await identity.now(tx, row.tenant)
    as_of = await _as_of(tx, row, now)
    at = as_of or now
    wanted = row.currency
    row.amount, row.currency = after.amount or row.amount, currency
    checkout = await _checkout(tx, row)
    given_up = checkout is not None and checkout.at_once and checkout.status == "expired"
    completes = checkout is not None and checkout.status != "completed" and not given_up
    if checkout is not None and completes:
        await completing.finish(tx, checkout, at)
    begins = False
    head = (await ledger.lock(tx, [row.account]))[row.account]
    if head.status == "closed" or row.currency != wanted:
        row.to_refund = row.amount
    else:
        if checkout is not None and checkout.kind == "plan" and completes:
            begins = await completing.plan_taken(tx, checkout, rates=till.rates)
            row.invoice = checkout.invoice
        await _apply(tx, row, as_of, begins=begins, rates=till.rates, by=by)
    row.ended_at = None
    row.attempts = 0
    await closing.write(tx, row, replace(after, amount=row.amount), at)
    await emit(tx, row.tenant, payment_event("payment.succeeded", row, at))
    if checkout is not None and completes:
        await closing.save_checkout(tx, checkout)
    if checkout is not None and completes and not checkout.at_once and (row.applied or begins):
        await emit(tx, row.tenant, checkout_event("checkout.completed", checkout, at))
    await letters.receipt(tx, row, at)
    if row.to_refund:
        await refunds.request_duplicate(tx, row, row.to_refund, at=now)
    for seen in await early.parked(tx, row):
        if isinstance(seen, RefundSeen):
            await refunds.take_refund(tx, row.tenant, row.gateway, seen, rates=till.rates, by=by)
        else:
            await disputes.take_dispute(tx, row.tenant, row.gateway, seen, rates=till.rates, by=by)


async def _apply(
    tx: Tx, row: Payment, as_of: datetime | None, *, begins: bool, rates: Rates, by: str
) -> None:
    """Pay the invoice as far as it needs; the rest is credit or goes back, by policy.

    ``begins``: the customer paid for a plan that began with it; what the plan does not need is their credit.
    """
    credit = begins or (await settings.policy(tx, row.tenant)).duplicates == "credit"
    if row.invoice is not None:
        bill = await invoices.invoice(tx, row.tenant, row.invoice)
        room = bill.remaining if bill.status in ("open", "uncollectible") else 0
        applied = min(row.amount, room)
        over = row.amount - applied if credit else 0
        if applied and await _paid(tx, row, applied + over, as_of, rates=rates, by=by):
            row.applied, row.to_credit = applied, over
    rest = row.amount - row.applied - row.to_credit
    if rest and credit:
        await invoicing.add_credit(
            tx, row.tenant, row.account, row.currency, rest, reason=f"Payment {typeid('pay', row.id)}", by=SYSTEM
        )  # fmt: skip
        row.to_credit += rest
    else:
        row.to_refund = rest


async def _paid(tx: Tx, row: Payment, amount: int, as_of: datetime | None, *, rates: Rates, by: str) -> bool:
    """Pay the invoice; False when what was due first has made it void or given it up for good, or when the wallet
    cannot hold what it buys."""
    assert row.invoice is not None
    try:
        async with tx.transaction():
            await paying.pay_invoice(
                tx, row.tenant, row.account, row.invoice, rates=rates, by=by, amount=amount, at=as_of, as_of=as_of,
                reference=typeid("pay", row.id),
            )  # fmt: skip
    except Conflict as fact:
        if fact.code not in ("invoice_state", "account_closed", "balance_too_large"):
            raise
        return False
    return True


async def _as_of(tx: Tx, row: Payment, now: datetime) -> datetime | None:
    """On a test clock that was moved, what goes by itself is paid at the moment for which it was wanted."""
    ahead: timedelta = await value(tx, q.ahead, {"tenant": row.tenant})
    return row.wanted_at if row.cause in AUTOMATIC and ahead and row.wanted_at < now else None


async def _checkout(tx: Tx, row: Payment) -> Checkout | None:
    return None if row.checkout is None else await views.checkout(tx, row.tenant, row.checkout)
