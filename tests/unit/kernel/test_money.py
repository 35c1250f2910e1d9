"""Money: minor units of a known currency, read only when nothing has to be guessed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.money import MAX_MINOR, Money, allocate, exponent, parse_money

CURRENCIES = {"USD": 2, "EUR": 2, "UGX": 0, "JPY": 0, "KWD": 3, "CLF": 4}


@pytest.mark.parametrize(("currency", "places"), CURRENCIES.items())
def test_exponents(currency: str, places: int) -> None:
    assert exponent(currency) == places


@pytest.mark.parametrize("currency", ["", "usd", "US", "USDT", "XXX", "BTC", "ＵＳＤ"])
def test_unknown_currencies_are_refused(currency: str) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        parse_money(100, currency)


@pytest.mark.parametrize("currency", [None, 840, ["USD"], b"USD"])
def test_a_currency_is_a_string(currency: object) -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        parse_money(100, currency)


@given(st.integers(0, MAX_MINOR), st.sampled_from(sorted(CURRENCIES)))
def test_what_is_printed_is_read_back(minor: int, currency: str) -> None:
    money = Money(minor, currency)
    assert parse_money(str(money), currency) == money
    assert parse_money(minor, currency) == money


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [(125, "USD", "1.25"), (5, "USD", "0.05"), (-125, "USD", "-1.25"), (7, "UGX", "7"), (1, "KWD", "0.001")],
)
def test_print(minor: int, currency: str, text: str) -> None:
    assert str(Money(minor, currency)) == text


REFUSED: list[Any] = [
    "10",
    "10.0",
    "10.000",
    "1.2500",
    ".25",
    "1.",
    "",
    " 1.25",
    "1.25\n",
    "+1.25",
    "-1.25",
    "01.25",
    "1e5",
    "1e400",
    "NaN",
    "Infinity",
    "١.٢٥",
    "90071992547409.92",
    -1,
    2**53,
    2**63,
    True,
    1.25,
    float("nan"),
    float("inf"),
    None,
    [],
    ["1.25"],
]


@pytest.mark.parametrize("amount", REFUSED, ids=repr)
def test_anything_else_is_refused(amount: object) -> None:
    with pytest.raises(ValueError):
        parse_money(amount, "USD")


def test_a_currency_without_decimals_takes_none() -> None:
    assert parse_money("1500", "UGX") == Money(1500, "UGX")
    with pytest.raises(ValueError):
        parse_money("1500.00", "UGX")


weights = st.lists(st.integers(0, 10**9), min_size=1, max_size=20).filter(any)


@given(st.integers(-(10**12), 10**12), weights)
def test_parts_sum_to_the_whole_and_are_within_one_of_their_share(total: int, parts: list[int]) -> None:
    given_parts = allocate(total, parts)
    assert sum(given_parts) == total
    assert len(given_parts) == len(parts)
    for part, weight in zip(given_parts, parts, strict=True):
        assert abs(part * sum(parts) - total * weight) <= sum(parts)
        assert weight or not part


def test_thirds() -> None:
    assert allocate(100, [1, 1, 1]) == [33, 34, 33]
    assert allocate(-100, [1, 1, 1]) == [-33, -34, -33]
    assert allocate(1, [0, 1, 0]) == [0, 1, 0]
