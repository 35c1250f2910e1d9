"""What receivers are told of payments: flat JSON, made of rows alone. Pure."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import Checkout, Method, Payment


def payment_event(type: str, row: Payment, at: datetime) -> Event:
    """payment.succeeded, payment.failed or payment.requires_action."""
    data: dict[str, Any] = {
        "id": typeid("pay", row.id),
        "account": typeid("acct", row.account_uuid),
        "status": row.status,
        "cause": row.cause,
        "gateway": row.gateway,
        "amount": _money(row.amount, row.currency),
        "currency": row.currency,
        "invoice": _id("inv", row.invoice),
        "checkout": _id("co", row.checkout),
        "payment_method": _id("pm", row.method),
    }
    match type:
        case "payment.succeeded":
            data["applied"] = _money(row.applied, row.currency)
            data["credited"] = _money(row.to_credit, row.currency)
            data["sent_back"] = _money(row.to_refund, row.currency)
        case "payment.failed":
            data["failure_code"], data["failure_message"] = row.failure_code, row.failure_message
        case "payment.requires_action":
            data["action_url"] = row.action_url
    return Event(type, at, data, row.account)


def checkout_event(type: str, row: Checkout, at: datetime) -> Event:
    """checkout.completed or checkout.expired."""
    data = {
        "id": typeid("co", row.id),
        "account": typeid("acct", row.account_uuid),
        "kind": row.kind,
        "status": row.status,
        "gateway": row.gateway,
        "amount": _money(row.amount, row.currency),
        "currency": row.currency,
        "invoice": _id("inv", row.invoice),
        "payment": _id("pay", row.payment),
        "metadata": row.metadata,
    }
    return Event(type, at, data, row.account)


def method_event(type: str, row: Method, account: UUID, at: datetime) -> Event:
    """payment_method.saved or payment_method.removed."""
    data = {
        "id": typeid("pm", row.id),
        "account": typeid("acct", account),
        "gateway": row.gateway,
        "kind": row.kind,
        "brand": row.brand,
        "last4": row.last4,
        "exp_month": row.exp_month,
        "exp_year": row.exp_year,
        "created_at": iso(row.created_at),
    }
    return Event(type, at, data, row.account)


def _money(minor: int, currency: str) -> str:
    return str(Money(minor, currency))


def _id(prefix: str, uuid: UUID | None) -> str | None:
    return None if uuid is None else typeid(prefix, uuid)
