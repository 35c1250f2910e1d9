"""Recording events, in the caller's transaction."""

from typing import Any

import msgspec

from tallystick.db.pool import Tx, run
from tallystick.kernel.ids import uuid7

from .model import Event
from .views import q


async def emit(tx: Tx, tenant: int, *events: Event) -> None:
    """Record what happened, in the transaction of the fact itself: both are, or neither is.

    Events of an account are told in the order of their facts when the caller holds the account's head. Whoever is to
    hear of them is told after the commit (`webhooks.jobs`).
    """
    if not events:
        return
    rows: list[dict[str, Any]] = [
        {"id": uuid7(), "type": one.type, "account_id": one.account, "at": one.at, "data": one.data}
        for one in events
    ]
    await run(tx, q.insert_events, {"tenant": tenant, "rows": msgspec.json.encode(rows).decode()})
