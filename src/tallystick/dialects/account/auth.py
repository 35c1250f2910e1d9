"""Who is asking, and about which account. This contract speaks to users: an API key signs nobody in."""

from dataclasses import dataclass
from typing import Final, Protocol
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.metering.counter import RequestCounter
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import NotFound, Unauthenticated
from tallystick.kernel.ids import parse_typeid

_LONGEST: Final = 64


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def db(self) -> Database: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def credit_types(self) -> CreditTypes: ...
    @property
    def balances(self) -> BalanceReader: ...
    @property
    def requests(self) -> RequestCounter: ...


@dataclass(frozen=True, slots=True)
class Caller:
    """A signed-in user, and the account (internal number) whose figures they see."""

    tenant: int
    user: UUID
    user_number: int
    account: int


async def caller(system: System, authorization: str | None, x_account: str | None) -> Caller:
    """Read the credential and the account that ``X-Account`` names, by default the user's home.

    Raises Unauthenticated, and NotFound for an account that the user is no member of.
    """
    actor = system.credentials.cached(authorization) or await system.credentials.actor(authorization)
    if actor.user is None:
        raise Unauthenticated(
            "Sign in as a user: these endpoints take an access token; an API key is nobody's account.",
            reason="invalid",
        )
    account = actor.home if x_account is None else await _named(system, actor, x_account.strip())
    if account is None:
        raise NotFound("account")
    return Caller(actor.tenant, actor.user, actor.user_number, account)


async def _named(system: System, actor: Actor, text: str) -> int | None:
    """The account of a number, UUID or TypeID: the user's, or any of the tenant's for its staff."""
    if not text.isascii() or len(text) > _LONGEST:
        return None
    async with system.db.connection() as conn:
        if text.isdigit():
            found = await identity.account_by_number(conn, actor.tenant, int(text))
        else:
            found = await identity.account_by_uuid(conn, actor.tenant, _uuid(text))
    if actor.staff or actor.role_in(found.account_id) is not None:
        return found.account_id
    return None


def _uuid(text: str) -> UUID:
    uuid = parse_typeid("acct", text)
    if uuid is not None:
        return uuid
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("account") from None
