"""Webhook endpoints: who is told of what, with which secret; and the deliveries to them."""

from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Admin, Here, Reader
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.webhooks import actions, replays, signing, views
from tallystick.domain.webhooks.model import EndpointChanges
from tallystick.http.paging import page_body
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid
from tallystick.kernel.page import Page

from . import forms, shapes


async def list_webhook_endpoints(native: Here, actor: Reader, query: Annotated[Listed, Query()]) -> Response:
    """List webhook endpoints, the newest first."""
    async with native.system.db.connection() as conn:
        rows = await views.endpoints(conn, actor.tenant)
    return answered(page_body(query.slice_of(rows).map(shapes.endpoint)))


async def create_webhook_endpoint(
    native: Here, actor: Admin, request: Request, key: Key, body: forms.NewEndpoint
) -> Response:
    """Have a receiver told of what happens.

    The secret that signs is in this answer and nowhere else; with an Idempotency-Key the same request gives it again.
    """
    source = None if key is None else f"create\n{key}"
    made: list[str] = []

    async def act(tx: Tx) -> tuple[int, Any]:
        issued = await actions.create_endpoint(
            tx, native.system.vault, actor.tenant, **body.model_dump(),
            allow_private=native.system.settings.webhooks_allow_private, derive_from=source, by=actor.name,
        )  # fmt: skip
        made.append(issued.secret)
        return 201, shapes.endpoint(issued.endpoint)

    def with_secret(shown: Any) -> Any:
        return _with_secret(native, shown, made, source)

    return await write_once(native, actor, request, key, body, act, with_secret)


async def read_webhook_endpoint(native: Here, actor: Reader, endpoint: str) -> Response:
    """Read a webhook endpoint."""
    async with native.system.db.connection() as conn:
        return answered(shapes.endpoint(await views.endpoint(conn, actor.tenant, _endpoint(endpoint))))


async def patch_webhook_endpoint(
    native: Here, actor: Admin, endpoint: str, body: forms.EndpointPatch
) -> Response:
    """Change a webhook endpoint.

    Enabled again it is sent what was pending; what happened while it was disabled can be replayed.
    """
    changes = cast(EndpointChanges, body.model_dump(exclude_none=True))
    async with native.system.db.tx() as tx:
        changed = await actions.update_endpoint(
            tx, actor.tenant, _endpoint(endpoint), by=actor.name,
            allow_private=native.system.settings.webhooks_allow_private, **changes,
        )  # fmt: skip
    return answered(shapes.endpoint(changed))


async def delete_webhook_endpoint(native: Here, actor: Admin, endpoint: str) -> Response:
    """Delete a webhook endpoint.

    What was on its way to it is cancelled; its deliveries can still be read.
    """
    async with native.system.db.tx() as tx:
        await actions.delete_endpoint(tx, actor.tenant, _endpoint(endpoint), by=actor.name)
    return answered(shapes.DeletedWebhookEndpoint(endpoint, True))


async def rotate_webhook_secret(
    native: Here, actor: Admin, request: Request, key: Key, endpoint: str, body: forms.Rotate | None = None
) -> Response:
    """Give a webhook endpoint a new secret.

    The one before signs as well for a while, so that no delivery is refused meanwhile. The secret is in this answer and
    nowhere else; with an Idempotency-Key the same request gives it again.
    """
    said = body or forms.Rotate()
    source = None if key is None else f"rotate\n{key}"
    made: list[str] = []

    async def act(tx: Tx) -> tuple[int, Any]:
        issued = await actions.rotate_secret(
            tx, native.system.vault, actor.tenant, _endpoint(endpoint),
            overlap=said.overlap_seconds, derive_from=source, by=actor.name,
        )  # fmt: skip
        made.append(issued.secret)
        return 200, shapes.endpoint(issued.endpoint)

    def with_secret(shown: Any) -> Any:
        return _with_secret(native, shown, made, source)

    return await write_once(native, actor, request, key, said, act, with_secret)


async def try_webhook_endpoint(
    native: Here, actor: Admin, request: Request, key: Key, endpoint: str, body: forms.Nothing | None = None
) -> Response:
    """Send a `test.ping` to a webhook endpoint, whatever its filter.

    What came of it is in the delivery's log a moment later.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        sent = await replays.try_endpoint(tx, actor.tenant, _endpoint(endpoint), by=actor.name)
        return 201, shapes.delivery(sent)

    return await write_once(native, actor, request, key, body or forms.Nothing(), act)


async def replay_webhook_endpoint(
    native: Here, actor: Admin, request: Request, key: Key, endpoint: str, body: forms.ReplaySpan
) -> Response:
    """Send again what happened in a span of time.

    Events of the endpoint's types, also those that it was not sent since it was disabled. Each has the id it had.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        count = await replays.replay_span(
            tx, actor.tenant, _endpoint(endpoint), start=body.start, end=body.end, types=body.types,
            only_failed=body.only_failed, by=actor.name,
        )  # fmt: skip
        return 200, shapes.Replayed(count)

    return await write_once(native, actor, request, key, body, act)


async def list_webhook_deliveries(
    native: Here, actor: Reader, query: Annotated[forms.DeliveriesQuery, Query()]
) -> Response:
    """List webhook deliveries, the newest first."""
    endpoint = None if query.endpoint is None else parse_typeid("we", query.endpoint)
    event = None if query.event is None else parse_typeid("evt", query.event)
    if (query.endpoint and endpoint is None) or (query.event and event is None):
        return answered(page_body(Page([])))
    async with native.system.db.connection() as conn:
        page = await views.deliveries(
            conn, actor.tenant, endpoint=endpoint, event=event, type=query.type, status=query.status,
            before=query.after, limit=query.limit,
        )  # fmt: skip
    return answered(page_body(page.map(shapes.delivery)))


async def read_webhook_delivery(native: Here, actor: Reader, delivery: str) -> Response:
    """Read a webhook delivery, with every request that was sent and what came back."""
    async with native.system.db.connection() as conn:
        row = await views.delivery(conn, actor.tenant, _delivery(delivery))
        return answered(shapes.delivery_with_log(row, await views.attempts(conn, row)))


async def replay_webhook_delivery(
    native: Here, actor: Admin, request: Request, key: Key, delivery: str, body: forms.Nothing | None = None
) -> Response:
    """Send a delivery again, now: the same id and the same bytes."""

    async def act(tx: Tx) -> tuple[int, Any]:
        return 200, shapes.delivery(
            await replays.replay(tx, actor.tenant, _delivery(delivery), by=actor.name)
        )

    return await write_once(native, actor, request, key, body or forms.Nothing(), act)


def _endpoint(text: str) -> UUID:
    return _id("we", text, "webhook endpoint")


def _delivery(text: str) -> UUID:
    return _id("wd", text, "webhook delivery")


def _id(prefix: str, text: str, what: str) -> UUID:
    uuid = parse_typeid(prefix, text)
    if uuid is None:
        raise NotFound(what)
    return uuid


def _with_secret(native: Here, shown: Any, made: list[str], source: str | None) -> Any:
    # never stored in clear: what is answered again is made again
    secret = made[0] if made else signing.new_secret(native.system.vault, _endpoint(shown["id"]), source)
    return shown | {"secret": secret}
