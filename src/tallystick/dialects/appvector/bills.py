"""Invoices, payments and what is to come, as the contract shows them. Pure.

Money is a decimal string in invoices and a JSON number among payments. Days are those of the customer's time zone, as
the PDF has them, and a period's last day is the last that it includes.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tallystick.domain.invoicing.model import ONE, Invoice, Line
from tallystick.domain.payments.history import Billed, Paying
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money, exponent

Link = Callable[[UUID], str]
"""The address of an invoice's page; ``/pdf`` behind it is its document."""

_SECOND: Final = timedelta(seconds=1)
_MICRO: Final = 6


def invoice(row: Invoice, zone: str, link: Link) -> dict[str, Any]:
    """A row of the list. ``zone`` counts where the invoice does not say the customer's own."""
    zone = row.buyer.get("time_zone") or zone
    end = None if row.period_end is None else row.period_end - _SECOND
    return {
        "id": str(row.id),
        "invoice_number": row.number or "",
        "total_amount": str(Money(row.total, row.currency)),
        "currency": row.currency,
        "status": row.status.upper(),
        "issued_at": _moment(row.issued_at),
        "period_start": _day(row.period_start, zone),
        "period_end": _day(end, zone),
        "pdf_url": link(row.id) + "/pdf",
    }


def whole_invoice(row: Invoice, zone: str, link: Link) -> dict[str, Any]:
    """The row of the list, and what else there is."""
    return invoice(row, zone, link) | {
        "subtotal": str(Money(row.subtotal, row.currency)),
        "tax": str(Money(row.tax, row.currency)),
        "amount_paid": str(Money(row.amount_paid, row.currency)),
        "paid_at": _moment(row.paid_at),
        "due_date": _day(row.due_at, row.buyer.get("time_zone") or zone),
        "line_items": [line_item(one, row.currency) for one in row.lines],
        "hosted_invoice_url": link(row.id),
    }


def payment(row: Paying, link: Link) -> dict[str, Any]:
    """One of the payment history, in the provider's words for an invoice. Its id is made of our invoice's; where there
    is none, of our payment's or the provider's."""
    past, billed = row.past, row.billed
    paid = past.paid or (billed is not None and billed.status == "paid")
    named = past.payment if billed is None else billed.invoice
    page = None if billed is None else link(billed.invoice)
    status = "open" if billed is None else billed.status
    return {
        "id": f"in_{past.ref}" if named is None else typeid("in", named),
        "amount": number(past.amount, past.currency),
        "currency": past.currency,
        "status": "paid" if paid else status,
        "paid": paid,
        "date": int((past if billed is None else billed).at.timestamp()),
        "invoice_pdf": past.invoice_pdf if page is None else page + "/pdf",
        "hosted_invoice_url": past.hosted_url if page is None else page,
        "description": past.description if billed is None else _about(billed),
    }


def upcoming(row: Invoice, attempt: datetime | None) -> dict[str, Any]:
    """The invoice that is to come, and when it will be charged."""
    end = None if row.period_end is None else row.period_end - _SECOND
    return {
        "amount_due": number(row.amount_due, row.currency),
        "currency": row.currency,
        "period_start": _moment(row.period_start),
        "period_end": _moment(end),
        "next_payment_attempt": _moment(attempt),
    }


def number(minor: int, currency: str) -> float:
    """An amount as a JSON number of whole units, always with a point. Exact to the cent up to 70 trillion."""
    return float(str(Money(minor, currency)))


def _about(bill: Billed) -> str:
    """What was bought: the name of the plan stands before its component's."""
    if bill.plan is not None:
        name = bill.plan.partition(": ")[0]
        return (
            f"Subscription for {name}" if name.lower().endswith(" plan") else f"Subscription for {name} Plan"
        )
    return bill.first or f"Invoice {bill.number}"


def line_item(line: Line, currency: str) -> dict[str, Any]:
    """A line of an invoice: its quantity a whole number where it is one."""
    whole, rest = divmod(line.quantity, ONE)
    return {
        "description": line.description,
        "quantity": line.quantity / ONE if rest else whole,
        "unit_price": None if line.unit_price is None else _price(line.unit_price, currency),
        "amount": str(Money(line.amount, currency)),
    }


def _price(micro: int, currency: str) -> str:
    """Millionths of a minor unit, with the currency's decimals, or as many more as it needs."""
    places = exponent(currency)
    price = Decimal(micro).scaleb(-places - _MICRO)
    short = price.normalize()
    least = Decimal(1).scaleb(-places)
    return str(price.quantize(least) if short == short.quantize(least) else f"{short:f}")


def _moment(at: datetime | None) -> str | None:
    return None if at is None else iso_seconds(at)


def _day(at: datetime | None, zone: str) -> str | None:
    return None if at is None else at.astimezone(ZoneInfo(zone)).date().isoformat()
