"""What the handlers share, and who is asking."""

from typing import Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity.asking import Asker, signed_in
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.model import Secrets
from tallystick.http.contract import Ask
from tallystick.kernel.clock import Clock


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def credentials(self) -> Credentials: ...


async def asker(system: System, ask: Ask) -> Asker:
    """Read the credential; the request counts for the account. Raises as `signed_in` does."""
    who = await signed_in(system.db, system.credentials, ask.authorization, ask.x_account)
    ask.counted.add(who.account)
    return who
