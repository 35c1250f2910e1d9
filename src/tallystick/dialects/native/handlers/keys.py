"""API keys, and the audit log."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native import forms, queries, shapes
from tallystick.dialects.native.auth import Admin, Here
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.identity import keys, views
from tallystick.http.paging import page_body
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid


async def create_api_key(
    native: Here, actor: Admin, request: Request, key: Key, body: forms.NewApiKey
) -> Response:
    """Make an API key.

    The key is in this answer and nowhere else; with an Idempotency-Key the same request gives it again.
    """
    secrets, source = native.system.secrets, None if key is None else key.encode()
    made: list[str] = []

    async def act(tx: Tx) -> tuple[int, Any]:
        new = await keys.create_api_key(
            tx, secrets, actor.tenant, name=body.name, scope=body.scope, created_by=actor.name,
            expires_at=body.expires_at, derive_from=source,
        )  # fmt: skip
        made.append(new.text)
        return 201, shapes.api_key(new.key)

    def with_key(shown: Any) -> Any:
        # never stored: what is answered again is made again
        uuid = parse_typeid("key", shown["id"])
        assert uuid is not None
        text = made[0] if source is None else keys.derived_text(secrets, actor.mode, uuid, source)
        return shown | {"key": text}

    return await write_once(native, actor, request, key, body, act, with_key)


async def list_api_keys(native: Here, actor: Admin, query: Annotated[queries.Listed, Query()]) -> Response:
    """List API keys, revoked ones too, the newest first."""
    async with native.system.db.connection() as conn:
        rows = await views.api_keys(conn, actor.tenant)
    return answered(page_body(query.slice_of(rows).map(shapes.api_key)))


async def revoke_api_key(native: Here, actor: Admin, key: str) -> Response:
    """Revoke an API key.

    Refused everywhere within a second; a second time changes nothing.
    """
    uuid = parse_typeid("key", key)
    if uuid is None:
        raise NotFound("API key")
    async with native.system.db.tx() as tx:
        return answered(shapes.api_key(await keys.revoke_api_key(tx, actor.tenant, uuid, by=actor.name)))


async def list_audit_log(native: Here, actor: Admin, query: Annotated[queries.Listed, Query()]) -> Response:
    """List manual acts, the newest first: who did what, when and why."""
    async with native.system.db.connection() as conn:
        page = await views.audit_log(conn, actor.tenant, before=query.after, limit=query.limit)
    return answered(page_body(page.map(shapes.audit_entry)))
