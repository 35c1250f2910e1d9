"""Signing in, staying signed in, and who is: the contract's first three operations."""

import re
from collections.abc import Mapping
from typing import Any, Final

import structlog

from tallystick.dialects.appvector import errors
from tallystick.dialects.appvector.desk import Desk, body
from tallystick.domain.identity import tokens, views
from tallystick.domain.identity.asking import tenant_asked
from tallystick.domain.identity.google import GoogleDown, GoogleRefused, sign_in_with_google
from tallystick.domain.identity.model import User
from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import CHALLENGE, refresh_refusal
from tallystick.http.drf.fields import Char, Field, read
from tallystick.http.hot import Reply
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.errors import NotFound, Unauthenticated

log = structlog.get_logger()

_SIGN_IN: Final[Mapping[str, Field]] = {"access_token": Char()}
_REFRESH: Final[Mapping[str, Field]] = {"refresh": Char()}
_TOKEN: Final = re.compile("[!-~]{1,4096}")
"""What may be a token of Google's: anything else it need not be asked about."""


async def google(desk: Desk, ask: Ask) -> Reply:
    """Exchange a Google access token for JWT tokens; a first sign-in makes the user and an account."""
    token: str = read(_SIGN_IN, body(ask))["access_token"]
    async with desk.system.db.connection() as conn:
        try:
            tenant = await tenant_asked(conn, ask.x_app, desk.system.settings.default_app)
        except NotFound:
            return errors.failed(400, "Unknown app", "X-App names no app of this server")
    if desk.system.google is None:
        return errors.failed(503, "Service unavailable", "Google sign-in is not set up on this server")
    try:
        if not _TOKEN.fullmatch(token):
            raise GoogleRefused
        done = await sign_in_with_google(
            desk.system.db, desk.system.secrets, desk.system.clock, desk.system.google, tenant.id, token
        )
    except GoogleRefused:
        return errors.failed(400, "Invalid token", "The token is invalid or has expired")
    except GoogleDown as down:
        log.warning("Google could not be asked", reason=str(down))
        return errors.failed(503, "Service unavailable", "Google cannot be reached", retry_after=5)
    said = {"access": done.tokens.access, "refresh": done.tokens.refresh, "user": _user(done.user)}
    return errors.said(201, said)


async def refresh(desk: Desk, ask: Ask) -> Reply:
    """Get a new access token using a refresh token, which stays good for its day."""
    token: str = read(_REFRESH, body(ask))["refresh"]
    try:
        access = await tokens.refresh_plain(desk.system.db, desk.system.secrets, desk.system.clock, token)
    except Unauthenticated as fact:
        return errors.said(401, refresh_refusal(fact), CHALLENGE)
    return errors.said(200, {"access": access})


async def me(desk: Desk, ask: Ask) -> Reply:
    """Get the authenticated user's profile information."""
    actor = await desk.user(ask)
    assert actor.user is not None
    async with desk.system.db.connection() as conn:
        user = await views.user(conn, actor.tenant, actor.user)
    return errors.said(200, _user(user) | {"date_joined": iso_seconds(user.created_at)})


def _user(user: User) -> dict[str, Any]:
    return {
        "id": user.number,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
    }
