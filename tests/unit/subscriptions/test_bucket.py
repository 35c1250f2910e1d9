"""What a bucket says of what flowed."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.ledger.flows import Flow
from tallystick.domain.subscriptions.buckets import bucket_of, percentage
from tallystick.domain.subscriptions.features import barred_by
from tallystick.domain.subscriptions.standing import Period, Standing, month_of

AT = datetime(2024, 10, 22, 14, 32, 15, tzinfo=UTC)
OCTOBER = Period(datetime(2024, 10, 1, tzinfo=UTC), datetime(2024, 11, 1, tzinfo=UTC))
CREDIT = 1_000_000


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [
        (1234, 5000, 24.68),
        (567, 5000, 11.34),
        (5, 10, 50.0),
        (1, 3, 33.33),
        (2, 3, 66.67),
        (1, 800, 0.12),
        (3, 800, 0.38),
        (7, 5, 140.0),
        (3, 0, 0.0),
        (0, 5, 0.0),
    ],
)
def test_percentage(part: int, whole: int, shown: float) -> None:
    assert percentage(part, whole) == shown


def test_the_documents_bucket() -> None:
    flow = Flow(allocated=5000, purchased=500, consumed=1234)
    one = bucket_of("data_scrapes", flow, 4266 * CREDIT, 0, OCTOBER)
    assert (one.available, one.held, one.granted, one.usage_percentage) == (4266, 0, 5500, 24.68)


_whole = st.integers(-1000, 1000)


@given(_whole, _whole, _whole, _whole, st.integers(0, 10**9), st.integers(0, CREDIT - 1))
def test_it_adds_up(allocated: int, purchased: int, bonus: int, consumed: int, held: int, rest: int) -> None:
    flow = Flow(allocated, purchased, bonus, consumed)
    posted = (allocated + purchased + bonus - consumed) * CREDIT + rest
    one = bucket_of("credits", flow, posted, held, OCTOBER)
    assert one.available == (posted - held) // CREDIT
    assert one.available == one.allocated + one.purchased + one.bonus - one.consumed - one.held
    assert min(one.allocated, one.purchased, one.bonus) >= 0


def test_which_period() -> None:
    """The allowance's before the bill's before the calendar's; one that is over, or to come, is none."""
    weekly = Period(datetime(2024, 10, 20, tzinfo=UTC), datetime(2024, 10, 27, tzinfo=UTC))
    standing = Standing(1, "UTC", AT, allowances={"a": weekly})
    assert standing.current("a") == weekly
    assert standing.current("b") == OCTOBER
    billing = Period(datetime(2024, 10, 15, tzinfo=UTC), datetime(2024, 11, 15, tzinfo=UTC))
    assert Standing(1, "UTC", AT, billing=billing).current("a") == billing
    over = Period(datetime(2024, 9, 1, tzinfo=UTC), datetime(2024, 9, 8, tzinfo=UTC))
    assert Standing(1, "UTC", AT, allowances={"a": over}).current("a") == OCTOBER
    never = Period(datetime(2024, 1, 1, tzinfo=UTC), None)
    assert Standing(1, "UTC", AT, allowances={"a": never}).current("a") == never


def test_the_month_of_a_zone() -> None:
    assert month_of(datetime(2024, 1, 31, 23, tzinfo=UTC), "Africa/Kampala") == Period(
        datetime(2024, 1, 31, 21, tzinfo=UTC), datetime(2024, 2, 29, 21, tzinfo=UTC)
    )


def test_barred() -> None:
    assert barred_by("x", []) is None
    assert barred_by("x", [("active", {"y": False})]) is None
    assert barred_by("x", [("active", {"x": False})]) == "not_in_plan"
    assert barred_by("x", [("paused", {"x": True})]) == "paused"
    assert barred_by("x", [("paused", {"x": True}), ("active", {"x": None})]) is None
    assert barred_by("x", [("incomplete", {"x": True})]) is None
