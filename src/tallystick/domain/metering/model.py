"""Request statistics, as data: who was answered, when, by which route, and whether it succeeded."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(days=1)

MAX_AGE: Final = timedelta(days=35)
"""How long ago a reported request may have been: a month, and the days somebody needs to notice."""
MAX_AHEAD: Final = timedelta(minutes=5)
"""How far the product's clock may run ahead of ours."""
MAX_ROUTE: Final = 200
"""Characters of a route."""
FIRST_FAILURE: Final = 400
"""Statuses below it are successes."""

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
