"""What others are told of customers. Pure."""

from datetime import datetime
from typing import Any, Literal

from tallystick.domain.events.model import Event
from tallystick.kernel.ids import typeid

from .model import Account

Type = Literal["customer.created", "customer.updated"]


def happened(type: Type, row: Account, at: datetime) -> Event:
    """What is told of an account that stands as ``row`` says."""
    return Event(type, at, account_data(row), row.account_id)


def account_data(row: Account) -> dict[str, Any]:
    """An account as events show it: ``id`` and ``account`` are the same."""
    return {
        "id": typeid("acct", row.uuid),
        "account": typeid("acct", row.uuid),
        "number": row.number,
        "external_id": row.external_id,
        "status": row.status,
        "kind": row.kind,
        "name": row.name,
        "email": row.email,
        "first_name": row.first_name,
        "last_name": row.last_name,
        "phone": row.phone,
        "currency": row.currency,
        "time_zone": row.time_zone,
        "metadata": row.metadata,
    }
