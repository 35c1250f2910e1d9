"""Doing what a checkout was opened for, and taking back what it made when nobody paid. Under the account's head."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
import structlog

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.terms import Terms, merge
from tallystick.domain.events.actions import emit
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger.port import Rates
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions import views as held
from tallystick.domain.subscriptions.model import Billing, Outcome, Subscription
from tallystick.domain.subscriptions.subscribing import may_buy
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, Fact, Unavailable

from . import closing, methods, paying, views
from .events import checkout_event
from .model import Checkout

log = structlog.get_logger()


class Intent(msgspec.Struct, frozen=True, kw_only=True):
    """The plan that is taken when the money came. ``version`` is the one that was offered.

    An upgrade that is charged at once is of a ``subscription``, and was priced as of ``at``, counting on so much of the
    customer's ``credit`` in minor units.
    """

    plan: UUID
    version: int
    overrides: dict[str, Any] = {}
    billing: Billing = "anniversary"
    trial: bool = True
    metadata: dict[str, Any] = {}
    subscription: UUID | None = None
    at: datetime | None = None
    credit: int = 0


async def begin_plan(tx: Tx, tenant: int, account: int, intent: Intent, *, rates: Rates, by: str) -> Outcome:
    """Subscribe the customer, or change to a higher plan. A subscription that never was paid ends first.

    Locks the account's head. Raises what `subscriptions.subscribe` and `change` raise,
    Conflict("account_blocked"), and Conflict("not_an_upgrade") for a change that waits for the period's end.
    """
    plan = await catalog.plan(tx, tenant, intent.plan)
    if plan.terms.interval != "one_time":
        row = await held.current(tx, tenant, account)
        if row is not None and row.status == "incomplete":
            await _end_incomplete(tx, row, rates, by)
        elif row is not None:
            try:
                # what has ended meanwhile is found out by the change itself
                async with tx.transaction():
                    return await _change(tx, row, intent, rates, by)
            except Conflict as fact:
                if fact.code != "subscription_ended":
                    raise
    return await subscriptions.subscribe(
        tx, tenant, account, plan=intent.plan, version=intent.version, overrides=intent.overrides,
        billing=intent.billing, trial=intent.trial, metadata=intent.metadata, rates=rates, by=by,
    )  # fmt: skip


async def _change(tx: Tx, row: Subscription, intent: Intent, rates: Rates, by: str) -> Outcome:
    may_buy(await methods.lock(tx, row.tenant, row.account))
    made = await subscriptions.change(
        tx, row.tenant, row.account, row.id, plan=intent.plan, version=intent.version,
        overrides=intent.overrides or None, rates=rates, by=by,
    )  # fmt: skip
    if made.change == "scheduled":
        raise Conflict("not_an_upgrade", "Nothing is to pay for this change: it waits for the period's end.")
    return made


async def _end_incomplete(tx: Tx, row: Subscription, rates: Rates, by: str) -> None:
    unpaid = await invoices.unpaid(tx, row.account, row.id)
    for bill in unpaid:
        await paying.void_invoice(tx, row.tenant, row.account, bill.id, rates=rates, by=by)
    if not unpaid:  # its start is still to come
        await subscriptions.cancel(
            tx, row.tenant, row.account, row.id, at_period_end=False, rates=rates, by=by
        )


async def plan_taken(tx: Tx, row: Checkout, *, rates: Rates) -> bool:
    """Begin what a checkout of a plan was opened for, and note its invoice; False where that is not possible any more.

    Then the money goes where the policy says: the plan was archived, or is the customer's already, or they are blocked.
    """
    intent = msgspec.convert(row.intent, Intent)
    try:
        async with tx.transaction():
            if intent.subscription is None:
                made = await begin_plan(tx, row.tenant, row.account, intent, rates=rates, by=row.created_by)
            else:
                made = await _upgraded(tx, row, intent, intent.subscription, rates)
    except Unavailable:
        raise
    except Fact as fact:
        log.info("a plan that was paid for cannot begin", checkout=str(row.id), reason=fact.message)
        return False
    row.invoice = None if made.invoice is None else made.invoice.id
    return True


async def _upgraded(tx: Tx, row: Checkout, intent: Intent, subscription: UUID, rates: Rates) -> Outcome:
    """Do the upgrade as of when it was priced. Where that cannot be any more, or credit that it counted on went
    elsewhere, only if what was paid is enough."""
    may_buy(await methods.lock(tx, row.tenant, row.account))
    made = await subscriptions.change(
        tx, row.tenant, row.account, subscription, plan=intent.plan, version=intent.version, rates=rates,
        by=row.created_by, as_of=intent.at,
    )  # fmt: skip
    if made.change == "scheduled":
        raise Conflict("not_an_upgrade", "Nothing is to pay for this change: it waits for the period's end.")
    bill = made.invoice
    # usage that was reported meanwhile is collected as usage always is
    as_priced = bill is None or (bill.issued_at == intent.at and bill.credit_applied >= intent.credit)
    if bill is not None and not as_priced and bill.remaining > row.amount:
        raise Conflict("price_changed", "The upgrade costs more than what was charged for it.")
    return made


async def terms_of(conn: Tx, row: Checkout) -> Terms:
    """What the plan of a checkout costs its customer."""
    intent = msgspec.convert(row.intent, Intent)
    found = await catalog.plan_version(conn, row.tenant, intent.plan, intent.version)
    return merge(found.terms, dict(intent.overrides)) if intent.overrides else found.terms


async def finish(tx: Tx, row: Checkout, now: datetime) -> None:
    """Mark a checkout as completed: done before what it does, which closes all that is open."""
    row.status, row.ended_at, row.due_at = "completed", now, None
    await closing.save_checkout(tx, row)


async def completed_free(tx: Tx, row: Checkout, now: datetime, *, rates: Rates) -> None:
    """A page on which nothing was to pay was completed: the plan begins, or only a way to pay was saved."""
    if row.status == "completed":
        return
    await finish(tx, row, now)
    if row.kind == "plan":
        if not await plan_taken(tx, row, rates=rates):
            return
        await closing.save_checkout(tx, row)
    await emit(tx, row.tenant, checkout_event("checkout.completed", row, now))


async def lapse(
    tx: Tx, row: Checkout, now: datetime, *, rates: Rates, at_gateway: bool = False, by: str = SYSTEM
) -> None:
    """Expire an open checkout. An invoice of its own is void unless money for it is under way otherwise."""
    if row.status != "open":
        return
    await closing.expire(tx, row, now, at_gateway=at_gateway)
    if row.own_invoice and row.invoice is not None:
        await _void_unpaid(
            tx, row.tenant, row.account, row.invoice, rates=rates, by=by, why="Its checkout expired"
        )


async def unsell(tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str) -> None:
    """The charge of an invoice came to nothing: where that was to buy credits at once, it is void."""
    bought = await views.purchase_of(tx, account, invoice)
    if bought is not None and bought.cause == "request":
        await _void_unpaid(tx, tenant, account, invoice, rates=rates, by=by, why="It was not paid")


async def _void_unpaid(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str, why: str
) -> None:
    """Unless something was paid of it, or money for it is under way."""
    bill = await invoices.invoice(tx, tenant, invoice)
    if bill.status != "open" or bill.amount_paid:
        return
    others = await views.checkouts(tx, tenant, account=account, invoice=invoice, status="open", limit=1)
    if not others.rows and not await views.under_way(tx, account, invoice):
        await paying.void_invoice(tx, tenant, account, invoice, rates=rates, by=by, reason=why)
