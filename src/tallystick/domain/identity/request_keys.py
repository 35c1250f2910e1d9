"""Idempotency of writes that name no account: one effect and one answer a key, for 30 days."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from tallystick.db.pool import Tx, one_row, run
from tallystick.kernel.errors import KeyReused

from .views import q


class Once(NamedTuple):
    """An answer, and whether it was given before. ``body`` is the same JSON value each time."""

    status: int
    body: Any
    replayed: bool


@dataclass(slots=True)
class _Recalled:
    request_hash: bytes
    status: int
    body: Any


async def once(
    tx: Tx, tenant: int, key: str, request_hash: bytes, act: Callable[[], Awaitable[tuple[int, Any]]]
) -> Once:
    """Run ``act`` unless this key was answered, and keep its (status, body) in the same transaction.

    Two requests with one key wait for each other. ``body`` must hold no secret: it is stored. Raises
    KeyReused, and whatever ``act`` raises, which then is not kept.
    """
    await run(tx, q.lock_request_key, {"tenant": tenant, "key": key})
    known = await recall(tx, tenant, key, request_hash)
    if known is not None:
        return known
    status, body = await act()
    return await remember(tx, tenant, key, request_hash, status, body)


async def hold_name(tx: Tx, tenant: int, name: str) -> None:
    """Wait for whoever else of the tenant holds the name, and hold it until the transaction ends.

    For what must be one's alone and no index keeps so. No request's key is ever such a name.
    """
    await run(tx, q.lock_request_key, {"tenant": tenant, "key": "\n" + name})


async def recall(tx: Tx, tenant: int, key: str, request_hash: bytes) -> Once | None:
    """The answer kept under the key, if any. Raises KeyReused when it was to another request."""
    known = await one_row(tx, _Recalled, q.recall_request, {"tenant": tenant, "key": key})
    if known is None:
        return None
    if known.request_hash != request_hash:
        raise KeyReused
    return Once(known.status, known.body, True)


async def remember(tx: Tx, tenant: int, key: str, request_hash: bytes, status: int, body: Any) -> Once:
    """Keep an answer; under the key's lock, as in `once`."""
    text = msgspec.json.encode(body)
    values = {"tenant": tenant, "key": key, "request_hash": request_hash}
    await run(tx, q.remember_request, {**values, "status": status, "body": text.decode()})
    # by the way that a replay will take, so that the first answer is no other
    return Once(status, msgspec.json.decode(text), False)
