"""How subscriptions are shown."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx
from tallystick.dialects.native.answers import Credits, Time
from tallystick.dialects.native.invoices import shapes as invoices
from tallystick.dialects.native.names import account_id, actor_id
from tallystick.dialects.native.plans import shapes as plans
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.identity import views as identity
from tallystick.domain.subscriptions import model
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid

_MILLIONTHS: Final = {
    "components": frozenset({"unit_price", "free_units", "package_size", "up_to"}),
    "allowances": frozenset({"amount", "limit"}),
}
"""The fields of overrides that are stored in millionths; others are minor units, or are no numbers."""


class SubscribedPlan(msgspec.Struct):
    id: str
    key: str | None
    name: str
    version: int


class ScheduledChange(msgspec.Struct):
    """What applies when the period ends."""

    plan: SubscribedPlan
    effective_at: Time | None


class Subscription(plans.PlanTerms, kw_only=True):
    """Its terms are the plan's of that version, with ``overrides`` in them.

    ``current_period_end`` is null when the plan is paid once. ``anchor`` is what periods are counted from.
    """

    id: str
    account: str
    plan: SubscribedPlan
    status: model.Status
    billing: str
    time_zone: str
    anchor: Time
    started_at: Time
    trial_end: Time | None
    current_period_start: Time
    current_period_end: Time | None
    cancel_at_period_end: bool
    cancel_reason: str | None
    cancelled_at: Time | None
    ended_at: Time | None
    paused_at: Time | None
    resume_at: Time | None
    past_due_since: Time | None
    grace_until: Time | None
    scheduled_change: ScheduledChange | None
    overrides: dict[str, Any]
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time


class SubscriptionChanged(Subscription, kw_only=True):
    """``change``: applied, or scheduled for the period's end. ``invoice`` is what the act issued, if anything."""

    change: str
    invoice: invoices.Invoice | None


class ChangePreview(msgspec.Struct):
    """``applies``: now, or at the period_end. ``invoice`` is what would be issued then, if anything."""

    applies: str
    effective_at: Time
    invoice: invoices.Invoice | None


class SubscriptionEvent(msgspec.Struct):
    """A row of a subscription's log."""

    seq: int
    at: Time
    kind: str
    actor: str
    details: dict[str, Any]


class AllowancePeriod(msgspec.Struct):
    """``amount`` is what the terms give in the period, ``granted`` what was given, ``rolled`` what came from before."""

    credit_type: str
    period_start: Time
    period_end: Time | None
    reset: str
    amount: Credits
    granted: Credits
    rolled: Credits
    current: bool


async def subscriptions(conn: Tx, tenant: int, rows: Sequence[model.Subscription]) -> list[Subscription]:
    """With the names of accounts and plans, each read once."""
    names = await _names(conn, tenant, rows)
    return [Subscription(**_fields(row, names)) for row in rows]


async def changed(conn: Tx, outcome: model.Outcome) -> SubscriptionChanged:
    row = outcome.subscription
    names = await _names(conn, row.tenant, [row])
    issued = None if outcome.invoice is None else invoices.invoice(outcome.invoice)
    return SubscriptionChanged(**_fields(row, names), change=outcome.change, invoice=issued)


def preview(found: model.Preview) -> ChangePreview:
    issued = None if found.invoice is None else invoices.invoice(found.invoice)
    return ChangePreview(found.applies, iso(found.effective_at), issued)


def event(row: model.Change) -> SubscriptionEvent:
    return SubscriptionEvent(row.seq, iso(row.at), row.kind, actor_id(row.by), row.details)


def allowance_period(row: model.AllowancePeriod, now: datetime) -> AllowancePeriod:
    return AllowancePeriod(
        row.credit_type,
        iso(row.period_start),
        time(row.period_end),
        row.reset,
        format_credits(row.amount),
        format_credits(row.granted),
        format_credits(row.rolled),
        row.open and (row.period_end is None or now < row.period_end),
    )


class _Names(NamedTuple):
    accounts: Mapping[int, UUID]
    plans: Mapping[UUID, Plan]


async def _names(conn: Tx, tenant: int, rows: Sequence[model.Subscription]) -> _Names:
    wanted = {row.plan for row in rows}
    wanted |= {row.scheduled.plan for row in rows if row.scheduled is not None}
    accounts = await identity.account_uuids(conn, tenant, [row.account for row in rows])
    return _Names(accounts, await catalog.plans_of(conn, tenant, sorted(wanted)))


def _fields(row: model.Subscription, names: _Names) -> dict[str, Any]:
    terms = row.terms
    return {
        "id": typeid("sub", row.id),
        "account": account_id(names.accounts[row.account]),
        "plan": _plan(names, row.plan, row.version),
        "status": row.status,
        "billing": row.billing,
        "time_zone": row.time_zone,
        "anchor": iso(row.anchor),
        "started_at": iso(row.started_at),
        "trial_end": time(row.trial_end),
        "current_period_start": iso(row.period_start),
        "current_period_end": time(row.period_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "cancel_reason": row.cancel_reason,
        "cancelled_at": time(row.cancelled_at),
        "ended_at": time(row.ended_at),
        "paused_at": time(row.paused_at),
        "resume_at": time(row.resume_at),
        "past_due_since": time(row.past_due_since),
        "grace_until": time(row.grace_until),
        "scheduled_change": _scheduled(row, names),
        "overrides": _overrides(row.overrides),
        "metadata": row.metadata,
        "created_at": iso(row.created_at),
        "updated_at": iso(row.updated_at),
        **plans.terms(terms),
    }


def _plan(names: _Names, plan: UUID, version: int) -> SubscribedPlan:
    found = names.plans[plan]
    return SubscribedPlan(typeid("plan", plan), found.key, found.name, version)


def _scheduled(row: model.Subscription, names: _Names) -> ScheduledChange | None:
    to = row.scheduled
    return None if to is None else ScheduledChange(_plan(names, to.plan, to.version), time(row.period_end))


def _overrides(stored: Mapping[str, Any]) -> dict[str, Any]:
    """The overrides as a request says them: quantities, unit prices and credits as decimal strings."""
    shown = {name: stored[name] for name in ("features", "trial_days") if name in stored}
    for name, millionths in _MILLIONTHS.items():
        if name in stored:
            shown[name] = {key: _said(fields, millionths) for key, fields in stored[name].items()}
    return shown


def _said(fields: Mapping[str, Any], millionths: frozenset[str]) -> dict[str, Any]:
    """Stored fields of a component or an allowance, those that are millionths as decimal strings."""
    shown: dict[str, Any] = {}
    for name, given in fields.items():
        if name in ("tiers", "rollover"):
            inner = [given] if name == "rollover" else given
            said = [_said(one, millionths) for one in inner]
            shown[name] = said[0] if name == "rollover" else said
        elif name == "rate":
            shown[name] = format_credits(given * 100)
        else:
            shown[name] = format_credits(given) if name in millionths and given is not None else given
    return shown


def time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
