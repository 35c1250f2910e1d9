"""A tenant's clock, how far it is moved, and what happened on the way."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.kernel.actor import Mode
from tallystick.kernel.calendar import boundary
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.errors import Invalid

FARTHEST: Final = timedelta(days=3653)
"""How far a clock is moved at once: ten years."""
MOST_AHEAD: Final = timedelta(days=36_525)
"""How far a clock may be ahead of the server's in all: a century."""
SHOWN: Final = 100
"""Happenings that an answer names; the others it counts."""

_DURATION: Final = re.compile(
    r"P(?=[0-9T])(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,5})W)?(?:([0-9]{1,6})D)?"
    r"(?:T(?=[0-9])(?:([0-9]{1,8})H)?(?:([0-9]{1,9})M)?(?:([0-9]{1,10})S)?)?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Clock:
    """A tenant's time: ``ahead`` of the server's."""

    now: datetime
    ahead: timedelta
    mode: Mode


@dataclass(frozen=True, slots=True)
class Duration:
    """A span of the calendar: whole months of UTC first, then exact time."""

    months: int = 0
    exact: timedelta = timedelta()

    def after(self, moment: datetime) -> datetime:
        """Raises OverflowError beyond the year 9999."""
        return boundary(moment, "monthly", self.months, "UTC") + self.exact


def parse_duration(text: str) -> Duration:
    """Read an ISO 8601 duration of whole numbers, such as P1M, P30D or P1Y2M10DT2H30M. Raises ValueError."""
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError("must be seconds, or an ISO 8601 duration such as P1M or P30D")
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    exact = timedelta(days=7 * weeks + days, hours=hours, minutes=minutes, seconds=seconds)
    return Duration(12 * years + months, exact)


@dataclass(slots=True)
class Happening:
    """One thing that fell due. ``account_id`` is internal; the ids of what it happened to follow."""

    at: datetime
    kind: str
    """subscription.<change>, invoice.issued, payment.<status> or credits.expired."""
    account_id: int
    account: UUID
    subscription: UUID | None
    invoice: UUID | None
    entry: int | None


@dataclass(frozen=True, slots=True)
class Advanced:
    """A clock was moved. What happened counts for the moments after ``before``, up to and with ``after``."""

    before: datetime
    after: datetime
    counts: dict[str, int]
    happened: list[Happening]
    """The first `SHOWN`, in order of time."""
    unfinished: bool
    """Something due could not be done yet; it is tried again by the worker."""
    replayed: bool = False
    """The clock was moved before, under the same key."""


def target(clock: Clock, to: datetime | None, by: Duration | None) -> datetime:
    """The moment to move to: exactly one of both is given. Raises Invalid for one that a clock is not moved to."""
    if (to is None) == (by is None):
        raise Invalid("to", "or by must be given" if to is None else "and by must not both be given")
    field = "to" if by is None else "by"
    try:
        moment = to if by is None else by.after(clock.now)
        assert moment is not None
        if moment < clock.now:
            raise Invalid(field, f"must not be before the app's time, {iso_seconds(clock.now)}")
        if moment - clock.now > FARTHEST:
            raise Invalid(field, "must not be more than ten years on")
        if clock.ahead + (moment - clock.now) > MOST_AHEAD:
            raise Invalid(field, "must not be more than a century from now")
    except OverflowError:
        raise Invalid(field, "must not be more than ten years on") from None
    return moment
