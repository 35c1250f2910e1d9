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


def own_key(actor: Actor, key: str | None) -> str | None:
    """The name under which a key stands: a user's is theirs alone, and no API key's or other user's; those of API keys
    are the tenant's."""
    return key if key is None or actor.user is None else f"\r{actor.name} {key}"


async def write_once(
    native: Native, actor: Actor, request: Request, key: str | None, form: BaseModel, act: Act,
    finish: Callable[[Any], Any] = lambda body: body, *, digest: bytes | None = None,
) -> Response:  # fmt: skip
    """Run ``act`` in a transaction, once for a key. ``finish`` adds to the body what must not be stored.

    ``digest`` is by default `digest_of` the request.
    """
    named = own_key(actor, key)
    async with native.system.db.tx() as tx:
        if named is None:
            status, body = await act(tx)
            return answered(finish(msgspec.to_builtins(body)), status)
        known_by = digest or digest_of(request, form)
        done = await once(tx, actor.tenant, named, known_by, lambda: act(tx))
    return answered(finish(done.body), done.status, replayed=done.replayed)


def digest_of(request: Request, form: BaseModel) -> bytes:
    """The hash by which a repeat of the request is known."""
    return blake2b(_said(request, form), digest_size=16).digest()


def secret_digest_of(native: Native, request: Request, form: BaseModel) -> bytes:
    """The same of a body with a password: it takes a key that is not in the database to hold guesses against it."""
    token = native.system.vault.token("request", _said(request, form).decode())
    return blake2b(token.encode(), digest_size=16).digest()


def _said(request: Request, form: BaseModel) -> bytes:
    route = f"{request.method} {request.scope['path']}\n".encode()
    # no warnings: fields hold what their own checks made of the text, not what their types would be read as
    return route + _canonical(form.model_dump(exclude_unset=True, warnings=False))


def answered(body: Any, status: int = 200, *, replayed: bool = False) -> Response:
    """A view as a response."""
    headers = {name.decode(): value.decode() for name, value in REPLAYED} if replayed else None
    return Response(_encode(body), status, headers, "application/json")
