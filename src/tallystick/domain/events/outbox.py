"""Telling of events: who was asked already, and what is forgotten. Each in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.kernel.ids import uuid7

from .model import Event
from .views import Named, q

KEEP_DAYS: Final = 30


@dataclass(slots=True)
class _Place:
    place: int


async def claim_fresh(tx: Tx, limit: int) -> list[Named]:
    """Events that nobody was asked about yet, of every tenant, each account's in order. One caller at a time."""
    return await all_rows(tx, Named, q.claim_fresh, {"limit": limit})


async def mark_told(tx: Tx, places: Sequence[int]) -> None:
    await run(tx, q.mark_told, {"places": list(places)})


async def keep(tx: Tx, tenant: int, event: Event) -> Named:
    """Record an event that is told to one receiver alone, by the caller."""
    id = uuid7()
    values = {"tenant": tenant, "id": id, "type": event.type, "account": event.account, "at": event.at}
    place = await value(tx, q.insert_known, values | {"data": msgspec.json.encode(event.data).decode()})
    return Named(tenant, int(place), id, event.type, event.account)


async def purge(tx: Tx, limit: int) -> list[int]:
    """Forget events of more than 30 days ago; give the places of those that are gone."""
    rows = await all_rows(tx, _Place, q.purge, {"days": KEEP_DAYS, "limit": limit})
    return [row.place for row in rows]
