"""Moments: UTC inside, and a text only with its offset."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.clock import SystemClock, iso, iso_seconds, parse_moment

zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EARLIEST, LATEST = map(datetime.fromisoformat, ("0002-01-01", "9998-01-01"))
moments = st.datetimes(EARLIEST, LATEST, timezones=zones)


@given(moments)
def test_what_is_printed_is_read_back(moment: datetime) -> None:
    assert parse_moment(iso(moment)) == moment
    assert parse_moment(moment.isoformat()) == moment
    assert parse_moment(iso(moment)).tzinfo is UTC
    assert parse_moment(iso_seconds(moment)) == moment.replace(microsecond=0)


def test_print() -> None:
    moment = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    assert iso(moment) == iso_seconds(moment) == "2026-11-21T10:00:00Z"
    assert iso(moment + timedelta(microseconds=5)) == "2026-11-21T10:00:00.000005Z"
    assert iso_seconds(moment + timedelta(microseconds=5)) == "2026-11-21T10:00:00Z"


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("2026-11-21", "2026-11-21T00:00:00Z"),
        ("2026-11-21T10:00:00Z", "2026-11-21T10:00:00Z"),
        ("2026-11-21T10:00:00.5+03:00", "2026-11-21T07:00:00.500000Z"),
        ("2026-11-21 10:00-05:30", "2026-11-21T15:30:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
    ],
)
def test_read(text: str, printed: str) -> None:
    assert iso(parse_moment(text)) == printed


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "1700000000",
        "20261121",
        "2026-11",
        "2026-11-21T10:00:00",  # nobody's time
        "2026-11-21T10:00:00z",
        "2026-11-21x10:00:00Z",
        "2026-W47-6",
        "2026W47T10",
        "2026-02-29",
        "2026-13-01",
        "2026-11-21T25:00:00Z",
        "2026-11-21T10:00:60Z",
        "2026-11-21T10:00:00+25:00",
        " 2026-11-21",
        "2026-11-21\n",
        "٢٠٢٦-11-21",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_moment(text)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(ValueError):
        assert parse_moment(text).tzinfo is UTC


def test_the_systems_clock_is_in_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)
