"""Shares of a period by the second: whatever the cuts, the parts sum to the whole."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.subscriptions.periods import Frame
from tallystick.domain.subscriptions.proration import part

START = datetime(2027, 1, 31, 10, tzinfo=UTC)


def later(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@given(
    amount=st.integers(0, 2**53 - 1),
    whole=st.integers(1, 366 * 86_400),
    cuts=st.lists(st.floats(0, 1), max_size=12),
)
@settings(max_examples=500)
def test_parts_sum_to_the_whole(amount: int, whole: int, cuts: list[float]) -> None:
    frame = Frame(START, later(whole))
    moments = [START, *sorted(later(whole * cut) for cut in cuts), frame.end]
    parts = [part(amount, frame, one, other) for one, other in pairwise(moments)]
    assert sum(parts) == amount
    assert all(one >= 0 for one in parts)


def test_by_the_second() -> None:
    frame = Frame(START, later(4))
    assert part(1000, frame, START, later(1)) == 250
    assert part(1000, frame, later(1.9), later(3.2)) == 500  # seconds begun count from their begin
    assert part(1000, frame, later(-10), later(100)) == 1000
    assert part(1000, frame, later(4), later(9)) == 0


def test_half_of_an_odd_amount_rounds_once() -> None:
    frame = Frame(START, later(2))
    assert (part(5, frame, START, later(1)), part(5, frame, later(1), later(2))) == (2, 3)
