"""How often a store is asked, by the clock of the test."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.gateways.pace import Pace, Rate


def test_a_burst_then_an_even_pace() -> None:
    pace = Pace(Rate(60, 3))
    assert [pace.take(100.0, 10) for _ in range(6)] == [0, 0, 0, 1, 2, 3]


def test_a_rest_gives_the_burst_back_and_no_more() -> None:
    pace = Pace(Rate(60, 3))
    assert [pace.take(0.0, 10) for _ in range(3)] == [0, 0, 0]
    assert [pace.take(2.0, 10) for _ in range(3)] == [0, 0, 1]
    assert [pace.take(1000.0, 10) for _ in range(4)] == [0, 0, 0, 1]


def test_who_would_wait_too_long_is_not_counted() -> None:
    pace = Pace(Rate(60, 1))
    assert pace.take(0.0, 0) == 0
    assert [pace.take(0.0, 0.5) for _ in range(100)] == [None] * 100
    assert pace.take(1.0, 0) == 0


def test_without_a_rate_nobody_waits() -> None:
    pace = Pace(None)
    assert [pace.take(5.0, 0) for _ in range(1000)] == [0] * 1000


@pytest.mark.parametrize("rate", [None, Rate(600, 10)])
def test_a_rest_holds_for_all(rate: Rate | None) -> None:
    pace = Pace(rate)
    pace.rest(8.0)
    pace.rest(3.0)  # a shorter one takes nothing away
    assert pace.take(0.0, 5) is None
    assert pace.take(4.0, 5) == 4
    assert pace.take(8.0, 5) == 0


def test_an_operators_own_rate() -> None:
    assert [Rate.of(a_minute) for a_minute in (None, 1, 30)] == [None, Rate(1, 1), Rate(30, 15)]


@given(
    a_minute=st.integers(1, 6000),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0, 30), min_size=1, max_size=80),
    most=st.floats(0, 60),
)
def test_no_stretch_of_time_has_more_than_the_rate(
    a_minute: int, burst: int, gaps: list[float], most: float
) -> None:
    pace, now, sent = Pace(Rate(a_minute, burst)), 0.0, []
    for gap in gaps:
        now += gap
        wait = pace.take(now, most)
        if wait is not None:
            assert 0 <= wait <= most
            sent.append(now + wait)
    for first in range(len(sent)):
        for last in range(first, len(sent)):
            allowed = burst + (sent[last] - sent[first]) * a_minute / 60
            assert last - first + 1 <= allowed + 1e-6
