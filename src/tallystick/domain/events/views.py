"""What may be read of events."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.kernel.errors import NotFound
from tallystick.kernel.page import MAX_KEY, Page, page_of

from .model import Recorded

q: Final = Queries("tallystick.domain.events")


@dataclass(slots=True)
class Named:
    """What tells who wants to hear of an event."""

    tenant: int
    place: int
    id: UUID
    type: str
    account: int | None


@dataclass(slots=True)
class Text:
    """An event's moment, and its data as JSON text, the same bytes each time."""

    tenant: int
    place: int
    at: datetime
    data: str


async def events(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    type: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Recorded]:
    """The tenant's events, the newest first, before the ``place``; [start, end) bounds when they were recorded."""
    values: dict[str, Any] = {"tenant": tenant, "type": type, "start": start, "end": end, "limit": limit + 1}
    values["before"] = MAX_KEY if before is None else before
    if account is None:
        rows = await all_rows(conn, Recorded, q.events, values)
    else:
        rows = await all_rows(conn, Recorded, q.events_of_account, values | {"account": account})
    return page_of(rows, limit, lambda row: row.place)


async def event(conn: Tx, tenant: int, id: UUID) -> Recorded:
    """Raises NotFound."""
    row = await one_row(conn, Recorded, q.event, {"tenant": tenant, "id": id})
    if row is None:
        raise NotFound("event")
    return row


async def between(
    conn: Tx, tenant: int, start: datetime, end: datetime, *, types: Sequence[str] | None, limit: int
) -> list[Named]:
    """Those recorded in [start, end), the oldest first, of these exact types or of all."""
    values = {"tenant": tenant, "start": start, "end": end, "limit": limit}
    return await all_rows(conn, Named, q.between, values | {"types": None if types is None else list(types)})


async def texts(conn: Tx, places: Sequence[tuple[int, int]]) -> dict[tuple[int, int], Text]:
    """What happened at each (tenant, place) that is still kept."""
    values = {"tenants": [tenant for tenant, _ in places], "places": [place for _, place in places]}
    rows = await all_rows(conn, Text, q.texts, values) if places else []
    return {(row.tenant, row.place): row for row in rows}
