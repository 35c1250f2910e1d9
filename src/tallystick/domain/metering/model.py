"""Usage events, meters and request statistics, as data.

Quantities are integers of millionths ("micro": 1.5 is 1_500_000); times are aware, in UTC. Accounts are internal
numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)

LATE: Final = timedelta(days=35)
"""How long after it happened an event is taken, and may be corrected or deleted."""
MICRO: Final = 1_000_000
"""A quantity of 1: what one event counts."""

MAX_AGE: Final = LATE
"""How long ago a reported request may have been: a month, and the days somebody needs to notice."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far the product's clock may run ahead of ours."""
MAX_ROUTE: Final = 200
"""Characters of a route."""
FIRST_FAILURE: Final = 400
"""Statuses below it are successes."""

MAX_NAME: Final = 100
"""Characters of a metric, of a meter's key or name, and of a metadata field that a meter reads."""

Aggregation = Literal["count", "sum", "max", "unique", "latest", "time_weighted"]
Slot = Literal["hour", "day", "month"]
"""What a query of a meter is cut into, in a customer's time zone."""


class NewEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something used, as it was reported. ``at`` is by default the tenant's present moment.

    ``event_id`` counts once an account; ``key`` is an idempotency key, which does the same where there is no
    ``event_id``. ``external_id`` is the name by which the account was called, if it was: checked when recorded.
    """

    account: int
    metric: str
    quantity: int = MICRO
    at: datetime | None = None
    event_id: str | None = None
    metadata: dict[str, Any] | None = None
    subscription: UUID | None = None
    key: str | None = None
    external_id: str | None = None


class Recorded(msgspec.Struct, frozen=True):
    """What became of an event: its id, whether it had been recorded before, and the debit's entry, if any."""

    id: UUID
    duplicate: bool
    entry: int | None


@dataclass(slots=True)
class Event:
    """A recorded event as it stands. ``operation``: it debits credits, by this operation of the rate card.

    ``entry`` is the seq of that debit, None when nothing was debited.
    """

    account: int
    id: UUID
    metric: str
    quantity: int
    at: datetime
    event_id: str | None
    metadata: dict[str, Any] | None
    subscription: UUID | None
    operation: str | None
    entry: int | None
    received_at: datetime
    changes: int
    deleted_at: datetime | None


@dataclass(slots=True)
class Change:
    """A correction or deletion. ``quantity`` and ``entry`` are what the event said before it."""

    number: int
    kind: Literal["corrected", "deleted"]
    at: datetime
    quantity: int
    entry: int | None
    actor: str
    reason: str


@dataclass(slots=True)
class Meter:
    """What is made of a metric's events.

    ``field``: what ``unique`` tells apart; for the others a metadata field that is the value instead of the
    quantity. ``filters``: ``[{"field", "in": [values as text]}]``, all of which must hold. ``group_by``: the fields
    by which a query may group.
    """

    id: UUID
    tenant_id: int
    key: str
    name: str
    metric: str
    aggregation: Aggregation
    field: str | None
    filters: list[dict[str, Any]]
    group_by: list[str]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None

    @property
    def rolled_up(self) -> bool:
        """Whether the hourly sums can say what it measures."""
        return self.aggregation in ("count", "sum") and self.field is None and not self.filters


@dataclass(frozen=True, slots=True)
class Measured:
    """A meter's value in one window, for one group (empty when nothing is grouped)."""

    start: datetime
    end: datetime
    group: dict[str, str | None]
    quantity: int


@dataclass(frozen=True, slots=True)
class Readings:
    """The answer to a query: ``rows`` by window, ``totals`` of the whole span by group."""

    rows: list[Measured]
    totals: list[Measured]


@dataclass(frozen=True, slots=True)
class Billed:
    """A subscription as metering sees it. ``debits``: metrics that debit credits, each with its rate-card operation."""

    subscription: UUID
    status: str
    debits: Mapping[str, str] = field(default_factory=dict)


Key = tuple[int, int, str, bool]
"""What is counted apart: account (internal number), minute (since 1970), route, success."""


@dataclass(frozen=True, slots=True)
class Reported:
    """A request that the product answered itself. ``account`` is the internal number."""

    account: int
    route: str
    status: int
    time: datetime


@dataclass(frozen=True, slots=True)
class RequestUsage:
    """How many requests were answered in a span. ``by_endpoint`` counts both outcomes, by route."""

    total: int
    successful: int
    failed: int
    by_endpoint: dict[str, int]


@dataclass(frozen=True, slots=True)
class Window:
    """A span cut for reading: whole days of UTC between two edges of minutes, each half-open."""

    start: datetime
    head_end: datetime
    first_day: date
    end_day: date
    tail_start: datetime
    end: datetime


def minute_of(moment: datetime) -> int:
    """The number of the minute (since 1970) that ``moment`` is in."""
    return int((moment - _EPOCH) // MINUTE)


def minute_start(minute: int) -> datetime:
    return _EPOCH + minute * MINUTE


def day_of(minute: int) -> date:
    """The day, in UTC, of a minute's number."""
    return minute_start(minute).date()


def window(start: datetime, end: datetime) -> Window:
    """Cut [start, end). A minute belongs to it when it begins in [start's minute, end); none to an empty span."""
    start = minute_start(minute_of(start)) if start < end else end
    first = _midnight(start.astimezone(UTC).date())
    last = _midnight(end.astimezone(UTC).date())
    if first < start and first < last:
        first += DAY
    if first >= last:
        # no whole day inside: all of it is one edge
        return Window(start, end, last.date(), last.date(), end, end)
    return Window(start, first, first.date(), last.date(), last, end)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
