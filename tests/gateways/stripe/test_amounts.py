"""Stripe's amounts: ISO 4217's minor units but for its special cases, exactly and both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.domain.payments.port import GatewayRefused
from tallystick.gateways.stripe.amounts import from_stripe, to_stripe

CASES = [
    (1234, "USD", 1234),  # 12.34
    (1234, "JPY", 1234),  # no decimals, nor at Stripe
    (1234, "ISK", 123400),  # no decimals since 2007, two at Stripe
    (1234, "UGX", 123400),
    (1200, "MGA", 12),  # 12.00 ariary are 12 at Stripe
    (1230, "KWD", 1230),  # three decimals, the last must be 0
    (1234, "HUF", 1234),
    (1234, "TWD", 1234),
]


@pytest.mark.parametrize(("ours", "currency", "theirs"), CASES)
def test_amounts_convert_both_ways(ours: int, currency: str, theirs: int) -> None:
    assert to_stripe(ours, currency) == theirs
    assert from_stripe(theirs, currency.lower()) == ours


@pytest.mark.parametrize(("amount", "currency"), [(1234, "KWD"), (1, "BHD"), (1250, "MGA")])
def test_what_stripe_cannot_take_exactly_is_refused(amount: int, currency: str) -> None:
    with pytest.raises(GatewayRefused, match=currency):
        to_stripe(amount, currency)


@given(st.integers(1, 2**53 - 1), st.sampled_from("USD EUR JPY ISK UGX MGA KWD TND XOF CLP HUF".split()))
def test_an_amount_that_stripe_takes_comes_back_the_same(amount: int, currency: str) -> None:
    try:
        given = to_stripe(amount, currency)
    except GatewayRefused:
        return
    assert from_stripe(given, currency.lower()) == amount


def test_what_is_less_than_our_minor_unit_is_rounded_half_to_even() -> None:
    assert [from_stripe(cents, "isk") for cents in (149, 150, 151, 250, 350)] == [1, 2, 2, 2, 4]


def test_an_unknown_currency_is_no_amount() -> None:
    with pytest.raises(ValueError, match="ISO 4217"):
        from_stripe(100, "zzz")
