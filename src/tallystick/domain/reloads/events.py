"""What receivers are told of automatic purchases and low balances: flat JSON. Pure."""

from datetime import datetime
from typing import Any

from tallystick.domain.events.model import Event
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import Alert, AutoReload, Reload


def reloaded(row: Reload, at: datetime) -> Event:
    """credits.reloaded: the credits are there."""
    return Event("credits.reloaded", at, _of_reload(row), row.account)


def failed(
    row: AutoReload, reason: str, message: str, at: datetime, *, reload: Reload | None = None,
    resumes_at: datetime | None = None,
) -> Event:  # fmt: skip
    """credits.reload_failed: it is stopped until it is set again, or goes on at ``resumes_at``."""
    data = {
        "account": typeid("acct", row.account_uuid),
        "credit_type": row.credit_type,
        "threshold": format_credits(row.threshold),
        "reason": reason,
        "message": message,
        "stopped": resumes_at is None,
        "resumes_at": None if resumes_at is None else iso(resumes_at),
    }
    return Event("credits.reload_failed", at, (_of_reload(reload) if reload else {}) | data, row.account)


def low_balance(row: Alert, available: int, at: datetime) -> Event:
    """credits.low_balance: ``available`` is without overdraft."""
    data = {
        "id": typeid("alert", row.id),
        "account": typeid("acct", row.account_uuid),
        "credit_type": row.credit_type,
        "threshold": format_credits(row.threshold),
        "available": format_credits(available),
    }
    return Event("credits.low_balance", at, data, row.account)


def _of_reload(row: Reload) -> dict[str, Any]:
    return {
        "account": typeid("acct", row.account_uuid),
        "credit_type": row.credit_type,
        "credits": format_credits(row.credits),
        "amount": str(Money(row.amount, row.currency)),
        "currency": row.currency,
        "invoice": typeid("inv", row.invoice),
        "payment": None if row.payment is None else typeid("pay", row.payment),
    }
