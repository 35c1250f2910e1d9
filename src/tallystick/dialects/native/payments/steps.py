"""Writes that call a gateway between two commits, under an idempotency key.

The rows are written under a key of the same name that no client's is; then the gateway is called, and what came of it
is the answer that the client's key keeps. A request that died on the way and comes again goes on where it stopped.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from tallystick.db.pool import Tx
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import answered, digest_of
from tallystick.domain.identity.request_keys import once, recall
from tallystick.kernel.actor import Actor

T = TypeVar("T")

Inner = tuple[str, bytes] | None
"""The key under which the rows are written, and the hash of what was asked."""


async def write_in_steps(
    native: Native, actor: Actor, request: Request, key: str | None, form: BaseModel,
    act: Callable[[Inner], Awaitable[T]], show: Callable[[T], Any], *, status: int = 200,
) -> Response:  # fmt: skip
    """Run ``act``, which opens its own transactions, and show what it gives; once for a key."""
    if key is None:
        return answered(show(await act(None)), status)
    digest = digest_of(request, form)
    async with native.system.db.connection() as conn:
        known = await recall(conn, actor.tenant, key, digest)
    if known is not None:
        return answered(known.body, known.status, replayed=True)
    made = await act(("\n" + key, digest))

    async def shown() -> tuple[int, Any]:
        return status, msgspec.to_builtins(show(made))

    async with native.system.db.tx() as tx:
        done = await once(tx, actor.tenant, key, digest, shown)
    return answered(done.body, done.status, replayed=done.replayed)


async def begun(native: Native, actor: Actor, inner: Inner, write: Callable[[Tx], Awaitable[str]]) -> str:
    """The first commit: what ``write`` writes, whose id it gives, once for the inner key."""
    async with native.system.db.tx() as tx:
        if inner is None:
            return await write(tx)

        async def act() -> tuple[int, Any]:
            return 201, await write(tx)

        body: str = (await once(tx, actor.tenant, *inner, act)).body
        return body
