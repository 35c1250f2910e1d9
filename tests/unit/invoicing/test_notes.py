"""What credit notes take of an invoice: never more than there is, and in the end all of it."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallystick.domain.invoicing.model import CreditNote, Invoice, Line, NoteLine, TaxRate
from tallystick.domain.invoicing.notes import Credited, Part, credited, taxes_of
from tallystick.domain.invoicing.totals import totals
from tallystick.kernel.errors import Conflict, Invalid

from .rates import rate

AT = datetime(2026, 1, 1, tzinfo=UTC)
ID = UUID(int=1)


def invoice(amounts: list[int], rates: list[TaxRate]) -> Invoice:
    sums = totals(amounts, rates)
    lines = [
        Line(
            invoice=ID, position=place, kind="plan", description="x", quantity=1, unit_price=None, amount=amount,
            net=line.net, tax=line.tax, taxes=list(line.taxes), component=None, period_start=None, period_end=None,
            details={},
        )
        for place, (amount, line) in enumerate(zip(amounts, sums.lines, strict=True), 1)
    ]  # fmt: skip
    taxes = [
        {"id": "", "name": tax.rate.name, "rate": tax.rate.rate, "inclusive": tax.rate.inclusive,
         "taxable": tax.taxable, "amount": tax.amount}
        for tax in sums.taxes
    ]  # fmt: skip
    return Invoice(
        account=1, account_uuid=ID, id=ID, tenant=1, place=1, number="1", status="open", currency="USD",
        subscription=None, reason="manual", subtotal=sums.subtotal, tax=sums.tax, carried=sums.carried,
        total=sums.total, credit_applied=0, credited=0, amount_due=sums.total, amount_paid=0, period_start=None,
        period_end=None, issued_at=AT, due_at=AT, paid_at=None, voided_at=None, seller={}, buyer={}, taxes=taxes,
        memo="", metadata={}, created_at=AT, updated_at=AT, lines=lines,
    )  # fmt: skip


def note(lines: list[Credited]) -> CreditNote:
    net, tax = sum(line.net for line in lines), sum(line.tax for line in lines)
    return CreditNote(
        account=1, account_uuid=ID, id=ID, tenant=1, place=1, number=None, invoice=ID, invoice_number="1",
        currency="USD", subtotal=net, tax=tax, total=net + tax, applied=0, to_credit=net + tax, refund_due=0,
        taxes=[], reason="", metadata={}, seller={}, buyer={}, issued_at=AT, created_at=AT,
        lines=[
            NoteLine(credit_note=ID, position=1, invoice_line=line.invoice_line, description="", net=line.net,
                     tax=line.tax)
            for line in lines
        ],
    )  # fmt: skip


@settings(max_examples=300)
@given(
    st.lists(st.integers(-500, 5000), min_size=1, max_size=6),
    st.lists(st.builds(rate, st.integers(0, 400_000), inclusive=st.booleans()), max_size=2),
    st.lists(st.tuples(st.integers(0, 6), st.integers(1, 4000)), max_size=8),
)
def test_notes_end_at_the_invoice(
    amounts: list[int], rates: list[TaxRate], wanted: list[tuple[int, int]]
) -> None:
    whole, notes = invoice(amounts, rates), list[CreditNote]()
    for line, amount in wanted:
        parts = [Part(line, amount)] if line else None
        try:
            made = note(credited(whole, notes, parts, None if parts else amount, "x"))
        except (Invalid, Conflict):
            continue
        assert made.total == amount
        assert made.subtotal >= 0
        assert made.tax >= 0
        assert sum(row["amount"] for row in taxes_of(whole, made.tax)) == made.tax
        notes.append(made)
        assert sum(one.total for one in notes) <= whole.total
        assert sum(one.tax for one in notes) <= whole.tax
        assert sum(one.subtotal for one in notes) <= whole.subtotal
    if sum(one.total for one in notes) == whole.total:
        with pytest.raises(Conflict):
            credited(whole, notes, None, None, "x")
        return
    notes.append(note(credited(whole, notes, None, None, "x")))
    assert (sum(one.subtotal for one in notes), sum(one.tax for one in notes)) == (whole.subtotal, whole.tax)


def test_a_line_in_parts() -> None:
    whole = invoice([1000, 500], [rate(180_000)])
    first = note(credited(whole, [], [Part(1, 590)], None, "x"))
    assert (first.subtotal, first.tax) == (500, 90)
    rest = note(credited(whole, [first], [Part(1), Part(2)], None, "x"))
    assert [(line.net, line.tax) for line in rest.lines] == [(500, 90), (500, 90)]
    with pytest.raises(Invalid) as refused:
        credited(whole, [first], [Part(1, 591)], None, "x")
    assert refused.value.field == "lines.0.amount"
