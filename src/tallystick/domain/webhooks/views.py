"""What may be read of webhook endpoints and deliveries."""

from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.domain.events import views as events
from tallystick.kernel.errors import NotFound
from tallystick.kernel.page import MAX_KEY, Page, page_of

from .model import Attempt, Delivery, Endpoint, Status

q: Final = Queries("tallystick.domain.webhooks")


async def endpoints(conn: Tx, tenant: int) -> list[Endpoint]:
    """Those that are not deleted, the newest first."""
    return await all_rows(conn, Endpoint, q.endpoints, {"tenant": tenant})


async def endpoint(conn: Tx, tenant: int, id: UUID) -> Endpoint:
    """Raises NotFound, for a deleted one too."""
    row = await one_row(conn, Endpoint, q.endpoint, {"tenant": tenant, "id": id})
    if row is None:
        raise NotFound("webhook endpoint")
    return row


async def deliveries(
    conn: Tx,
    tenant: int,
    *,
    endpoint: UUID | None = None,
    event: UUID | None = None,
    type: str | None = None,
    status: Status | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Delivery]:
    """The tenant's deliveries, the newest first, before the ``place``; also those to deleted endpoints."""
    values: dict[str, Any] = {"tenant": tenant, "status": status, "type": type, "limit": limit + 1}
    values |= {"endpoint": endpoint, "before": MAX_KEY if before is None else before}
    query = q.deliveries if endpoint is None else q.deliveries_of_endpoint
    if event is not None:
        try:
            values["event_place"] = (await events.event(conn, tenant, event)).place
        except NotFound:
            return Page([])
        query = q.deliveries_of_event
    return page_of(await all_rows(conn, Delivery, query, values), limit, lambda row: row.place)


async def delivery(conn: Tx, tenant: int, id: UUID) -> Delivery:
    """Raises NotFound."""
    row = await one_row(conn, Delivery, q.delivery, {"tenant": tenant, "id": id})
    if row is None:
        raise NotFound("webhook delivery")
    return row


async def attempts(conn: Tx, delivery: Delivery) -> list[Attempt]:
    """Every try that was recorded, the first first. One whose sender died left none."""
    return await all_rows(conn, Attempt, q.attempts, {"tenant": delivery.tenant, "place": delivery.place})
