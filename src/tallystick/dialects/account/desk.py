"""What the handlers share, and who is asking. This contract speaks to users: an API key signs nobody in."""

import time
from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity.asking import Asker, signed_in
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.metering.counter import RequestCounter
from tallystick.http.contract import Ask

from . import bodies

KEEP: Final = 1.0
"""Seconds for which an account's currency is not read again, like a credential: balances are always read."""
_MOST: Final = 10_000


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


class Profile(NamedTuple):
    """What a balance shows of an account beside its wallet."""

    currency: str
    created_at: datetime
    reload: bodies.AutoReload


class Desk:
    """The system, and the accounts' profiles, each for a second."""

    def __init__(self, system: System, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.system = system
        self._monotonic = monotonic
        self._profiles: dict[int, tuple[float, Profile]] = {}

    def known(self, account: int) -> Profile | None:
        """The profile that was kept less than a second ago."""
        until, profile = self._profiles.get(account, (0.0, None))
        return profile if self._monotonic() < until else None

    def keep(self, account: int, profile: Profile) -> None:
        if len(self._profiles) >= _MOST:
            self._profiles.clear()
        self._profiles[account] = (self._monotonic() + KEEP, profile)


async def asker(system: System, ask: Ask) -> Asker:
    """Read the credential; the request counts for the account. Raises as `signed_in` does."""
    who = await signed_in(system.db, system.credentials, ask.authorization, ask.x_account)
    ask.counted.add(who.account)
    return who
