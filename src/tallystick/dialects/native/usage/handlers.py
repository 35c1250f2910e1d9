"""Reading and correcting usage events; meters and what they say."""

import contextlib
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, Reader, Writer, may_read
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.metering import actions, views
from tallystick.domain.metering.model import Event, Meter
from tallystick.http.hot import count_for
from tallystick.http.paging import page_body
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.ids import owner_of, parse_typeid, typeid

from . import forms, shapes


async def list_usage(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[forms.EventsQuery, Query()]
) -> Response:
    """List an account's usage events, the newest received first. Deleted ones are left out."""
    before = None if query.cursor is None else parse_typeid("usage", query.cursor)
    if query.cursor is not None and before is None:
        raise Invalid("cursor", "is not one that this list gave")
    subscription = None if query.subscription is None else parse_typeid("sub", query.subscription)
    if query.subscription is not None and subscription is None:
        raise Invalid("subscription", "must be a subscription's id")
    async with native.system.db.connection() as conn:
        owner = await identity.account(conn, actor.tenant, account)
        rows = await views.events(
            conn,
            actor.tenant,
            account,
            subscription=subscription,
            metric=query.metric,
            start=query.start,
            end=query.end,
            limit=query.limit + 1,
            before=before,
        )
    shown = rows[: query.limit]
    cursor = typeid("usage", shown[-1].id) if len(rows) > query.limit else None
    return answered({"data": [shapes.event(row, owner) for row in shown], "next_cursor": cursor})


async def read_usage(native: Here, actor: Anyone, request: Request, event: str) -> Response:
    """Read a usage event with what was corrected in it; a deleted one too."""
    id = _event_id(event)
    may_read(actor, owner_of(id), "usage event")
    async with native.system.db.connection() as conn:
        found = await views.event(conn, actor.tenant, id)
        count_for(request.scope, (found.account,))
        return answered(await _whole(conn, actor.tenant, found))


async def correct_usage(
    native: Here, actor: Writer, request: Request, event: str, body: forms.UsagePatch
) -> Response:
    """Correct the quantity of a usage event.

    What it said stays readable. Where it debited credits, the difference to what it costs now is debited or given
    back; an invoice that counted it is followed by a correction.
    """
    async with native.system.db.tx() as tx:
        found = await actions.correct_event(
            tx,
            actor.tenant,
            _event_id(event),
            quantity=body.quantity,
            reason=body.reason,
            by=actor.name,
            rates=rates_in_force,
        )
        shown = await _whole(tx, actor.tenant, found)
    count_for(request.scope, (found.account,))
    return answered(shown)


async def delete_usage(
    native: Here, actor: Writer, request: Request, event: str, query: Annotated[forms.DeleteQuery, Query()]
) -> Response:
    """Delete a usage event: it counts no more.

    It stays readable, and its event id stays used. Credits that it debited are given back.
    """
    async with native.system.db.tx() as tx:
        found = await actions.delete_event(
            tx, actor.tenant, _event_id(event), reason=query.reason, by=actor.name, rates=rates_in_force
        )
        shown = await _whole(tx, actor.tenant, found)
    count_for(request.scope, (found.account,))
    return answered(shown)


async def create_meter(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewMeter
) -> Response:
    """Define a meter."""
    filters = [{"field": one.field, "in": one.in_} for one in body.filters or ()]

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_meter(
            tx,
            actor.tenant,
            key=body.key,
            metric=body.metric,
            aggregation=body.aggregation,
            name=body.name or "",
            field=body.field,
            filters=filters,
            group_by=body.group_by or (),
            by=actor.name,
        )
        return 201, shapes.meter(made)

    return await write_once(native, actor, request, key, body, act)


async def list_meters(native: Here, actor: Reader, query: Annotated[forms.MetersQuery, Query()]) -> Response:
    """List meters by their keys."""
    async with native.system.db.connection() as conn:
        rows = await views.meters(conn, actor.tenant, metric=query.metric)
    return answered(page_body(query.slice_of(rows).map(shapes.meter)))


async def read_meter(native: Here, actor: Reader, meter: str) -> Response:
    """Read a meter, by its id or key."""
    async with native.system.db.connection() as conn:
        return answered(shapes.meter(await _meter(conn, actor.tenant, meter)))


async def patch_meter(native: Here, actor: Writer, meter: str, body: forms.MeterPatch) -> Response:
    """Rename a meter, or let queries group by other fields. What it measures never changes."""
    async with native.system.db.tx() as tx:
        found = await _meter(tx, actor.tenant, meter)
        changed = await actions.update_meter(
            tx, actor.tenant, found.id, name=body.name, group_by=body.group_by, by=actor.name
        )
    return answered(shapes.meter(changed))


async def delete_meter(native: Here, actor: Writer, meter: str) -> Response:
    """Delete a meter.

    Plans that name it are billed by it as before, and its key stays taken.
    """
    async with native.system.db.tx() as tx:
        found = await _meter(tx, actor.tenant, meter)
        gone = await actions.delete_meter(tx, actor.tenant, found.id, by=actor.name)
    return answered(shapes.meter(gone))


async def query_meter(
    native: Here, actor: Anyone, request: Request, meter: str, query: Annotated[forms.MeterQuery, Query()]
) -> Response:
    """Query a meter for an account, by hour, day or month in a time zone.

    Without ``group_by`` every window has a row; with it (repeated for several fields) each group that has events.
    """
    account = await native.caller(actor.tenant).account(query.account)
    may_read(actor, account)
    count_for(request.scope, (account,))
    async with native.system.db.connection() as conn:
        found = await _meter(conn, actor.tenant, meter)
        owner = await identity.account(conn, actor.tenant, account)
        zone = query.time_zone or owner.time_zone
        said = await views.query(
            conn, actor.tenant, found, account, query.start, query.end, query.window, zone, query.group_by
        )
    return answered(shapes.readings(found, owner, query.window, zone, said))


async def _whole(conn: Tx, tenant: int, event: Event) -> shapes.UsageEventWhole:
    owner = await identity.account(conn, tenant, event.account)
    return shapes.whole(event, owner, await views.changes(conn, event))


def _event_id(text: str) -> UUID:
    id = parse_typeid("usage", text)
    if id is None:
        raise NotFound("usage event")
    return id


async def _meter(conn: Tx, tenant: int, text: str) -> Meter:
    """The meter of a path: an id, or else a key. Raises NotFound."""
    id = parse_typeid("meter", text)
    if id is not None:
        with contextlib.suppress(NotFound):
            return await views.meter(conn, tenant, id)
    return await views.meter_by_key(conn, tenant, text)
