"""How a write is read: whose it is, what it says, and once for its key."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from tallystick.db.pool import Tx
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import Once, key_of, once
from tallystick.http.contract import Ask
from tallystick.http.idempotency import check_key

from .desk import Desk, body


async def asked(desk: Desk, ask: Ask) -> tuple[Asker, Any]:
    """Who asks for which workspace, and the body: the credential is looked at before it.

    Raises as `Desk.asker` and `body` do.
    """
    actor = await desk.actor(ask)
    said = body(ask)
    named = said.get("workspace_id") if isinstance(said, Mapping) else None
    return await desk.of(actor, ask, named), said


async def once_for(
    desk: Desk, who: Asker, ask: Ask, wanted: Any, act: Callable[[Tx], Awaitable[tuple[int, Any]]]
) -> Once:
    """Run ``act`` in a transaction, once for the request's key. Raises Invalid, KeyReused, and what ``act`` raises.

    ``wanted`` is the body as it was read.
    """
    key = key_of("appvector", who.account, check_key(ask.key))
    async with desk.system.db.tx() as tx:
        if key is None:
            return Once(*await act(tx), False)
        return await once(tx, who.tenant, key, ask.digest(wanted), lambda: act(tx))
