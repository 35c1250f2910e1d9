"""Credits at the edge: only exact decimals come in, the shortest decimal goes out."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.credits import (
    MAX_AMOUNT,
    MICRO,
    floor_credits,
    format_credits,
    parse_credits,
    parse_credits_or_zero,
    share,
)

REFUSED: list[Any] = [
    -1,
    2**63,
    MAX_AMOUNT // MICRO + 1,
    True,
    False,
    1.0,
    float("nan"),
    float("inf"),
    Decimal(1),
    None,
    [],
    [1],
    {},
    b"1",
    "",
    " 1",
    "1 ",
    "1\n",
    "+1",
    "-1",
    "-0",
    "01",
    "00",
    ".5",
    "5.",
    "1.0000001",
    "1e5",
    "1E5",
    "1e400",
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "0x10",
    "1_000",
    "1,000",
    "1,5",
    "١٢",
    "１",
    "1.٥",
    "9007199254.740992",
    "9" * 400,
    "1." + "0" * 31,
]


@pytest.mark.parametrize("value", REFUSED, ids=repr)
def test_anything_but_an_exact_positive_amount_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match="must"):
        parse_credits(value)
    with pytest.raises(ValueError, match="must"):
        parse_credits_or_zero(value)


@pytest.mark.parametrize("value", [0, "0", "0.0", "0.000000"])
def test_nothing_is_no_amount_but_may_be_a_limit(value: object) -> None:
    assert parse_credits_or_zero(value) == 0
    with pytest.raises(ValueError, match="greater than 0"):
        parse_credits(value)


@pytest.mark.parametrize(
    ("value", "micro"),
    [
        (1, 1_000_000),
        ("1", 1_000_000),
        ("12.5", 12_500_000),
        ("0.000001", 1),
        ("1.50000000", 1_500_000),
        ("9007199254.740991", MAX_AMOUNT),
        (9007199254, 9_007_199_254_000_000),
    ],
)
def test_amounts_are_read(value: object, micro: int) -> None:
    assert parse_credits(value) == micro


@given(st.integers(1, MAX_AMOUNT))
def test_what_is_printed_is_read_back(micro: int) -> None:
    assert parse_credits(format_credits(micro)) == micro


@given(st.integers(-(2**63), 2**63))
def test_print_is_the_shortest_exact_decimal(micro: int) -> None:
    text = format_credits(micro)
    assert Decimal(text) * MICRO == micro
    assert "." not in text or not text.endswith(("0", "."))


@given(st.text(max_size=12) | st.from_regex(r"[0-9+\-.eE ]{0,10}", fullmatch=True))
def test_any_text_is_read_exactly_or_refused(text: str) -> None:
    try:
        micro = parse_credits(text)
    except ValueError:
        return
    assert text.isascii()
    assert Decimal(text) * MICRO == micro
    assert 1 <= micro <= MAX_AMOUNT


@given(st.integers(-(2**62), 2**62))
def test_whole_credits_are_rounded_down(micro: int) -> None:
    assert floor_credits(micro) * MICRO <= micro < (floor_credits(micro) + 1) * MICRO


@given(st.integers(-(10**12), 10**12), st.integers(0, 10**9), st.integers(1, 10**9))
def test_a_share_is_rounded_half_to_even(total: int, part: int, whole: int) -> None:
    exact = Decimal(total * part) / Decimal(whole) if (total * part) % whole == 0 else None
    if exact is not None:
        assert share(total, part, whole) == exact
    doubled = 2 * total * part - 2 * whole * share(total, part, whole)
    assert abs(doubled) <= whole
    if abs(doubled) == whole:
        assert share(total, part, whole) % 2 == 0


@given(st.integers(-(10**6), 10**6), st.sampled_from([2, 4, 5, 8, 10, 1000]))
def test_a_share_is_what_decimal_says(total: int, whole: int) -> None:
    expected = (Decimal(total) / whole).quantize(Decimal(1), rounding=ROUND_HALF_EVEN)
    assert share(total, 1, whole) == expected


@pytest.mark.parametrize(("total", "result"), [(1, 0), (3, 2), (5, 2), (7, 4), (-1, 0), (-3, -2), (-5, -2)])
def test_halves(total: int, result: int) -> None:
    assert share(total, 1, 2) == result
