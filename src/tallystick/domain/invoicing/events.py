"""What others are told of invoices and credit notes. Pure. Money is decimal strings of the currency's major unit."""

from datetime import datetime
from typing import Any, Final

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import CreditNote, Invoice

_SETTLED: Final = {"paid": "invoice.paid", "void": "invoice.voided", "uncollectible": "invoice.failed"}


def issued(row: Invoice) -> list[Event]:
    """What is told of an invoice that was just issued, and paid at once if nothing is due."""
    assert row.issued_at is not None
    data = invoice_data(row)
    told = [Event("invoice.created", row.issued_at, data, row.account)]
    if row.status == "paid":
        told.append(Event("invoice.paid", row.issued_at, data, row.account))
    return told


def settled(row: Invoice) -> list[Event]:
    """What is told of an invoice that is paid, void or given up as of its last change; nothing of an open one."""
    if row.status not in _SETTLED:
        return []
    return [Event(_SETTLED[row.status], row.updated_at, invoice_data(row), row.account)]


def noted(note: CreditNote) -> Event:
    """What is told of a credit note."""

    def money(minor: int) -> str:
        return str(Money(minor, note.currency))

    data = {
        "id": typeid("cn", note.id),
        "account": typeid("acct", note.account_uuid),
        "number": note.number,
        "invoice": typeid("inv", note.invoice),
        "invoice_number": note.invoice_number,
        "reason": note.reason,
        "currency": note.currency,
        "subtotal": money(note.subtotal),
        "tax": money(note.tax),
        "total": money(note.total),
        "applied": money(note.applied),
        "to_credit": money(note.to_credit),
        "refund_due": money(note.refund_due),
        "issued_at": iso(note.issued_at),
        "metadata": note.metadata,
    }
    return Event("credit_note.created", note.issued_at, data, note.account)


def invoice_data(row: Invoice) -> dict[str, Any]:
    """An invoice as events show it, without its lines."""

    def money(minor: int) -> str:
        return str(Money(minor, row.currency))

    return {
        "id": typeid("inv", row.id),
        "account": typeid("acct", row.account_uuid),
        "number": row.number,
        "status": row.status,
        "reason": row.reason,
        "subscription": None if row.subscription is None else typeid("sub", row.subscription),
        "currency": row.currency,
        "subtotal": money(row.subtotal),
        "tax": money(row.tax),
        "carried_to_credit": money(row.carried),
        "total": money(row.total),
        "credit_applied": money(row.credit_applied),
        "credited": money(row.credited),
        "amount_due": money(row.amount_due),
        "amount_paid": money(row.amount_paid),
        "amount_remaining": money(0 if row.status == "void" else row.remaining),
        "period_start": _time(row.period_start),
        "period_end": _time(row.period_end),
        "issued_at": _time(row.issued_at),
        "due_at": _time(row.due_at),
        "paid_at": _time(row.paid_at),
        "voided_at": _time(row.voided_at),
        "metadata": row.metadata,
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
