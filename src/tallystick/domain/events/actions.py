"""Recording events, in the caller's transaction."""

from collections.abc import Sequence
from typing import Any

import msgspec

from tallystick.db.pool import Tx
from tallystick.kernel.ids import uuid7

from .model import Event
from .views import q


async def emit(tx: Tx, tenant: int, *events: Event) -> None:
    """Record what happened, in the transaction of the fact itself: both are, or neither is.

    Events of an account are told in the order of their facts when the caller holds the account's head. Whoever is to
    hear of them is told after the commit (`webhooks.jobs`).
    """
    await emit_all(tx, [(tenant, one) for one in events])


async def emit_all(tx: Tx, events: Sequence[tuple[int, Event]]) -> None:
    """As `emit`, for events of several tenants: each with its tenant's number. In a pipeline it waits for nothing."""
    if not events:
        return
    rows: list[dict[str, Any]] = [
        {
            "tenant_id": tenant,
            "id": uuid7(),
            "type": one.type,
            "account_id": one.account,
            "at": one.at,
            "data": one.data,
        }
        for tenant, one in events
    ]
    await tx.execute(q.insert_events.encode(), {"rows": msgspec.json.encode(rows).decode()})
