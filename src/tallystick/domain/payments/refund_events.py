"""What receivers are told of refunds and disputes. Pure."""

from typing import Any

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import Dispute, Refund


def of_refund(type: str, row: Refund) -> Event:
    """``refund.created``, ``refund.succeeded`` or ``refund.failed``."""
    data = {
        "id": typeid("re", row.id),
        "payment": typeid("pay", row.payment),
        "account": typeid("acct", row.account_uuid),
        "invoice": None if row.invoice is None else typeid("inv", row.invoice),
        "credit_note": None if row.credit_note is None else typeid("cn", row.credit_note),
        "status": row.status,
        "cause": row.cause,
        "amount": str(Money(row.amount, row.currency)),
        "currency": row.currency,
        "reason": row.reason,
        "failure": row.failure if row.status == "failed" else None,
        "credits_taken": format_credits(sum(one["amount"] for one in row.taken)),
        "created_at": iso(row.created_at),
    }
    return Event(type, row.updated_at, data, row.account)


def of_dispute(type: str, row: Dispute) -> Event:
    """``dispute.opened`` or ``dispute.closed``."""
    data: dict[str, Any] = {
        "id": typeid("dp", row.id),
        "payment": typeid("pay", row.payment),
        "account": typeid("acct", row.account_uuid),
        "status": row.status,
        "amount": str(Money(row.amount, row.currency)),
        "currency": row.currency,
        "reason": row.reason,
        "policy": row.policy,
        "credits_taken": format_credits(sum(one["amount"] for one in row.taken)),
        "credits_returned": format_credits(sum(one["amount"] for one in row.returned)),
        "evidence_due_at": None if row.evidence_due_at is None else iso(row.evidence_due_at),
        "opened_at": iso(row.opened_at),
        "closed_at": None if row.closed_at is None else iso(row.closed_at),
    }
    return Event(type, row.updated_at, data, row.account)
