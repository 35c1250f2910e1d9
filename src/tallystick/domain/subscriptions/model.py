"""Subscriptions as data: what is stored, and what the actions answer. Credits are microcredits, money minor units."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.invoicing.model import Invoice

Status = Literal["incomplete", "trialing", "active", "past_due", "paused", "cancelled", "ended"]
Billing = Literal["anniversary", "calendar"]


class Scheduled(msgspec.Struct, frozen=True, kw_only=True):
    """A change that waits for the period's end, with the terms that were agreed when it was asked for."""

    plan: UUID
    version: int
    plan_name: str
    terms: Terms
    overrides: dict[str, Any] = {}


@dataclass(slots=True)
class Subscription:
    """What a customer is subscribed to.

    ``terms`` are the plan's of that version with ``overrides`` merged in: later versions do not touch them.
    ``anchor`` is what periods are counted from, in ``time_zone``; ``period_end`` is None when the plan is paid
    once. ``waiting``: it starts later. ``usage_since`` is from when on usage is not billed yet.
    """

    account: int
    id: UUID
    tenant: int
    plan: UUID
    version: int
    plan_name: str
    terms: Terms
    overrides: dict[str, Any]
    recurring: bool
    status: Status
    billing: Billing
    time_zone: str
    anchor: datetime
    started_at: datetime
    waiting: bool
    trial_end: datetime | None
    period_start: datetime
    period_end: datetime | None
    usage_since: datetime
    cancel_at_period_end: bool
    cancel_reason: str | None
    cancelled_at: datetime | None
    ended_at: datetime | None
    scheduled: Scheduled | None
    paused_at: datetime | None
    resume_at: datetime | None
    past_due_since: datetime | None
    grace_until: datetime | None
    unpaid_until: datetime | None
    changes: int
    due_at: datetime | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        if not isinstance(self.terms, Terms):
            self.terms = msgspec.convert(self.terms, Terms)
        if self.scheduled is not None and not isinstance(self.scheduled, Scheduled):
            self.scheduled = msgspec.convert(self.scheduled, Scheduled)


@dataclass(slots=True)
class Change:
    """A row of a subscription's log. ``kind`` is one of created, activated, trial_ended, renewed, upgraded,

    downgraded, change_scheduled, change_revoked, cancel_scheduled, cancel_revoked, cancelled, ended, paused,
    resumed, past_due, allowance_granted, allowance_rolled, allowance_withdrawn, allowance_restored.
    """

    account: int
    subscription: UUID
    seq: int
    at: datetime
    kind: str
    by: str
    details: dict[str, Any]


@dataclass(slots=True)
class AllowancePeriod:
    """A span in which an allowance is not reset. ``period_end`` is None for one that never is.

    ``amount`` is what the terms give in it, ``granted`` what was given of it, ``rolled`` what came from before.
    """

    account: int
    subscription: UUID
    credit_type: str
    period_start: datetime
    period_end: datetime | None
    anchor: datetime
    reset: str
    amount: int
    granted: int = 0
    rolled: int = 0
    open: bool = True


@dataclass(slots=True)
class Lot:
    """A grant of the ledger that an allowance made. ``withdrawn`` of it was taken back, unpaid or at the end."""

    account: int
    grant_id: int
    subscription: UUID
    credit_type: str
    amount: int
    rolls: int
    expires_at: datetime | None
    withdrawn: int = 0
    closed: bool = False


@dataclass(slots=True)
class UsageBilled:
    """What was billed of a component in [window_start, window_end): ``quantity`` millionths by ``terms``."""

    account: int
    subscription: UUID
    component: str
    window_start: datetime
    window_end: datetime
    terms: Component
    quantity: int

    def __post_init__(self) -> None:
        if not isinstance(self.terms, Component):
            self.terms = msgspec.convert(self.terms, Component)
        # of a type that is wider than an integer's
        self.quantity = int(self.quantity)


Applied = Literal["applied", "scheduled"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an action made of a subscription, and the invoice it issued, if any."""

    subscription: Subscription
    invoice: Invoice | None = None
    change: Applied = "applied"


@dataclass(frozen=True, slots=True)
class Preview:
    """What a change of plan would cost (None: nothing is invoiced), and when it would apply."""

    invoice: Invoice | None
    effective_at: datetime
    applies: Literal["now", "period_end"]


@dataclass(slots=True)
class PlanUse:
    """How many unended subscriptions a plan has."""

    plan: UUID
    count: int = field(default=0)
