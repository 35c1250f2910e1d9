"""Signing in with e-mail and password, for people."""

from uuid import UUID

from fastapi import Request, Response

from tallystick.dialects.native import forms, shapes
from tallystick.dialects.native.auth import Here
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import answered
from tallystick.domain.identity import sign_in, tokens, views
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import iso
from tallystick.kernel.errors import NotFound


async def login(native: Here, request: Request, body: forms.Login) -> Response:
    """Sign in.

    Into the server's first app, or that of an API key which the product sends along.
    """
    system = native.system
    app, mode = await _app_of(native, request.headers.get("authorization"), body.mode)
    done = await sign_in.sign_in(
        system.db, system.secrets, system.clock, app=app, mode=mode, email=body.email, password=body.password
    )
    return answered(_tokens(done.tokens))


async def refresh(native: Here, body: forms.Refresh) -> Response:
    """Replace a refresh token.

    Each is good for one use; one that comes a second time ends all that followed from its sign-in.
    """
    system = native.system
    return answered(_tokens(await tokens.refresh(system.db, system.secrets, system.clock, body.refresh)))


async def _app_of(native: Native, authorization: str | None, mode: Mode | None) -> tuple[UUID, Mode]:
    if authorization is not None:
        actor = await native.system.credentials.actor(authorization)
        return actor.app, mode or actor.mode
    async with native.system.db.connection() as conn:
        first = await views.first_app(conn)
    if first is None:
        raise NotFound("app")
    return first.app_id, mode or Mode.LIVE


def _tokens(made: tokens.Tokens) -> shapes.Tokens:
    return shapes.Tokens(
        made.access, made.refresh, "Bearer", iso(made.access_expires_at), iso(made.refresh_expires_at)
    )
