"""What may be done with subscriptions, each in the caller's transaction.

Each locks the account's head, does first what had fallen due by now, then what is asked, and ends with the numbers
of the invoices it issued: commit at once. ``rates`` is the ledger's port (`catalog.views.rates_in_force`).
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, value
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.identity.model import check_text
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.clock import iso
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import typeid

from . import adopting, charging, renewal
from .changes import CHANGEABLE, change_draft, target
from .model import Outcome
from .payments import credit_invoice, fail_invoice, pay_invoice, void_invoice
from .periods import FARTHEST, frame_of, whole_second
from .statements import q
from .states import OVER, demand, move, wrong_state
from .subscribing import subscribe
from .work import Work, audit, now_of, open_work, save

__all__ = [
    "cancel",
    "change",
    "credit_invoice",
    "delete_plan",
    "fail_invoice",
    "pause",
    "pay_invoice",
    "resume",
    "revoke_cancel",
    "revoke_change",
    "subscribe",
    "void_invoice",
]


async def change(
    tx: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    plan: UUID,
    rates: Rates,
    by: str,
    version: int | None = None,
    overrides: dict[str, Any] | None = None,
    as_of: datetime | None = None,
) -> Outcome:
    """Change the plan: a higher one now, with its invoice; a lower one or only another interval at the period's end.

    ``version`` is the plan's newest unless one is named. A cancel that waits is revoked by it. ``as_of``: as of that
    moment, when it was paid for, unless something happened to the subscription since. Raises NotFound,
    Invalid, Conflict("same_plan"), Conflict("not_recurring"), Conflict("currency_mismatch"),
    Conflict("plan_archived"), Conflict("subscription_state"), Conflict("subscription_ended"),
    Conflict("account_closed").
    """
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    row = work.subscription
    if as_of is not None and row.updated_at <= as_of < now:
        now = as_of
    demand(row, *CHANGEABLE)
    _check_open(work)
    wanted, way = await target(tx, row, plan, overrides, version=version, keep=True)
    if row.cancel_at_period_end:
        row.cancel_at_period_end, row.cancel_reason, row.cancelled_at = False, None, None
        work.note("cancel_revoked", now)
    shown: dict[str, Any] = {"plan": typeid("plan", plan), "version": wanted.version}
    if way != "up":
        assert row.period_end is not None
        row.scheduled = wanted
        work.note("change_scheduled", now, **shown, effective_at=iso(row.period_end))
        await audit(work, "subscription.change", **shown)
        await save(work)
        return Outcome(row, None, "scheduled")
    made = None
    if row.status == "trialing":
        await adopting.adopt(work, wanted, now, bridge=True)
    else:
        # prices are shared by whole seconds; usage is cut at this very moment, lest some of it be nobody's
        at = whole_second(now)
        lines, stored = await charging.usage(tx, row, frame_of(row), now, work.billed)
        draft = change_draft(row, wanted, lines, at)
        other_interval = wanted.terms.interval != row.terms.interval
        await adopting.adopt(work, wanted, now, bridge=True)
        if other_interval:
            adopting.restart(row, at)
        row.usage_since = max(row.usage_since, now)
        work.billed += stored
        made = await work.issue(draft, now)
        await renewal.begin_grace(work, made)
    work.note("upgraded", now, **shown)
    await audit(work, "subscription.change", **shown)
    await save(work)
    return Outcome(row, made)


async def revoke_change(
    tx: Tx, tenant: int, account: int, subscription: UUID, *, rates: Rates, by: str
) -> Outcome:
    """Take back a change that waits. Raises NotFound, Conflict("nothing_scheduled")."""
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    if work.subscription.scheduled is None:
        raise Conflict("nothing_scheduled", "No change of plan is scheduled.")
    work.subscription.scheduled = None
    work.note("change_revoked", now)
    await audit(work, "subscription.revoke_change")
    await save(work)
    return Outcome(work.subscription)


async def cancel(
    tx: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    at_period_end: bool,
    rates: Rates,
    by: str,
    reason: str = "",
) -> Outcome:
    """Cancel now, with an invoice of what was used so far, or at the period's end (revocable until then).

    A change that waits is revoked by it.

    One that is incomplete is cancelled now either way. Raises NotFound, Invalid, Conflict("subscription_ended"),
    Conflict("not_recurring").
    """
    check_text("reason", reason, 500)
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    row = work.subscription
    if row.status in OVER:
        raise wrong_state(row)
    row.cancel_reason = reason or None
    made = None
    if row.status == "incomplete":
        await renewal.end_incomplete(work, now, "cancelled")
    elif not at_period_end:
        made = await renewal.finish(work, now, "cancelled")
    elif row.period_end is None:
        raise Conflict("not_recurring", "A plan that is paid once has no period that ends.")
    elif not row.cancel_at_period_end:
        if row.scheduled is not None:
            row.scheduled = None
            work.note("change_revoked", now)
        row.cancel_at_period_end, row.cancelled_at = True, now
        work.note("cancel_scheduled", now, effective_at=iso(row.period_end))
    await audit(work, "subscription.cancel", reason=reason, at_period_end=at_period_end)
    await save(work)
    return Outcome(row, made, "scheduled" if row.status not in OVER else "applied")


async def revoke_cancel(
    tx: Tx, tenant: int, account: int, subscription: UUID, *, rates: Rates, by: str
) -> Outcome:
    """Take back a cancel that waits. Raises NotFound, Conflict("nothing_scheduled")."""
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    row = work.subscription
    if row.status in OVER or not row.cancel_at_period_end:
        raise Conflict("nothing_scheduled", "No cancel is scheduled.")
    row.cancel_at_period_end, row.cancel_reason, row.cancelled_at = False, None, None
    work.note("cancel_revoked", now)
    await audit(work, "subscription.revoke_cancel")
    await save(work)
    return Outcome(row)


async def pause(
    tx: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    rates: Rates,
    by: str,
    resume_at: datetime | None = None,
) -> Outcome:
    """Pause an active subscription: nothing renews, features are off, credits stay until they expire.

    Raises NotFound, Invalid, Conflict("subscription_state"), Conflict("subscription_ended"), Conflict("not_recurring").
    """
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    row = work.subscription
    demand(row, "active")
    if not row.recurring:
        raise Conflict("not_recurring", "A plan that is paid once cannot be paused.")
    if resume_at is not None and not now < resume_at <= now + FARTHEST:
        raise Invalid("resume_at", "must be in the future, within ten years")
    move(row, "paused")
    row.paused_at = now
    row.resume_at = None if resume_at is None else whole_second(resume_at)
    if row.resume_at is not None and row.resume_at <= now:
        row.resume_at = resume_at
    work.note("paused", now, **({} if resume_at is None else {"resume_at": iso(resume_at)}))
    await audit(work, "subscription.pause")
    await save(work)
    return Outcome(row)


async def resume(tx: Tx, tenant: int, account: int, subscription: UUID, *, rates: Rates, by: str) -> Outcome:
    """Resume: within the period it goes on; after it a new one begins now, with its invoice.

    Raises NotFound, Conflict("subscription_state"), Conflict("subscription_ended"), Conflict("account_closed").
    """
    work, now = await _opened(tx, tenant, account, subscription, rates, by)
    demand(work.subscription, "paused")
    _check_open(work)
    made = await renewal.resume(work, now)
    await audit(work, "subscription.resume")
    await save(work)
    return Outcome(work.subscription, made)


async def delete_plan(tx: Tx, tenant: int, plan: UUID, *, by: str) -> Plan:
    """Hide a plan that nobody holds. Audited. Raises NotFound, Conflict("plan_in_use")."""
    await catalog.lock_plan(tx, tenant, plan)
    if await value(tx, q.plan_in_use, {"tenant": tenant, "plan": plan}):
        raise Conflict("plan_in_use", "Subscriptions hold this plan; archive it instead.")
    return await catalog.delete_plan(tx, tenant, plan, by=by)


def _check_open(work: Work) -> None:
    if work.dead:
        raise Conflict("account_closed", "The account is closed.")


async def _opened(
    tx: Tx, tenant: int, account: int, subscription: UUID, rates: Rates, by: str
) -> tuple[Work, datetime]:
    """The locked subscription with everything done that was due, and the tenant's moment."""
    work = await open_work(tx, tenant, account, subscription, rates=rates, by=by)
    now = await now_of(tx, tenant)
    await renewal.catch_up(work, now)
    return work, now
