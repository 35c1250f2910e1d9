"""Automatic purchases of credits and alerts, as data, and the rule that says when to buy. Credits are microcredits."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

COOLDOWN: Final = 300
"""Seconds from the start of a reload to the next, where nothing else is said."""
MAX_COOLDOWN: Final = 31 * 86_400
MOST_ALERTS: Final = 10
"""Alerts of one wallet."""

ReloadStatus = Literal["in_flight", "succeeded", "failed"]
State = Literal["off", "ready", "in_flight", "capped", "stopped"]


@dataclass(slots=True, kw_only=True)
class AutoReload:
    """What is bought for a wallet when it falls below ``threshold``: ``amount`` credits, or a package.

    ``method``: how it is paid, by default the account's standard way. ``cooldown`` in seconds. ``monthly_cap`` in minor
    units of ``currency``, tax included, for a calendar month of the account's time zone. ``stop_reason``: it buys
    nothing more until it is set again.
    """

    account: int
    account_uuid: UUID
    tenant: int
    credit_type: str
    enabled: bool
    threshold: int
    amount: int | None
    package: UUID | None
    method: UUID | None
    cooldown: int
    monthly_cap: int | None
    currency: str
    stop_reason: str | None
    stop_message: str | None
    stopped_at: datetime | None
    capped_until: datetime | None
    due_at: datetime | None
    created_at: datetime
    updated_at: datetime

    @property
    def buys(self) -> bool:
        """Switched on and not stopped."""
        return self.enabled and self.stop_reason is None


@dataclass(slots=True, kw_only=True)
class Reload:
    """One automatic purchase: ``credits`` with bonus for ``amount`` minor units with tax.

    ``payment`` is None where the customer's credit paid for it.
    """

    account: int
    account_uuid: UUID
    invoice: UUID
    tenant: int
    credit_type: str
    payment: UUID | None
    status: ReloadStatus
    credits: int
    amount: int
    currency: str
    wanted_at: datetime
    ended_at: datetime | None
    failure_code: str | None
    failure_message: str | None


@dataclass(slots=True, kw_only=True)
class Alert:
    """Tells of each fall of a wallet below ``threshold``: by an event, and by e-mail where asked."""

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    credit_type: str
    threshold: int
    email: bool
    created_at: datetime
    told_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """``buy``: as of ``at``. Else ``at`` is when to look again, None: when the wallet crosses the threshold again."""

    buy: bool
    at: datetime | None


def judge(
    row: AutoReload, *, available: int, in_flight: bool, last: datetime | None, now: datetime
) -> Verdict:
    """Whether to buy now what fell due at ``row.due_at``. ``last``: when the last reload of the wallet was wanted.

    One is in flight at a time: its end looks again. A cool-down that ended meanwhile counts from its own end, so that
    what is done late is done as of the moment at which it would have been done in time.
    """
    if not row.buys or row.due_at is None or available >= row.threshold or in_flight:
        return Verdict(False, None)
    at = row.due_at
    if last is not None:
        at = max(at, last + timedelta(seconds=row.cooldown))
    return Verdict(at <= now, at)


def state_of(row: AutoReload, *, in_flight: bool, now: datetime) -> State:
    """What it does at the moment."""
    if in_flight:
        return "in_flight"
    if not row.enabled:
        return "off"
    if row.stop_reason is not None:
        return "stopped"
    capped = row.capped_until is not None and now < row.capped_until
    return "capped" if capped else "ready"
