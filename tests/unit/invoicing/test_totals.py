"""The arithmetic of invoices against a model in exact fractions."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tallystick.domain.invoicing.model import TaxRate
from tallystick.domain.invoicing.totals import rates_for, totals
from tallystick.kernel.errors import Invalid

from .rates import rate

amounts = st.lists(st.integers(-(10**9), 10**9), max_size=20)
tax_rates = st.lists(st.builds(rate, st.integers(0, 1_000_000), inclusive=st.booleans()), max_size=3)
credits_owed = st.integers(0, 10**9)


def half_even(exact: Fraction) -> int:
    whole = floor(exact)
    rest = exact - whole
    return whole + (rest > Fraction(1, 2) or (rest == Fraction(1, 2) and whole % 2 == 1))


@settings(max_examples=400)
@given(amounts, tax_rates, credits_owed)
@example([100, -100], [rate(200_000)], 0)
@example([1, 1, 1], [rate(333_333), rate(75_000, inclusive=True)], 0)
@example([-1], [rate(1_000_000)], 5)
def test_everything_sums(amounts: list[int], rates: list[TaxRate], credit: int) -> None:
    made = totals(amounts, rates, credit)
    inside = sum(Fraction(one.rate, 10**6) for one in rates if one.inclusive)
    net = Fraction(sum(amounts)) / (1 + inside)
    assert [tax.amount for tax in made.taxes] == [half_even(net * one.rate / 10**6) for one in rates]
    assert made.subtotal == sum(amounts) - sum(tax.amount for tax in made.taxes if tax.rate.inclusive)
    assert made.tax == sum(tax.amount for tax in made.taxes)
    assert made.subtotal == sum(line.net for line in made.lines)
    assert made.tax == sum(line.tax for line in made.lines)
    for place, tax in enumerate(made.taxes):
        assert tax.amount == sum(line.taxes[place] for line in made.lines)
    assert made.total == made.subtotal + made.tax + made.carried >= 0
    assert made.carried == max(0, -(made.subtotal + made.tax))
    assert 0 <= made.credit_applied == min(credit, made.total)
    assert made.amount_due == made.total - made.credit_applied >= 0
    for line, amount in zip(made.lines, amounts, strict=True):
        assert line.tax == sum(line.taxes)
        part = Fraction(amount) / (1 + inside)
        for taken, one in zip(line.taxes, rates, strict=True):
            # carried remainders: never a whole minor unit from the line's own tax
            assert abs(taken - part * one.rate / 10**6) <= 1


def test_what_people_expect() -> None:
    added = totals([1000, 2000], [rate(180_000)])
    assert (added.subtotal, added.tax, added.total) == (3000, 540, 3540)
    inside = totals([1180], [rate(180_000, inclusive=True)])
    assert (inside.subtotal, inside.tax, inside.total) == (1000, 180, 1180)
    # three thirds: rounded on the sum, the remainder carried
    thirds = totals([33, 33, 33], [rate(50_000)])
    assert (thirds.tax, [line.tax for line in thirds.lines]) == (5, [2, 1, 2])
    assert totals([], [rate(180_000)]).total == 0


def test_no_larger_than_money() -> None:
    most = 2**53 - 1
    assert totals([most], []).total == most
    for amounts, rates in (([most, 1], []), ([most], [rate(1)]), ([-most, -1], [])):
        with pytest.raises(Invalid) as refused:
            totals(amounts, [*rates, rate(1_000_000)] if rates else rates)
        assert refused.value.field == "lines"


def test_whose_rates() -> None:
    standard = rate(1, standard=True)
    ug, gst, qc1, qc2 = (
        rate(2, country="UG"),
        rate(3, country="CA"),
        rate(4, country="CA", region="QC"),
        rate(5, country="CA", region="QC"),
    )
    retired = rate(6, country="KE", active=False)
    known = [standard, ug, gst, qc1, qc2, retired]
    for country, region, expected in (
        ("", "", (standard,)),
        ("", "QC", (standard,)),
        ("KE", "", (standard,)),
        ("UG", "Central", (ug,)),
        ("CA", "ON", (gst,)),
        ("CA", "qc", (qc1, qc2)),
    ):
        assert rates_for(known, country, region, exempt=False) == expected
        assert rates_for(known, country, region, exempt=True) == ()
