"""Periods: contiguous, half-open, without drift, in every zone."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.kernel.calendar import Every, aligned, boundary, period_at

ZONES = [
    "UTC", "Pacific/Apia", "Pacific/Kiritimati", "Pacific/Niue", "America/New_York", "Australia/Lord_Howe",
    "Africa/Casablanca", "Africa/Kampala", "America/Sao_Paulo", "Europe/London", "Asia/Kathmandu",
]  # fmt: skip
EVERY: list[Every] = ["daily", "weekly", "monthly", "quarterly", "yearly"]

zones = st.sampled_from(ZONES)
every = st.sampled_from(EVERY)
# whole seconds, as every anchor has them; the day that Samoa left out is asked for by itself
moments = st.datetimes(datetime(2012, 1, 1), datetime(2040, 1, 1)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def local(text: str, zone: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


def walls(anchor: str, every: Every, zone: str, count: int) -> list[str]:
    first = local(anchor, zone)
    found = [boundary(first, every, n, zone).astimezone(ZoneInfo(zone)) for n in range(count)]
    return [moment.replace(tzinfo=None).isoformat(" ", "minutes") for moment in found]


@given(anchor=moments, every=every, zone=zones, first=st.integers(-30, 30))
@settings(max_examples=500)
def test_boundaries_increase_and_keep_the_wall_time(
    anchor: datetime, every: Every, zone: str, first: int
) -> None:
    row = [boundary(anchor, every, n, zone) for n in range(first, first + 14)]
    assert all(one < other for one, other in pairwise(row))
    wall = anchor.astimezone(ZoneInfo(zone)).time()
    for moment in row:
        if moment != anchor:
            shown = moment.astimezone(ZoneInfo(zone))
            assert shown.time() == wall or not _exists(datetime.combine(shown.date(), wall), zone)


def _exists(wall: datetime, zone: str) -> bool:
    tz = ZoneInfo(zone)
    return wall.replace(tzinfo=tz).astimezone(UTC).astimezone(tz).replace(tzinfo=None) == wall


@given(anchor=moments, every=every, moment=moments, zone=zones)
@example(datetime(2024, 2, 29, tzinfo=UTC), "yearly", datetime(2025, 2, 28, tzinfo=UTC), "UTC")
@settings(max_examples=500)
def test_every_moment_is_in_one_period(anchor: datetime, every: Every, moment: datetime, zone: str) -> None:
    n, start, end = period_at(anchor, every, moment, zone)
    assert start <= moment < end
    assert (start, end) == (boundary(anchor, every, n, zone), boundary(anchor, every, n + 1, zone))
    assert period_at(anchor, every, end, zone) == (n + 1, end, boundary(anchor, every, n + 2, zone))
    assert period_at(anchor, every, end - timedelta(microseconds=1), zone)[0] == n


@given(moment=moments, every=every, zone=zones)
@settings(max_examples=300)
def test_aligned_periods_begin_at_local_midnight(moment: datetime, every: Every, zone: str) -> None:
    anchor = aligned(every, moment, zone)
    n, start, end = period_at(anchor, every, moment, zone)
    assert (n, start) == (0, anchor)
    for limit in (start, end):
        shown = limit.astimezone(ZoneInfo(zone))
        midnight = datetime.combine(shown.date(), datetime.min.time())
        assert shown.replace(tzinfo=None) == midnight or not _exists(midnight, zone)
        if every in ("monthly", "quarterly", "yearly"):
            assert shown.day == 1
        if every == "quarterly":
            assert shown.month in (1, 4, 7, 10)
        if every == "yearly":
            assert shown.month == 1


def test_a_month_end_does_not_drift() -> None:
    assert walls("2026-01-31T10:00", "monthly", "UTC", 5) == [
        "2026-01-31 10:00", "2026-02-28 10:00", "2026-03-31 10:00", "2026-04-30 10:00", "2026-05-31 10:00",
    ]  # fmt: skip
    assert walls("2024-01-31T10:00", "monthly", "UTC", 2)[1] == "2024-02-29 10:00"
    assert walls("2025-11-30T10:00", "quarterly", "UTC", 3) == [
        "2025-11-30 10:00", "2026-02-28 10:00", "2026-05-30 10:00",
    ]  # fmt: skip


def test_a_leap_day_comes_back() -> None:
    assert walls("2024-02-29T00:00", "yearly", "Europe/London", 5) == [
        "2024-02-29 00:00", "2025-02-28 00:00", "2026-02-28 00:00", "2027-02-28 00:00", "2028-02-29 00:00",
    ]  # fmt: skip


def test_a_time_left_out_moves_forward_and_comes_back() -> None:
    assert walls("2026-03-07T02:30", "daily", "America/New_York", 3) == [
        "2026-03-07 02:30", "2026-03-08 03:30", "2026-03-09 02:30",
    ]  # fmt: skip
    # half an hour, on Lord Howe
    assert walls("2026-10-03T02:15", "daily", "Australia/Lord_Howe", 3) == [
        "2026-10-03 02:15", "2026-10-04 02:45", "2026-10-05 02:15",
    ]  # fmt: skip


def test_of_two_equal_times_the_earlier_is_meant() -> None:
    found = boundary(local("2026-10-31T01:30", "America/New_York"), "daily", 1, "America/New_York")
    assert found == datetime(2026, 11, 1, 5, 30, tzinfo=UTC)


def test_an_anchor_in_the_later_of_two_equal_times_keeps_its_instant() -> None:
    later = datetime(2026, 11, 1, 6, 30, tzinfo=UTC)  # 01:30 in New York for the second time that day
    assert boundary(later, "monthly", 0, "America/New_York") == later
    assert period_at(later, "monthly", later, "America/New_York")[:2] == (0, later)


@pytest.mark.parametrize(
    ("zone", "start"),
    [
        ("Pacific/Kiritimati", "2026-04-30T10:00+00:00"),  # UTC+14
        ("Pacific/Niue", "2026-05-01T11:00+00:00"),  # UTC-11
    ],
)
def test_months_begin_where_the_customer_is(zone: str, start: str) -> None:
    moment = datetime(2026, 5, 15, tzinfo=UTC)
    assert aligned("monthly", moment, zone) == datetime.fromisoformat(start)


def test_the_day_that_samoa_left_out_is_an_empty_one() -> None:
    anchor = local("2011-12-28T12:00", "Pacific/Apia")
    _, start, end = period_at(anchor, "daily", local("2011-12-29T18:00", "Pacific/Apia"), "Pacific/Apia")
    assert (start, end) == (
        local("2011-12-29T12:00", "Pacific/Apia"),
        local("2011-12-31T12:00", "Pacific/Apia"),
    )


def test_casablanca_keeps_its_hour_over_ramadan() -> None:
    assert {wall[11:] for wall in walls("2026-01-15T09:00", "weekly", "Africa/Casablanca", 30)} == {"09:00"}


def test_beyond_the_calendar() -> None:
    with pytest.raises(OverflowError):
        boundary(datetime(9990, 1, 1, tzinfo=UTC), "yearly", 20, "UTC")
