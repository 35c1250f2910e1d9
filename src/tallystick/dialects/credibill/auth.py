"""Who is asking: an API key, of the live or the test tenant of its app. A user's token is no key."""

from typing import Protocol

from tallystick.db.pool import Database
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.model import refused
from tallystick.domain.metering.intake import UsageIntake
from tallystick.kernel.actor import Actor, Scope
from tallystick.kernel.errors import Forbidden

from .errors import READ_ONLY


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def db(self) -> Database: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def usage(self) -> UsageIntake: ...


async def caller(system: System, authorization: str | None, *, write: bool) -> Actor:
    """The key's actor. Raises Unauthenticated, and Forbidden where a key that may only read would write."""
    actor = system.credentials.cached(authorization) or await system.credentials.actor(authorization)
    if actor.key is None:
        raise refused("invalid")
    if write and not actor.scope.includes(Scope.WRITE):
        raise Forbidden(READ_ONLY)
    return actor
