"""Who is asking, and about which account. This contract speaks to users: an API key signs nobody in."""

from typing import Protocol

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity.asking import Asker, signed_in
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.metering.counter import RequestCounter


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


async def caller(system: System, authorization: str | None, x_account: str | None) -> Asker:
    """Read the credential and the account that ``X-Account`` names. Raises as `signed_in` does."""
    return await signed_in(system.db, system.credentials, authorization, x_account)
