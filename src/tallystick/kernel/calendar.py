"""Calendar-true periods: a month is a month, in somebody's time zone.

Boundaries are counted from an anchor, never from one another, so nothing drifts: 31 January, monthly, gives
28 February and then 31 March. The anchor's wall time is kept over changes of the clock; one that a day does not
have (the clock went forward) becomes the same time by the offset before, which is later by what was left out;
of two the earlier is meant.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final, Literal
from zoneinfo import ZoneInfo

Every = Literal["daily", "weekly", "monthly", "quarterly", "yearly"]

_DAYS: Final = {"daily": 1, "weekly": 7}
_MONTHS: Final = {"monthly": 1, "quarterly": 3, "yearly": 12}
SECOND: Final = timedelta(seconds=1)


def boundary(anchor: datetime, every: Every, n: int, zone: str) -> datetime:
    """The ``n``-th boundary counted from the anchor's own (0), in UTC. ``n`` may be negative.

    Raises OverflowError beyond the years 1 to 9999.
    """
    local = anchor.astimezone(ZoneInfo(zone))
    if every in _DAYS:
        day = local.date() + timedelta(days=_DAYS[every] * n)
    else:
        day = _months_on(local.date(), _MONTHS[every] * n)
    # the anchor itself keeps its instant, also when it is the later of two equal wall times
    return anchor.astimezone(UTC) if n == 0 else _instant(datetime.combine(day, local.time()), zone)


def _months_on(day: date, months: int) -> date:
    """The same day so many months on, or the month's last."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    try:
        return date(year, month + 1, min(day.day, _last_day(year, month + 1)))
    except ValueError as error:
        raise OverflowError(str(error)) from None


def _last_day(year: int, month: int) -> int:
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in (4, 6, 9, 11) else 31


def _instant(wall: datetime, zone: str) -> datetime:
    """The instant of a wall time: in a gap moved forward, in a fold the earlier (both are fold=0, PEP 495)."""
    return wall.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def period_at(anchor: datetime, every: Every, moment: datetime, zone: str) -> tuple[int, datetime, datetime]:
    """The period that contains ``moment``: its number ``n`` and its boundaries [n, n + 1), half-open.

    The whole-day gap of a zone that left a day out gives an empty period, which contains nothing.
    """
    low = _guess(anchor, every, moment, zone)
    start = boundary(anchor, every, low, zone)
    while start > moment:
        low -= 1
        start = boundary(anchor, every, low, zone)
    while True:
        end = boundary(anchor, every, low + 1, zone)
        if end > moment:
            return low, start, end
        low, start = low + 1, end


def _guess(anchor: datetime, every: Every, moment: datetime, zone: str) -> int:
    """A number at most a little off: wall times are compared, whose days may differ from the instants' by one."""
    tz = ZoneInfo(zone)
    first, last = anchor.astimezone(tz).date(), moment.astimezone(tz).date()
    if every in _DAYS:
        return (last - first).days // _DAYS[every]
    return ((last.year - first.year) * 12 + last.month - first.month) // _MONTHS[every]


def aligned(every: Every, moment: datetime, zone: str) -> datetime:
    """The anchor of calendar-aligned periods: local midnight that begins the moment's month, quarter or year.

    ``boundary`` and ``period_at`` from there give the calendar's own. Of a week: its Monday; of a day: itself.
    """
    day = moment.astimezone(ZoneInfo(zone)).date()
    match every:
        case "daily":
            first = day
        case "weekly":
            first = day - timedelta(days=day.weekday())
        case "monthly":
            first = day.replace(day=1)
        case "quarterly":
            first = day.replace(month=day.month - (day.month - 1) % 3, day=1)
        case "yearly":
            first = day.replace(month=1, day=1)
    return _instant(datetime.combine(first, time.min), zone)


def seconds(start: datetime, end: datetime) -> int:
    """Whole seconds from ``start`` to ``end``, rounded down."""
    return (end - start) // SECOND
