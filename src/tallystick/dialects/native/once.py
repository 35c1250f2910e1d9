"""Writes that name no account: their idempotency keys are the tenant's, kept for 30 days."""

from collections.abc import Awaitable, Callable
from hashlib import blake2b
from typing import Annotated, Any, Final

import msgspec
from fastapi import Depends, Header, Request, Response
from pydantic import BaseModel

from tallystick.db.pool import Tx
from tallystick.domain.identity.request_keys import once
from tallystick.http.idempotency import REPLAYED, check_key
from tallystick.kernel.actor import Actor

from .native import Native

_encode: Final = msgspec.json.Encoder().encode
_canonical: Final = msgspec.json.Encoder(order="deterministic").encode

Act = Callable[[Tx], Awaitable[tuple[int, Any]]]
"""Does a thing and gives its status and body."""


async def _key(
    key: Annotated[str | None, Header(alias="Idempotency-Key", description="1 to 255 characters.")] = None,
) -> str | None:
    return check_key(key)


Key = Annotated[str | None, Depends(_key)]


async def write_once(
    native: Native, actor: Actor, request: Request, key: str | None, form: BaseModel, act: Act,
    finish: Callable[[Any], Any] = lambda body: body,
) -> Response:  # fmt: skip
    """Run ``act`` in a transaction, once for a key. ``finish`` adds to the body what must not be stored."""
    async with native.system.db.tx() as tx:
        if key is None:
            status, body = await act(tx)
            return answered(finish(msgspec.to_builtins(body)), status)
        done = await once(tx, actor.tenant, key, digest_of(request, form), lambda: act(tx))
    return answered(finish(done.body), done.status, replayed=done.replayed)


def digest_of(request: Request, form: BaseModel) -> bytes:
    """The hash by which a repeat of the request is known."""
    route = f"{request.method} {request.scope['path']}\n".encode()
    # no warnings: fields hold what their own checks made of the text, not what their types would be read as
    said = form.model_dump(exclude_unset=True, warnings=False)
    return blake2b(route + _canonical(said), digest_size=16).digest()


def answered(body: Any, status: int = 200, *, replayed: bool = False) -> Response:
    """A view as a response."""
    headers = {name.decode(): value.decode() for name, value in REPLAYED} if replayed else None
    return Response(_encode(body), status, headers, "application/json")
