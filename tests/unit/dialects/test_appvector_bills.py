"""How AppVector's answers write amounts, prices and what a payment was for."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from tallystick.dialects.appvector import bills
from tallystick.domain.invoicing.model import Line
from tallystick.domain.payments.history import Billed, Paying
from tallystick.domain.payments.port import Past

ID = UUID("0198f2f4-6a3b-7c41-9d5e-2f8a1b7c3d90")
AT = datetime(2024, 1, 1, tzinfo=UTC)


def line(currency: str, *, quantity: int = 1_000_000, unit_price: int | None = None) -> dict[str, object]:
    row = Line(
        invoice=ID, position=1, kind="usage", description="Calls", quantity=quantity, unit_price=unit_price, amount=0,
        net=0, tax=0, taxes=[], component=None, period_start=None, period_end=None, details={},
    )  # fmt: skip
    return bills.line_item(row, currency)


@pytest.mark.parametrize(
    ("minor", "currency", "text"),
    [
        (14900, "USD", "149.0"),
        (1, "USD", "0.01"),
        (149, "JPY", "149.0"),
        (1234, "KWD", "1.234"),
        (0, "USD", "0.0"),
    ],
)
def test_a_number_of_whole_units_has_a_point(minor: int, currency: str, text: str) -> None:
    assert repr(bills.number(minor, currency)) == text


@pytest.mark.parametrize(
    ("micro", "currency", "text"),
    [
        (14_900_000_000, "USD", "149.00"), (500_000, "USD", "0.005"), (1, "USD", "0.00000001"), (0, "USD", "0.00"),
        (149_000_000, "JPY", "149"), (500_000, "JPY", "0.5"), (10_000_000_000, "USD", "100.00"),
        (-250_000_000, "USD", "-2.50"),
    ],
)  # fmt: skip
def test_a_price_has_as_many_decimals_as_it_needs(micro: int, currency: str, text: str) -> None:
    assert line(currency, unit_price=micro)["unit_price"] == text


@pytest.mark.parametrize(
    ("micro", "number"), [(1_000_000, 1), (3_000_000_000, 3000), (1_500_000, 1.5), (1, 1e-06)]
)
def test_a_quantity_is_whole_where_it_can_be(micro: int, number: float) -> None:
    found = line("USD", quantity=micro)["quantity"]
    assert (found, type(found)) == (number, type(number))


@pytest.mark.parametrize(
    ("plan", "first", "number", "text"),
    [
        ("Professional", "Professional", "INV-1", "Subscription for Professional Plan"),
        ("Professional: Base", "Setup", "INV-1", "Subscription for Professional Plan"),
        ("Growth plan", "Growth plan", "INV-1", "Subscription for Growth plan"),
        (None, "1000 API Calls", "INV-1", "1000 API Calls"),
        (None, None, "INV-1", "Invoice INV-1"),
    ],
)
def test_what_a_payment_was_for(plan: str | None, first: str | None, number: str, text: str) -> None:
    bill = Billed(payment=ID, at=AT, invoice=ID, number=number, status="paid", plan=plan, first=first)
    row = bills.payment(
        Paying(Past("ch_1", 100, "USD", "succeeded", True, AT, "x", ID), bill), lambda id: "L"
    )
    assert row["description"] == text
    assert (row["date"], row["invoice_pdf"], row["hosted_invoice_url"]) == (1704067200, "L/pdf", "L")


def test_a_payment_that_is_none_of_ours() -> None:
    """Made by hand at the provider: its own words, its own id."""
    past = Past("ch_1", 100, "USD", "failed", False, AT, "By hand", hosted_url="https://stripe.example/r")
    assert bills.payment(Paying(past, None), lambda id: "L") == {
        "id": "in_ch_1",
        "amount": 1.0,
        "currency": "USD",
        "status": "open",
        "paid": False,
        "date": 1704067200,
        "invoice_pdf": None,
        "hosted_invoice_url": "https://stripe.example/r",
        "description": "By hand",
    }
