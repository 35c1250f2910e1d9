"""Cutting time by a customer's calendar: pure, and exact on every day that a clock was put forward or back."""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from tallystick.kernel.errors import Invalid

from .model import Slot

HOUR: Final = timedelta(hours=1)
MOST: Final = 10_000
"""Windows of one query: a year of hours."""

Span = tuple[datetime, datetime]


def cut(start: datetime, end: datetime, slot: Slot, zone: ZoneInfo) -> list[Span]:
    """The hours, days or months of ``zone`` that [start, end) has part of, in UTC; the first and last may be parts.

    They follow each other without a gap. Raises Invalid (``to``) when there are more than `MOST`.
    """
    spans: list[Span] = []
    edge = start
    while edge < end:
        after = min(_next(edge, slot, zone), end)
        spans.append((edge, after))
        if len(spans) > MOST:
            raise Invalid("to", f"must be at most {MOST} windows after from")
        edge = after
    return spans


def hours_inside(start: datetime, end: datetime) -> Span:
    """The whole hours (of UTC) inside [start, end), as a span; an empty one at ``end`` when there are none."""
    first, last = _floor(start), _floor(end)
    if first < start:
        first += HOUR
    return (first, last) if first < last else (end, end)


def _next(moment: datetime, slot: Slot, zone: ZoneInfo) -> datetime:
    """Where the window ends that ``moment`` is in: always after it."""
    local = moment.astimezone(zone)
    if slot == "hour":
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return moment + (HOUR - past)
    day = local.date()
    while True:
        day = _month_after(day) if slot == "month" else day + timedelta(days=1)
        edge = datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)
        if edge > moment:  # a day that the zone skipped whole ends where it began
            return edge


def _month_after(day: date) -> date:
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
