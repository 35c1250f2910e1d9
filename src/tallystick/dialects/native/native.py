"""What the handlers of this dialect share: the system, and what is remembered of accounts."""

from collections.abc import Hashable
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.model import Secrets
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.payments.till import Till
from tallystick.domain.subscriptions.buckets import Buckets
from tallystick.kernel.clock import Clock

from .commands import Caller
from .names import Accounts


class System(Hashable, Protocol):
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
    def credit_types(self) -> CreditTypes: ...
    @property
    def lanes(self) -> Lanes: ...
    @property
    def balances(self) -> BalanceReader: ...
    @property
    def buckets(self) -> Buckets: ...
    @property
    def usage(self) -> UsageIntake: ...
    @property
    def till(self) -> Till: ...
    @property
    def vault(self) -> Vault: ...


@dataclass(frozen=True, slots=True)
class Native:
    system: System
    accounts: Accounts

    def caller(self, tenant: int) -> Caller:
        return Caller(tenant, self.accounts, self.system.credit_types)


@lru_cache(maxsize=1)
def native_of(system: System) -> Native:
    """The dialect's part of a process, which its hot routes and its others share."""
    return Native(system, Accounts(system.db))
