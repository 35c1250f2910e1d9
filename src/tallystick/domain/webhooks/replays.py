"""Sending again, and trying an endpoint out; each in the caller's transaction, under the endpoint's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.domain.events import outbox
from tallystick.domain.events import views as events
from tallystick.domain.events.model import TYPES, Event
from tallystick.domain.events.views import Named
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import typeid, uuid7

from . import views
from .actions import release
from .model import MAX_REPLAY, Delivery, Endpoint, check_types, is_wanted
from .views import q

PING: Final = "test.ping"


@dataclass(slots=True)
class _Account:
    account: int | None


async def replay(tx: Tx, tenant: int, id: UUID, *, by: str) -> Delivery:
    """Send a delivery again, from its first try on: the same id and bytes. One that is pending is tried now.

    Audited. Raises NotFound, and Conflict("endpoint_disabled") or Conflict("event_forgotten").
    """
    found = await views.delivery(tx, tenant, id)
    endpoint = await _open(tx, tenant, found.endpoint)
    if not await run(tx, q.replay_now, {"tenant": tenant, "id": id}):
        try:
            event = await events.event(tx, tenant, found.event)
        except NotFound:
            raise Conflict("event_forgotten", "The event is no longer kept.") from None
        named = Named(tenant, event.place, event.id, event.type, event.account)
        await _send(tx, endpoint, [named])
    await identity.audit(tx, tenant, actor=by, action="webhook_delivery.replay", target=f"wd:{id}")
    return await views.delivery(tx, tenant, id)


async def replay_span(
    tx: Tx,
    tenant: int,
    id: UUID,
    *,
    start: datetime,
    end: datetime,
    types: Sequence[str] | None = None,
    only_failed: bool = False,
    by: str,
) -> int:
    """Send again what was recorded in [start, end); give how many deliveries are on their way by it.

    Events of the endpoint's types (and of ``types``, if given), also those that it was never sent since it was
    disabled; with ``only_failed`` those alone that it was sent in vain. What is pending stays as it is. Audited.
    Raises Invalid, NotFound and Conflict("endpoint_disabled").
    """
    if start >= end:
        raise Invalid("to", "must be after from")
    asked = None if types is None else check_types(types)
    endpoint = await _open(tx, tenant, id)
    exact = [
        name
        for name in TYPES
        if name != PING and is_wanted(name, endpoint.types) and is_wanted(name, asked or ["*"])
    ]
    found = await events.between(tx, tenant, start, end, types=exact, limit=MAX_REPLAY + 1)
    if len(found) > MAX_REPLAY:
        raise Invalid("to", f"takes in more than {MAX_REPLAY} events; replay shorter spans")
    count = await (_send_failed if only_failed else _send)(tx, endpoint, found)
    details: dict[str, Any] = {
        "from": start,
        "to": end,
        "types": asked,
        "only_failed": only_failed,
        "count": count,
    }
    await identity.audit(
        tx, tenant, actor=by, action="webhook_endpoint.replay", target=f"we:{id}", details=details
    )
    return count


async def try_endpoint(tx: Tx, tenant: int, id: UUID, *, by: str) -> Delivery:
    """Send ``test.ping`` to this endpoint alone, whatever its filter. Audited.

    Raises NotFound and Conflict("endpoint_disabled").
    """
    endpoint = await _open(tx, tenant, id)
    now = await identities.now(tx, tenant)
    ping = Event(PING, now, {"endpoint": typeid("we", id), "message": "It works."})
    event = await outbox.keep(tx, tenant, ping)
    await _send(tx, endpoint, [event])
    await identity.audit(tx, tenant, actor=by, action="webhook_endpoint.test", target=f"we:{id}")
    page = await views.deliveries(tx, tenant, event=event.id, endpoint=id)
    return page.rows[0]


def rows_of(endpoint: UUID, ordered: bool, found: Sequence[Named]) -> list[dict[str, Any]]:
    """Deliveries of these events as `insert_deliveries` takes them."""
    return [
        {
            "tenant_id": event.tenant,
            "id": uuid7(),
            "endpoint_id": endpoint,
            "event_place": event.place,
            "event_id": event.id,
            "event_type": event.type,
            "account_id": event.account,
            "ordered": ordered and event.account is not None,
        }
        for event in found
    ]


async def _open(tx: Tx, tenant: int, id: UUID) -> Endpoint:
    """The endpoint, locked. Raises NotFound and Conflict("endpoint_disabled")."""
    if await value(tx, q.lock_endpoint, {"tenant": tenant, "id": id}) is None:
        raise NotFound("webhook endpoint")
    endpoint = await views.endpoint(tx, tenant, id)
    if not endpoint.enabled:
        raise Conflict("endpoint_disabled", "The endpoint is disabled; enable it first.")
    return endpoint


async def _send(tx: Tx, endpoint: Endpoint, found: Sequence[Named]) -> int:
    if not found:
        return 0
    rows = rows_of(endpoint.id, endpoint.ordered, found)
    count = await run(tx, q.replay_deliveries, {"rows": msgspec.json.encode(rows).decode()})
    if endpoint.ordered:
        await release(tx, [(endpoint.id, event.account) for event in found])
    return count


async def _send_failed(tx: Tx, endpoint: Endpoint, found: Sequence[Named]) -> int:
    values = {"places": [event.place for event in found], "id": endpoint.id, "ordered": endpoint.ordered}
    rows = await all_rows(tx, _Account, q.replay_failed, values)
    if endpoint.ordered:
        await release(tx, [(endpoint.id, row.account) for row in rows])
    return len(rows)
