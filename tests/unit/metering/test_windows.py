"""Windows partition any span; levels weigh as a plain sum of rectangles does."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.metering.weighing import weigh
from tallystick.domain.metering.windows import cut, hours_inside

ZONES = ("UTC", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Asia/Kolkata", "Asia/Kathmandu", "America/Havana",
         "America/Santiago", "Australia/Lord_Howe", "Europe/Berlin", "Pacific/Apia")  # fmt: skip
moments = st.integers(1_262_304_000 * 10**6, 1_893_456_000 * 10**6).map(
    lambda us: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)
spans = st.tuples(moments, st.timedeltas(timedelta(microseconds=1), timedelta(days=70)))


@given(spans, st.sampled_from(("hour", "day", "month")), st.sampled_from(ZONES))
@settings(max_examples=300)
def test_windows_follow_each_other(span: tuple[datetime, timedelta], slot: str, zone: str) -> None:
    start, end = span[0], span[0] + span[1]
    local = ZoneInfo(zone)
    windows = cut(start, end, slot, local)  # type: ignore[arg-type]
    assert (windows[0][0], windows[-1][1]) == (start, end)
    assert all(before[1] == after[0] for before, after in pairwise(windows))
    for first, last in windows:
        assert first < last
        a, b = first.astimezone(local), (last - timedelta(microseconds=1)).astimezone(local)
        if slot == "hour":
            assert last - first <= timedelta(hours=1)
        else:
            assert (a.year, a.month) == (b.year, b.month)
            assert slot == "month" or a.date() == b.date()


def test_days_that_clocks_change_on() -> None:
    def hours(zone: str, day: datetime, slot: str = "day") -> list[float]:
        windows = cut(day, day + timedelta(days=3), slot, ZoneInfo(zone))  # type: ignore[arg-type]
        return [(end - start) / timedelta(hours=1) for start, end in windows]

    assert hours("Europe/Berlin", datetime(2027, 3, 26, 23, tzinfo=UTC))[:2] == [24, 23]
    assert hours("Europe/Berlin", datetime(2027, 10, 29, 22, tzinfo=UTC))[:2] == [24, 25]
    # the 30th of December 2011 did not happen in Samoa
    assert hours("Pacific/Apia", datetime(2011, 12, 29, 10, tzinfo=UTC))[:2] == [24, 24]
    assert 0.5 in hours("Australia/Lord_Howe", datetime(2027, 4, 3, 0, tzinfo=UTC), "hour")[1:-1]


@given(spans)
@settings(max_examples=200)
def test_whole_hours(span: tuple[datetime, timedelta]) -> None:
    start, end = span[0], span[0] + span[1]
    first, last = hours_inside(start, end)
    assert start <= first <= last <= end
    if first < last:
        assert first.minute == last.minute == first.microsecond == last.microsecond == 0
        assert first - start < timedelta(hours=1)
        assert end - last < timedelta(hours=1)
    else:
        assert end - start < timedelta(hours=2)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 10**9), st.integers(-5000, 9000)), max_size=12),
    st.lists(st.integers(1, 3000), min_size=1, max_size=4),
)
@settings(max_examples=300)
def test_levels_are_weighed(said: list[tuple[str, int, int]], lengths: list[int]) -> None:
    origin = datetime(2027, 1, 1, tzinfo=UTC)
    edges = [0]
    for length in lengths:
        edges.append(edges[-1] + length)

    def at(n: int) -> datetime:
        return origin + timedelta(microseconds=n)

    said = sorted((row for row in said if row[2] < edges[-1]), key=lambda row: row[2])
    found = weigh(
        [((group,), level, at(n)) for group, level, n in said], [(at(a), at(b)) for a, b in pairwise(edges)]
    )
    for group in "ab":
        mine = [(n, level) for name, level, n in said if name == group]
        for place, (start, end) in enumerate(pairwise(edges)):
            area = 0
            for here, after in pairwise([*mine, (edges[-1], 0)]):
                area += here[1] * max(0, min(after[0], end) - max(here[0], start))
            assert found.get((place, (group,)), 0) == round(Fraction(area, end - start))


def test_too_many_windows() -> None:
    start = datetime(2027, 1, 1, tzinfo=UTC)
    with pytest.raises(Exception, match="windows"):
        cut(start, start + timedelta(days=500), "hour", ZoneInfo("UTC"))
