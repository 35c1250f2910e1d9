"""The model itself, by hand: what a wrong model would agree with proves nothing."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from .year.calendar import boundary, first_of, period_at
from .year.plans import Price, Tier, cost
from .year.story import BEGIN, FLAT, HYBRID, KIRITIMATI, NEW_YORK, NIUE, PLENTY, Story, told
from .year.wallet import Wallet


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("anchor", "step", "number", "zone", "wanted"),
    [
        # 31 January 01:00 in Niue is 12:00 of the same day in UTC
        (utc(2027, 1, 31, 12), "1", 1, NIUE, utc(2027, 2, 28, 12)),
        (utc(2027, 1, 31, 12), "1", 2, NIUE, utc(2027, 3, 31, 12)),
        (utc(2024, 2, 29, 12), "12", 1, "UTC", utc(2025, 2, 28, 12)),
        (utc(2024, 2, 29, 12), "12", 4, "UTC", utc(2028, 2, 29, 12)),
        # 1 March in Kiritimati, 28 February in UTC
        (utc(2027, 2, 28, 12), "1", 1, KIRITIMATI, utc(2027, 3, 31, 12)),
        # New York, 9:00: the clock goes forward on 14 March
        (utc(2027, 2, 20, 14), "1", 1, NEW_YORK, utc(2027, 3, 20, 13)),
        # 02:30 of that day is not there: as if the clock had not gone
        (utc(2027, 2, 14, 7, 30), "1", 1, NEW_YORK, utc(2027, 3, 14, 7, 30)),
        # 01:30 of 7 November is there twice: the first
        (utc(2027, 10, 7, 5, 30), "1", 1, NEW_YORK, utc(2027, 11, 7, 5, 30)),
        (utc(2027, 3, 13, 14), "daily", 1, NEW_YORK, utc(2027, 3, 14, 13)),
        (utc(2027, 3, 10, 14), "weekly", 1, NEW_YORK, utc(2027, 3, 17, 13)),
    ],
)
def test_boundaries(anchor: datetime, step: str, number: int, zone: str, wanted: datetime) -> None:
    assert boundary(anchor, step, number, zone) == wanted
    assert period_at(anchor, step, wanted, zone)[:2] == (number, wanted)


def test_the_first_of_a_month() -> None:
    assert first_of(utc(2027, 2, 28, 12), 1, KIRITIMATI) == utc(2027, 2, 28, 10)
    assert first_of(utc(2027, 5, 1, 3), 3, NEW_YORK) == utc(2027, 4, 1, 4)


TIERS = (Tier(100, Fraction(3)), Tier(1000, Fraction(5, 4), 50), Tier(None, Fraction(1, 3)))


@pytest.mark.parametrize(
    ("price", "quantity", "wanted"),
    [
        (Price(key="p", kind="per_unit", each=Fraction(1, 2), free=1), 2, 0),  # half a cent, to even
        (Price(key="p", kind="per_unit", each=Fraction(1, 2), free=1), 4, 2),  # one and a half, to even
        (Price(key="p", kind="graduated", tiers=TIERS), 100, 300),
        (Price(key="p", kind="graduated", tiers=TIERS), 1001, 300 + 1125 + 50),
        (Price(key="p", kind="volume", tiers=TIERS), 101, 126 + 50),  # 126.25
        (Price(key="p", kind="stairstep", tiers=(Tier(10, flat=5), Tier(None, flat=9))), 11, 9),
        (Price(key="p", kind="package", size=250, package=1300, free=50), 301, 2600),
        (Price(key="p", kind="percentage", rate=Fraction(29, 1000)), 10_000, 290),
        (Price(key="p", kind="graduated", tiers=TIERS), 0, 0),
    ],
)
def test_prices(price: Price, quantity: int, wanted: int) -> None:
    assert cost(price, Fraction(quantity), 0) == wanted
    assert cost(price, Fraction(quantity), wanted + 1) == wanted + 1


def test_credits_are_burnt_by_earliest_expiry() -> None:
    wallet = Wallet()
    soon, late = BEGIN + timedelta(days=1), BEGIN + timedelta(days=2)
    later = wallet.grant(BEGIN, Fraction(5), late)
    first = wallet.grant(BEGIN, Fraction(5), soon)
    assert wallet.spend(BEGIN, Fraction(6))
    assert first.left == 0
    assert later.left == 4
    assert not wallet.spend(soon, Fraction(5))
    assert wallet.balance(late) == 0


def test_an_upgrade_in_the_middle() -> None:
    """Half of a 28-day month on 19.99 is given back, half of 49.99 charged, and the difference of credits granted."""
    story = Story()
    story.person("up", "UTC", PLENTY)
    story.act(BEGIN, "up", "subscribe", name="s", plan=FLAT)
    story.act(BEGIN + timedelta(days=14), "up", "change", name="s", plan=HYBRID)
    person = told(story, BEGIN + timedelta(days=15))["up"]
    first, second = person.bills
    assert first.total == 1999
    # 1999 less 999.5 rounded to even, 4999 less 2499.5 so
    assert [line.amount for line in second.lines if line.amount] == [-999, 2499]
    assert [lot.amount for lot in person.wallets["credits"].lots] == [1000, 1500]


def test_unpaid_for_a_month() -> None:
    """A day of grace and thirty more end just where the next renewal was due, which then is none."""
    story = Story()
    story.person("poor", "UTC", 1999)
    story.act(BEGIN, "poor", "subscribe", name="s", plan=FLAT)
    person = told(story, BEGIN + timedelta(days=90))["poor"]
    renewed = utc(2027, 3, 27, 12)
    assert person.subscriptions["s"].ended_at == utc(2027, 4, 27, 12)
    bills = [(bill.issued_at, bill.status) for bill in person.bills]
    assert bills == [(BEGIN, "paid"), (renewed, "uncollectible")]
    wallet = person.wallets["credits"]
    assert [lot.granted_at for lot in wallet.lots] == [BEGIN, renewed]
    assert [lot.left for lot in wallet.lots] == [1000, 0]
    assert wallet.balance(renewed + timedelta(days=2)) == 0
