"""What the handlers share, and who is asking."""

from typing import Any, Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity.asking import person
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.google import GooglePeer
from tallystick.domain.identity.model import Secrets
from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import check_header
from tallystick.http.drf.parsing import parsed
from tallystick.kernel.actor import Actor
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
    @property
    def google(self) -> GooglePeer | None: ...


async def signed_in(system: System, ask: Ask) -> Actor:
    """The user whose token it is, perhaps of no account any more; the request counts for the account that is meant.

    Raises as `check_header` and `person` do.
    """
    header = check_header(ask.authorization)
    actor, account = await person(system.db, system.credentials, header, ask.x_account)
    if account is not None:
        ask.counted.add(account)
    return actor


def body(ask: Ask) -> Any:
    """The body, in any of the forms that the framework reads. Raises Refused."""
    return parsed(ask.content_type, ask.body)
