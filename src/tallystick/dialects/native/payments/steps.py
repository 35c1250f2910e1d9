"""Writes that call a gateway between two commits, under an idempotency key."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec
from fastapi import Request, Response
from pydantic import BaseModel

from tallystick.db.pool import Tx
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import answered, digest_of, own_key
from tallystick.domain.identity.request_keys import Inner, in_steps, once
from tallystick.kernel.actor import Actor

__all__ = ["Inner", "begun", "write_in_steps"]

T = TypeVar("T")


async def write_in_steps(
    native: Native, actor: Actor, request: Request, key: str | None, form: BaseModel,
    act: Callable[[Inner], Awaitable[T]], show: Callable[[T], Any], *, status: int = 200,
) -> Response:  # fmt: skip
    """Run ``act``, which opens its own transactions, and show what it gives; once for a key."""

    def shown(made: T) -> tuple[int, Any]:
        return status, msgspec.to_builtins(show(made))

    db, digest = native.system.db, digest_of(request, form)
    done = await in_steps(db, actor.tenant, own_key(actor, key), digest, act, shown)
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
