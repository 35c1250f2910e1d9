"""One request on its way through a handler: who asks, and what; and writes done once for a key."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final

import msgspec

from tallystick.db.pool import Tx
from tallystick.domain.identity.request_keys import once
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Actor

from .auth import System
from .shapes import encode

Act = Callable[[Tx], Awaitable[dict[str, Any]]]
"""Does a thing in a transaction and gives what the answer says beside ``success``."""

_canonical: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Call:
    """``accounts`` are those (internal numbers) in whose statistics the request counts."""

    system: System
    actor: Actor
    method: str
    path: str
    query: Mapping[str, str]
    key: str | None
    body: Any
    accounts: set[int]

    @property
    def tenant(self) -> int:
        return self.actor.tenant


async def write(call: Call, status: int, act: Act) -> Reply:
    """Run ``act`` in a transaction, once for the request's Idempotency-Key (the tenant's, kept for 30 days).

    Raises KeyReused, Invalid for a key that is none, and what ``act`` raises, which then is not kept.
    """
    key = check_key(call.key)

    async def act_then_say(tx: Tx) -> tuple[int, dict[str, Any]]:
        return status, {"success": True} | await act(tx)

    async with call.system.db.tx() as tx:
        if key is None:
            status, said = await act_then_say(tx)
            return Reply(status, encode(said))
        done = await once(tx, call.tenant, key, _digest(call), lambda: act_then_say(tx))
    return Reply(done.status, encode(done.body), headers_of(done.replayed))


def _digest(call: Call) -> bytes:
    said = (call.method, call.path, dict(call.query), call.body)
    return blake2b(_canonical(said), digest_size=16).digest()
