"""Reading query parameters and printing numbers, without a server."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.dialects.account import bodies
from tallystick.kernel.errors import Invalid

NOW = datetime(2026, 11, 21, 10, 0, 0, 500_000, tzinfo=UTC)
ZONES = st.sampled_from(
    ["UTC", "Africa/Kampala", "America/St_Johns", "Pacific/Kiritimati", "Pacific/Pago_Pago"]
)
MOMENTS = st.one_of(
    st.text(max_size=40),
    st.datetimes().map(datetime.isoformat),
    st.datetimes(timezones=st.just(UTC)).map(datetime.isoformat),
    st.dates().map(lambda day: day.isoformat()),
    st.sampled_from(["0001-01-01", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "9999-12-31"]),
)


def show(micro: int) -> str:
    return bytes(bodies.number(micro)).decode()


@pytest.mark.parametrize(
    ("micro", "shown"),
    [
        (0, "0.0"),
        (1, "0.000001"),
        (-1, "-0.000001"),
        (100_000_000, "100.0"),
        (12_500_000, "12.5"),
        (-12_500_000, "-12.5"),
        (1_000_001, "1.000001"),
        (10**24, "1000000000000000000.0"),
    ],
)
def test_numbers(micro: int, shown: str) -> None:
    assert show(micro) == shown


@given(st.integers(-(2**63), 2**63))
def test_numbers_are_exact_and_have_a_point(micro: int) -> None:
    text = show(micro)
    assert Decimal(text) * 1_000_000 == micro
    assert "." in text
    assert "e" not in text.lower()


@given(MOMENTS, MOMENTS, ZONES, st.sampled_from(bodies.PERIODS))
def test_any_span_is_read_or_refused(start: str, end: str, zone: str, period: str) -> None:
    for query in ({"from": start, "to": end}, {"from": start}, {"to": end}):
        try:
            asked = bodies.usage_query({"period": period, **query}, NOW, zone)
        except Invalid as refused:
            assert refused.field in query or refused.field == "from"  # noqa: PT017
        else:
            assert asked.start <= asked.end
            assert asked.start.tzinfo is asked.end.tzinfo is UTC
        try:
            bodies.ledger_query(query, zone)
        except Invalid as refused:
            assert refused.field in query  # noqa: PT017


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_page_is_read_or_refused(limit: str, offset: str) -> None:
    try:
        asked = bodies.ledger_query({"limit": limit, "offset": offset}, "UTC")
    except Invalid as refused:
        assert refused.field in ("limit", "offset")  # noqa: PT017
    else:
        assert 1 <= asked.limit <= 100
        assert 0 <= asked.offset < 10**15


@given(st.integers(0, 4_000_000_000), ZONES, st.sampled_from(bodies.PERIODS))
def test_a_period_begins_at_midnight_there_and_not_after_the_moment(
    seconds: int, zone: str, period: str
) -> None:
    moment = datetime.fromtimestamp(seconds, UTC)
    start = bodies.period_start(period, moment, zone)
    local, then = moment.astimezone(ZoneInfo(zone)), start.astimezone(ZoneInfo(zone))
    expected = {
        "daily": (local.year, local.month, local.day),
        "monthly": (local.year, local.month, 1),
        "yearly": (local.year, 1, 1),
    }
    assert (then.year, then.month, then.day) == expected[period]
    assert start <= moment


def test_defaults() -> None:
    asked = bodies.usage_query({}, NOW, "UTC")
    assert asked == bodies.UsageQuery("monthly", datetime(2026, 11, 1, tzinfo=UTC), NOW)
    assert bodies.ledger_query({}, "UTC") == bodies.LedgerQuery(None, None, None, 50, 0)


def test_the_first_instant_of_a_month_is_in_it() -> None:
    first = datetime(2026, 11, 1, tzinfo=UTC)
    assert bodies.usage_query({}, first, "UTC").start == first
    assert bodies.usage_query({}, first + timedelta.resolution, "UTC").start == first
