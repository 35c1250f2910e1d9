"""Periods as people count them: the n-th boundary is the anchor's wall time, n months (days, weeks) on."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

LONG_MONTHS = (1, 3, 5, 7, 8, 10, 12)


def days_of(year: int, month: int) -> int:
    if month == 2:
        leap = year % 400 == 0 or (year % 4 == 0 and year % 100 != 0)
        return 29 if leap else 28
    return 31 if month in LONG_MONTHS else 30


def wall(moment: datetime, zone: str) -> datetime:
    """What the clock on the customer's wall shows."""
    return moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def moment_of(shown: datetime, zone: str) -> datetime:
    """The first moment at which that clock shows it; in an hour that is skipped, as if it were not."""
    return shown.replace(tzinfo=ZoneInfo(zone), fold=0).astimezone(UTC)


def months_on(anchor: datetime, months: int, zone: str) -> datetime:
    """So many months after the anchor: its day, or the month's last."""
    shown = wall(anchor, zone)
    year, month = shown.year, shown.month
    for _ in range(months):
        month += 1
        if month == 13:
            year, month = year + 1, 1
    for _ in range(-months):
        month -= 1
        if month == 0:
            year, month = year - 1, 12
    return _unless_itself(
        anchor, months, shown.replace(year=year, month=month, day=min(shown.day, days_of(year, month))), zone
    )


def days_on(anchor: datetime, days: int, zone: str) -> datetime:
    return _unless_itself(anchor, days, wall(anchor, zone) + timedelta(days=days), zone)


def _unless_itself(anchor: datetime, steps: int, shown: datetime, zone: str) -> datetime:
    # an anchor in the second of two equal hours is itself, not the first
    return anchor if steps == 0 else moment_of(shown, zone)


def first_of(moment: datetime, months: int, zone: str) -> datetime:
    """Local midnight of the first day of the month (quarter, year) that the moment is in."""
    shown = wall(moment, zone)
    month = shown.month - (shown.month - 1) % months
    midnight = shown.replace(month=month, day=1, hour=0, minute=0, second=0, microsecond=0)
    return moment_of(midnight, zone)


def boundary(anchor: datetime, step: str, number: int, zone: str) -> datetime:
    """The ``number``-th boundary of ``daily``, ``weekly``, or so many months (``"3"``)."""
    if step == "daily":
        return days_on(anchor, number, zone)
    if step == "weekly":
        return days_on(anchor, 7 * number, zone)
    return months_on(anchor, int(step) * number, zone)


def period_at(anchor: datetime, step: str, moment: datetime, zone: str) -> tuple[int, datetime, datetime]:
    """Number, start and end of the period (half-open) that the moment is in; it is not before the anchor."""
    assert moment >= anchor
    days = (moment - anchor).days
    number = {"daily": days, "weekly": days // 7}.get(step)
    if number is None:
        number = days // (31 * int(step))
    number = max(0, number - 2)
    while boundary(anchor, step, number + 1, zone) <= moment:
        number += 1
    return number, boundary(anchor, step, number, zone), boundary(anchor, step, number + 1, zone)
