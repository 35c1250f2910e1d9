"""Whose request it is: the tenant of one without a credential, and the account that one with a credential means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tallystick.db.pool import Database, Tx
from tallystick.kernel.actor import Actor, Mode, Role
from tallystick.kernel.errors import Forbidden, NotFound, Unauthenticated
from tallystick.kernel.ids import parse_typeid

from . import views
from .credentials import Credentials
from .model import Tenant

_LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and the account (internal number) that is meant, which they may see."""

    actor: Actor
    account: int

    @property
    def tenant(self) -> int:
        return self.actor.tenant

    @property
    def user(self) -> UUID:
        """The signed-in user. Only of `signed_in`."""
        assert self.actor.user is not None, "a key signs nobody in"
        return self.actor.user

    def must_be(self, role: Role) -> None:
        """Raises Forbidden for a member whose role is less; staff and keys are none."""
        own = self.actor.role_in(self.account)
        if not self.actor.whole_tenant and (own is None or not own.includes(role)):
            raise Forbidden("Your role in this account does not allow this.")


async def signed_in(
    db: Database, credentials: Credentials, authorization: str | None, x_account: str | None
) -> Asker:
    """The user of an access token, and the account that ``X-Account`` names, by default their home.

    Raises Unauthenticated, for an API key too, and NotFound for an account that they are no member of, or when they
    were taken out of their last one.
    """
    actor, account = await person(db, credentials, authorization, x_account)
    if account is None:
        raise NotFound("account")
    return Asker(actor, account)


async def person(
    db: Database, credentials: Credentials, authorization: str | None, x_account: str | None
) -> tuple[Actor, int | None]:
    """As `signed_in`, for what is asked about the user alone: the account is None for who is in none any more."""
    actor = credentials.cached(authorization) or await credentials.actor(authorization)
    if actor.user is None:
        raise Unauthenticated(
            "Sign in as a user: these endpoints take an access token; an API key is nobody's account.",
            reason="invalid",
        )
    if x_account is None:
        return actor, actor.home
    async with db.connection() as conn:
        return actor, await account_named(conn, actor, x_account.strip())


async def account_named(conn: Tx, actor: Actor, text: str) -> int:
    """The internal number of the account that a number, UUID or TypeID names: any of the tenant's for keys and staff.

    Raises NotFound, also where it is none of the user's.
    """
    if not text.isascii() or len(text) > _LONGEST:
        raise NotFound("account")
    if text.isdigit():
        found = await views.account_by_number(conn, actor.tenant, int(text))
    else:
        found = await views.account_by_uuid(conn, actor.tenant, _uuid(text, "acct", "account"))
    if not actor.whole_tenant and actor.role_in(found.account_id) is None:
        raise NotFound("account")
    return found.account_id


async def tenant_asked(conn: Tx, x_app: str | None, standard: str) -> Tenant:
    """Whose is a request without a credential: what ``X-App`` names, else the setting, else the first app, live.

    Both read ``<app id>[:test]``; an app id is a UUID or a TypeID. Raises NotFound, also for a header that is empty:
    the front leaves one of two.
    """
    text = standard if x_app is None else x_app
    if text or x_app is not None:
        named, _, mode = text.strip().partition(":")
        if mode not in ("", *_MODES):
            raise NotFound("app")
        return await views.tenant_of(conn, _uuid(named, "app", "app"), _MODES.get(mode, Mode.LIVE))
    first = await views.first_app(conn)
    if first is None:
        raise NotFound("app")
    return await views.tenant_of(conn, first.app_id, Mode.LIVE)


_MODES: Final[Mapping[str, Mode]] = {mode.value: mode for mode in Mode}


def _uuid(text: str, prefix: str, what: str) -> UUID:
    uuid = parse_typeid(prefix, text)
    if uuid is not None:
        return uuid
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(what) from None
