"""Subscribing a customer to a plan."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, one_row, value
from tallystick.domain.catalog.model import Plan
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.model import metadata_text
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger.model import Head
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import owned_uuid, typeid

from . import renewal
from .changes import offered
from .model import Billing, Outcome, Subscription
from .periods import FARTHEST, anchor_for, frame_at, trial_end_of, whole_second
from .statements import q
from .states import OVER
from .work import Work, audit, lock, now_of, open_work, save


async def subscribe(
    tx: Tx,
    tenant: int,
    account: int,
    *,
    plan: UUID,
    rates: Rates,
    by: str,
    version: int | None = None,
    start: datetime | None = None,
    trial: bool = True,
    billing: Billing = "anniversary",
    overrides: dict[str, Any] | None = None,
    metadata: dict[str, Any] | None = None,
) -> Outcome:
    """Subscribe a customer to a plan: incomplete until the first invoice is paid, or trialing.

    ``start`` is what periods are counted from; nothing is billed for the past, and one that is to come waits.
    ``trial``: the plan's, unless the customer ever had one. Raises NotFound, Invalid,
    Conflict("already_subscribed"), Conflict("plan_archived"), Conflict("account_blocked"), Conflict("account_closed").
    """
    heads = await lock(tx, tenant, account)
    may_buy(heads[account])
    now = await now_of(tx, tenant)
    if start is not None and abs(start - now) > FARTHEST:
        raise Invalid("start", "must be within ten years")
    metadata_text(metadata or {})
    found, terms = await offered(tx, tenant, plan, version, overrides, keep=True)
    before = None
    if terms.interval != "one_time":
        before = await _make_room(tx, tenant, account, heads, now, rates, by)
    zone = (await identities.account(tx, tenant, account)).time_zone
    row = _new(tenant, account, found, now, whole_second(start or now), billing, zone)
    row.terms, row.overrides, row.metadata = terms, overrides or {}, metadata or {}
    row.recurring = terms.interval != "one_time"
    wants_trial = trial and terms.trial_days > 0
    if wants_trial and await value(tx, q.first_trial, {"account": account}) is None:
        ends = trial_end_of(row.started_at, terms.trial_days, zone)
        row.trial_end = ends if ends > now else None
    _first_period(row, now)
    # what another subscription was billed for is not billed again
    billed: datetime | None = await value(tx, q.billed_until, {"account": account})
    if billed is not None:
        row.usage_since = max(row.usage_since, billed)
    work = Work(tx, tenant, heads, rates, await invoices.desk(tx, tenant), by, row, fresh=True)
    work.note("created", now, plan=typeid("plan", plan), version=found.version)
    made = None
    if not row.waiting:
        made = await renewal.begin(work, now)
    work.invoices = [*(before.invoices if before else ()), *work.invoices]
    work.events = [*(before.events if before else ()), *work.events]
    await audit(work, "subscription.create", plan=typeid("plan", plan))
    await save(work)
    return Outcome(row, made)


def may_buy(head: Head) -> None:
    """Raises Conflict("account_closed"), Conflict("account_blocked") for an account that is sold nothing."""
    if head.status == "closed":
        raise Conflict("account_closed", "The account is closed.")
    if head.status == "blocked":
        raise Conflict("account_blocked", "The account is blocked.")


async def _make_room(
    tx: Tx, tenant: int, account: int, heads: dict[int, Head], now: datetime, rates: Rates, by: str
) -> Work | None:
    """One recurring subscription a customer: one that should have ended by now is ended first."""
    held = await one_row(tx, Subscription, q.current, {"tenant": tenant, "account": account})
    if held is None:
        return None
    work = await open_work(tx, tenant, account, held.id, rates=rates, by=by, heads=heads, number_now=False)
    await renewal.catch_up(work, now)
    if work.subscription.status not in OVER:
        raise Conflict(
            "already_subscribed", "The customer has a subscription.", subscription=typeid("sub", held.id)
        )
    await save(work)
    return work


def _new(
    tenant: int, account: int, plan: Plan, now: datetime, started: datetime, billing: Billing, zone: str
) -> Subscription:
    return Subscription(
        account, owned_uuid(account), tenant, plan.id, plan.version, plan.name, plan.terms, {}, True,
        "incomplete", billing, zone, started, started, started > now, None, started, None, started, False, None,
        None, None, None, None, None, None, None, None, 0, None, {}, now, now,
    )  # fmt: skip


def _first_period(row: Subscription, now: datetime) -> None:
    """The trial; else the period that contains now, or that begins with the start."""
    if not row.recurring:
        return
    if row.trial_end is not None:
        row.period_end = row.trial_end
        return
    row.anchor = anchor_for(row.billing, row.terms.interval, row.started_at, row.time_zone)
    frame = frame_at(row, max(row.started_at, now))
    row.period_start, row.period_end = max(frame.start, row.started_at), frame.end
    row.usage_since = row.period_start
