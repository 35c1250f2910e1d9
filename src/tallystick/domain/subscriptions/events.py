"""What others are told of subscriptions. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid

from .model import Change, Subscription

_TOLD: Final = {
    "upgraded": "subscription.plan_changed",
    "downgraded": "subscription.plan_changed",
} | {
    kind: f"subscription.{kind}"
    for kind in (
        "created", "activated", "renewed", "change_scheduled", "cancel_scheduled", "trial_ended", "past_due", "paused",
        "resumed", "cancelled", "ended",
    )
}  # fmt: skip
"""The event of each kind of the log that has one of its own."""

_WHOLE: Final = frozenset({"created", "cancelled", "ended"})
"""Kinds that say all there is to say: no ``subscription.updated`` comes with them."""


def happened(
    row: Subscription, account: UUID, log: Sequence[Change], updated: datetime | None
) -> list[Event]:
    """What is told of new rows of the log, after which the subscription stands as ``row`` says.

    One ``subscription.updated`` comes last when anything changed that no event of its own says whole; ``updated`` is
    when something did that the log does not have. What allowances granted, the ledger tells.
    """
    data = data_of(row, account)
    told = [Event(_TOLD[one.kind], one.at, data, row.account) for one in log if one.kind in _TOLD]
    changed = [one.at for one in log if one.kind not in _WHOLE and not one.kind.startswith("allowance_")]
    changed += [] if updated is None else [updated]
    if changed:
        told.append(Event("subscription.updated", max(changed), data, row.account))
    return told


def data_of(row: Subscription, account: UUID) -> dict[str, Any]:
    """A subscription as events show it."""
    scheduled = row.scheduled
    return {
        "id": typeid("sub", row.id),
        "account": typeid("acct", account),
        "status": row.status,
        "plan": typeid("plan", row.plan),
        "plan_name": row.plan_name,
        "plan_version": row.version,
        "started_at": iso(row.started_at),
        "trial_end": _time(row.trial_end),
        "current_period_start": iso(row.period_start),
        "current_period_end": _time(row.period_end),
        "cancel_at_period_end": row.cancel_at_period_end,
        "cancel_reason": row.cancel_reason,
        "cancelled_at": _time(row.cancelled_at),
        "ended_at": _time(row.ended_at),
        "scheduled_plan": None if scheduled is None else typeid("plan", scheduled.plan),
        "scheduled_plan_version": None if scheduled is None else scheduled.version,
        "paused_at": _time(row.paused_at),
        "resume_at": _time(row.resume_at),
        "past_due_since": _time(row.past_due_since),
        "grace_until": _time(row.grace_until),
        "unpaid_until": _time(row.unpaid_until),
        "metadata": row.metadata,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
