"""Signing in with e-mail and password, for people."""

from typing import Annotated

from fastapi import Depends, Header, Request, Response

from tallystick.dialects.native import forms, shapes
from tallystick.dialects.native.auth import Here
from tallystick.dialects.native.once import answered
from tallystick.domain.identity import sign_in, tokens, views
from tallystick.domain.identity.asking import tenant_asked
from tallystick.domain.identity.model import Tenant
from tallystick.kernel.clock import iso

_APP = "The app that is meant: its id, and `:test` for its test data."


async def _asked(
    native: Here, request: Request,
    x_app: Annotated[str | None, Header(alias="X-App", description=_APP)] = None,
) -> Tenant:  # fmt: skip
    system, authorization = native.system, request.headers.get("authorization")
    actor = None if authorization is None else await system.credentials.actor(authorization)
    async with system.db.connection() as conn:
        if actor is not None:
            return await views.tenant(conn, actor.tenant)
        return await tenant_asked(conn, x_app, system.settings.default_app)


Asked = Annotated[Tenant, Depends(_asked)]
"""Whose is a request that needs no credential: that of one which is sent along, else what `X-App` names, else the
server's standard one."""


async def login(native: Here, asked: Asked, body: forms.Login) -> Response:
    """Sign in.

    Into the app that `X-App` names, or that of an API key which the product sends along; else into the server's
    standard one.
    """
    system = native.system
    done = await sign_in.sign_in(
        system.db, system.secrets, system.clock, app=asked.app_id, mode=body.mode or asked.mode, email=body.email,
        password=body.password,
    )  # fmt: skip
    return answered(_tokens(done.tokens))


async def refresh(native: Here, body: forms.Refresh) -> Response:
    """Replace a refresh token.

    Each is good for one use; one that comes a second time ends all that followed from its sign-in.
    """
    system = native.system
    return answered(_tokens(await tokens.refresh(system.db, system.secrets, system.clock, body.refresh)))


def _tokens(made: tokens.Tokens) -> shapes.Tokens:
    return shapes.Tokens(
        made.access, made.refresh, "Bearer", iso(made.access_expires_at), iso(made.refresh_expires_at)
    )
