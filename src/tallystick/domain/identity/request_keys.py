"""Idempotency of writes that are not the ledger's own commands: one effect and one answer a key, for 30 days."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import msgspec

from tallystick.db.pool import Database, Tx, one_row, run
from tallystick.kernel.errors import KeyReused

from .views import q

T = TypeVar("T")

Inner = tuple[str, bytes] | None
"""The key under which the rows of a write in steps are written, and the hash of what was asked."""


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


async def in_steps(
    db: Database,
    tenant: int,
    key: str | None,
    request_hash: bytes,
    act: Callable[[Inner], Awaitable[T]],
    show: Callable[[T], tuple[int, Any]],
) -> Once:
    """Run ``act``, which opens its own transactions and may call a gateway between them, and keep what ``show`` makes
    of it; once for a key.

    The rows are written under an inner key of the same name that no client's is; what came of it is the answer that the
    key keeps. A request that died on the way and comes again goes on where it stopped. Raises KeyReused, and what
    ``act`` raises.
    """
    if key is None:
        return Once(*show(await act(None)), False)
    async with db.connection() as conn:
        known = await recall(conn, tenant, key, request_hash)
    if known is not None:
        return known
    made = await act(("\n" + key, request_hash))

    async def shown() -> tuple[int, Any]:
        return show(made)

    async with db.tx() as tx:
        return await once(tx, tenant, key, request_hash, shown)


def key_of(contract: str, account: int, key: str | None) -> str | None:
    """The name under which a client's key stands for one account in one contract: no other's, nor a native one."""
    return None if key is None else f"\r{contract} {account} {key}"


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
