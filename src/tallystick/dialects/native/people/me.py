"""Who is asking."""

from typing import Any

from fastapi import Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.identity import memberships, views
from tallystick.kernel.actor import Actor

from . import forms, shapes
from .access import Person


async def read_me(native: Here, actor: Anyone) -> Response:
    """Read who is asking: a user, with the accounts that they are a member of, or an API key."""
    async with native.system.db.connection() as conn:
        return answered(await _me(conn, actor))


async def put_home(native: Here, actor: Person, request: Request, key: Key, body: forms.Home) -> Response:
    """Choose the account that is meant when a request names none.

    It holds for tokens that are issued from now on: sign in or refresh to use it.
    """
    account = await native.caller(actor.tenant).account(body.account)

    async def act(tx: Tx) -> tuple[int, Any]:
        assert actor.user is not None
        await memberships.set_home(tx, actor.tenant, account=account, user=actor.user)
        return 200, await _me(tx, actor)

    return await write_once(native, actor, request, key, body, act)


async def _me(conn: Tx, actor: Actor) -> shapes.Me:
    if actor.key is not None:
        return shapes.me_as_key(actor, await views.api_key(conn, actor.tenant, actor.key))
    assert actor.user is not None, "who has no key is a user"
    rows = await views.memberships(conn, actor.tenant, actor.user)
    return shapes.me_as_user(actor, await views.user(conn, actor.tenant, actor.user), rows)
