"""Numbers are read and written exactly: held against Decimal, whatever form they are sent in."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.dialects.credibill import numbers
from tallystick.kernel.errors import Invalid

WRONG = [
    *("", "x", "1_0", "0x1", "٣", "+1", "01", ".5", "5.", "1e", "NaN", "Infinity", " 1", "1 "),
    *('"1"', "[1]", "true", "9" * 65, "1e1000"),
]
DIGITS = st.text("0123456789", min_size=1, max_size=12)


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Any JSON number."""
    whole = draw(DIGITS).lstrip("0") or "0"
    fraction = draw(st.none() | DIGITS)
    exponent = draw(st.none() | st.integers(-20, 20))
    shown = whole if fraction is None else f"{whole}.{fraction}"
    sign = draw(st.sampled_from(["", "-"]))
    return sign + (shown if exponent is None else f"{shown}e{exponent:+d}")


def raw(text: str) -> msgspec.Raw:
    return msgspec.Raw(text.encode())


@given(texts())
@settings(max_examples=500)
def test_millionths(text: str) -> None:
    exact = Decimal(text) * 10**6
    if exact == exact.to_integral_value() and 0 <= exact <= numbers.MAX:
        found = numbers.millionths("x", raw(text))
        assert found == exact
        assert Decimal(bytes(numbers.decimal(found)).decode()) == Decimal(text)
    else:
        with pytest.raises(Invalid):
            numbers.millionths("x", raw(text))


@given(texts())
@settings(max_examples=500)
def test_integers(text: str) -> None:
    exact = Decimal(text)
    if exact == exact.to_integral_value() and 0 <= exact <= numbers.MAX:
        assert numbers.integer("x", raw(text)) == exact
    else:
        with pytest.raises(Invalid):
            numbers.integer("x", raw(text))


@given(st.integers(-(2**60), 2**60))
@settings(max_examples=300)
def test_decimals_are_the_shortest(value: int) -> None:
    text = bytes(numbers.decimal(value)).decode()
    assert Decimal(text) * 10**6 == value
    assert "." not in text or not text.endswith("0")
    assert not text.startswith("-0") or "." in text


@given(st.integers(0, 32_000_000_000_000_000))
@settings(max_examples=200)
def test_moments(microseconds: int) -> None:
    moment = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)
    shown = numbers.milliseconds(moment)
    again = numbers.moment("x", raw(str(shown)))
    assert again == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize("read", [numbers.integer, numbers.millionths, numbers.moment])
def test_what_is_no_number(read: Any) -> None:
    for text in WRONG:
        with pytest.raises(Invalid):
            read("x", raw(text))
