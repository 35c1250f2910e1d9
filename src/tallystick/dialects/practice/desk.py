"""What the handlers share, and who is asking: an API key, a member of the practice, or anybody in open mode."""

from typing import Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.payments.till import Till


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def settings(self) -> Settings: ...
    @property
    def db(self) -> Database: ...
    @property
    def credentials(self) -> Credentials: ...
    @property
    def credit_types(self) -> CreditTypes: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def balances(self) -> BalanceReader: ...
    @property
    def till(self) -> Till: ...
