"""Signing out, and passwords: forgotten ones, and others instead."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from tallystick.dialects.native.auth import Here
from tallystick.dialects.native.handlers.signin import Asked
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import Key, answered, own_key, secret_digest_of
from tallystick.domain.identity import password_links, sign_in, tokens
from tallystick.domain.identity.request_keys import Inner, in_steps

from . import forms, shapes
from .access import Person

_ASKED: Final = shapes.LinkAsked(
    "If somebody has this address, they are sent a link by which they choose a new password."
)


async def logout(native: Here, body: forms.Logout) -> Response:
    """Sign out.

    Ends the sign-in of this refresh token, and its access tokens within a second; a second time changes nothing.
    """
    system = native.system
    async with system.db.tx() as tx:
        await tokens.sign_out(tx, system.secrets, body.refresh, system.clock.now())
    return answered(shapes.SignedOut(True))


async def forget_password(native: Here, asked: Asked, body: forms.Forgotten) -> Response:
    """Ask for a link to choose a new password.

    It comes by e-mail and is good for an hour; at most five an hour are sent to one address. The answer is the same
    whether anybody has the address or not.
    """
    system = native.system
    link = password_links.address(system.settings.public_url)
    await password_links.request_reset(system.db, system.clock, asked.id, body.email, link=link)
    return answered(_ASKED, 202)


async def reset_password(
    native: Here, asked: Asked, request: Request, key: Key, body: forms.Reset
) -> Response:
    """Choose a password by a link that was mailed.

    A link is good for one use. All of the user's sign-ins and other links end.
    """
    system = native.system
    # nobody else has this token, so a key is nobody else's
    own = None if key is None else f"\rreset {sha256(body.token.encode()).hexdigest()} {key}"

    async def act(_: Inner) -> None:
        await password_links.use_link(system.db, system.clock, body.token, body.password)

    return await _set_once(native, asked.id, own, secret_digest_of(native, request, body), act)


async def change_password(
    native: Here, actor: Person, request: Request, key: Key, body: forms.PasswordChange
) -> Response:
    """Choose another password, knowing the one there is.

    All of the user's sign-ins end, this one too. Too many wrong ones lock the address for a while.
    """
    system = native.system

    async def act(_: Inner) -> None:
        assert actor.user is not None
        await sign_in.change_password(
            system.db, system.clock, actor.tenant, actor.user, old=body.old, new=body.new
        )

    digest = secret_digest_of(native, request, body)
    return await _set_once(native, actor.tenant, own_key(actor, key), digest, act)


async def _set_once(
    native: Native, tenant: int, key: str | None, digest: bytes, act: Callable[[Inner], Awaitable[None]]
) -> Response:
    """Let ``act`` set a password, once for a key."""

    def show(_: None) -> tuple[int, Any]:
        return 200, msgspec.to_builtins(shapes.PasswordSet(True))

    done = await in_steps(native.system.db, tenant, key, digest, act, show)
    return answered(done.body, done.status, replayed=done.replayed)
