"""When a delivery that failed is tried again."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.webhooks.schedule import (
    DELAYS,
    JITTER,
    MAX_RETRY_AFTER,
    PATIENCE,
    pause,
    retry_after,
)

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)


def test_over_three_days() -> None:
    assert len(DELAYS) == 12
    assert list(DELAYS) == sorted(DELAYS)
    assert DELAYS[0] == 5
    # a receiver that is down from the first try on is given up no sooner than its endpoint may be disabled
    assert PATIENCE.total_seconds() <= sum(DELAYS) <= timedelta(days=3.5).total_seconds()


@given(st.integers(1, 30), st.floats(0, 1), st.none() | st.floats(0, 1e9))
def test_pauses(failures: int, jitter: float, asked: float | None) -> None:
    wait = pause(failures, jitter, asked)
    if failures > len(DELAYS):
        assert wait is None
        return
    assert wait is not None
    least = DELAYS[failures - 1]
    assert least <= wait <= max(least * (1 + JITTER), MAX_RETRY_AFTER)
    if asked is None:
        assert wait <= least * (1 + JITTER)
    else:
        assert wait >= min(asked, MAX_RETRY_AFTER)


@given(st.floats(0, 1), st.floats(0, 1))
def test_those_who_failed_together_do_not_come_back_together(one: float, other: float) -> None:
    assert (pause(3, one) == pause(3, other)) == (120 * (1 + JITTER * one) == 120 * (1 + JITTER * other))


def test_retry_after() -> None:
    assert retry_after("120", NOW) == retry_after(" 120 ", NOW) == 120
    assert retry_after("Sat, 21 Nov 2026 10:02:00 GMT", NOW) == 120
    assert retry_after("Sat, 21 Nov 2026 09:00:00 GMT", NOW) == 0
    for nothing in (None, "", "soon", "-5", "1.5", "٣", "Sat, 99 Nov 2026 10:02:00 GMT"):
        assert retry_after(nothing, NOW) is None


@given(st.text(max_size=40))
def test_whatever_a_receiver_asks_for(text: str) -> None:
    asked = retry_after(text, NOW)
    assert asked is None or asked >= 0
    assert pause(1, 0, asked) is not None
