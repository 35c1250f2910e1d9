"""Patterns of invoice numbers."""

from datetime import date

import pytest

from tallystick.domain.invoicing.numbers import check_pattern, scope_of
from tallystick.kernel.errors import Invalid

DAY = date(2026, 3, 9)


@pytest.mark.parametrize(
    ("pattern", "seq", "number", "key"),
    [
        ("INV-{YYYY}-{SEQ:3}", 7, "INV-2026-007", "INV-2026-{SEQ}"),
        ("INV-{YYYYMM}-{SEQ:5}", 7, "INV-202603-00007", "INV-202603-{SEQ}"),
        ("{YYYY}/{MM}/{SEQ}", 7, "2026/03/7", "2026/03/{SEQ}"),
        ("{SEQ:4}-{YYYY}", 12345, "12345-2026", "{SEQ}-2026"),
        ("{SEQ}", 1, "1", "{SEQ}"),
        ("A {SEQ:12}", 1, "A 000000000001", "A {SEQ}"),
    ],
)
def test_a_pattern(pattern: str, seq: int, number: str, key: str) -> None:
    scope = scope_of(check_pattern("p", pattern), DAY)
    assert (scope.number(seq), scope.key) == (number, key)


def test_the_width_is_no_part_of_the_scope() -> None:
    assert scope_of("N{SEQ:2}", DAY).key == scope_of("N{SEQ:9}", DAY).key
    assert [scope_of("N{SEQ:2}", DAY).number(seq) for seq in (9, 99, 100)] == ["N09", "N99", "N100"]


def test_a_sequence_starts_again_with_the_date() -> None:
    later = date(2027, 3, 9)
    for pattern, same in (("{YYYY}-{SEQ}", False), ("{YYYYMM}-{SEQ}", False), ("X{SEQ}", True)):
        assert (scope_of(pattern, DAY).key == scope_of(pattern, later).key) is same


@pytest.mark.parametrize(
    "pattern",
    ["", "INV", "{SEQ", "{SEQ}}", "{SEQ}{SEQ}", "{SEQ:0}", "{SEQ:13}", "{seq}", "{MM}{SEQ}", "{DD}{SEQ}", "é{SEQ}",
     "\n{SEQ}", "x" * 56 + "{SEQ}"],
)  # fmt: skip
def test_no_pattern(pattern: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_pattern("invoice_pattern", pattern)
    assert refused.value.field == "invoice_pattern"
