"""What the handlers share, and who is asking. This contract speaks to users: an API key signs nobody in."""

from typing import Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity.asking import Asker, signed_in
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.payments.till import Till
from tallystick.domain.subscriptions.monthly import MonthlyCredits
from tallystick.http.contract import Ask
from tallystick.http.drf.bearer import check_header
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
    def credentials(self) -> Credentials: ...
    @property
    def credit_types(self) -> CreditTypes: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def balances(self) -> BalanceReader: ...
    @property
    def monthly(self) -> MonthlyCredits: ...
    @property
    def till(self) -> Till: ...
    @property
    def vault(self) -> Vault: ...


async def asker(system: System, ask: Ask) -> Asker:
    """Read the credential; the request counts for the account. Raises as `check_header` and `signed_in` do."""
    who = await signed_in(system.db, system.credentials, check_header(ask.authorization), ask.x_account)
    ask.counted.add(who.account)
    return who
