"""What the handlers share, and who is asking: an API key, a member of the practice, or anybody in open mode."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple, Protocol

from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import tenant_asked
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.ledger.averages import Averages
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.payments.till import Till
from tallystick.http.contract import Ask
from tallystick.kernel.actor import Actor, Role, Scope
from tallystick.kernel.errors import Forbidden, NotFound

ANYBODY: Final = "anybody"
"""The actor of what is done in open mode."""
_MOST: Final = 10_000


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
    def balances(self) -> BalanceReader: ...
    @property
    def till(self) -> Till: ...


class Insight(NamedTuple):
    """What a balance shows beside the wallet: true while the account's last entry is number ``seq``.

    ``cost`` are the rate card's microcredits of a message, by operation.
    """

    seq: int
    until: float
    last_purchase: datetime | None
    averages: Averages
    cost: dict[str, int]


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: ``actor`` is None for anybody in open mode, who may all that a key with scope write may."""

    tenant: int
    actor: Actor | None

    @property
    def name(self) -> str:
        return ANYBODY if self.actor is None else self.actor.name

    def sees(self, account: int) -> bool:
        """Whether the account (internal number) of the tenant may be seen."""
        actor = self.actor
        return actor is None or actor.whole_tenant or actor.role_in(account) is not None

    def must_buy(self, account: int) -> None:
        """Raises Forbidden for a key that only reads, and for a member who is no admin."""
        if self.buys(account):
            return
        assert self.actor is not None
        if self.actor.key is not None:
            raise Forbidden("API key lacks write permissions.")
        raise Forbidden("Your role in this practice does not allow this.")

    def buys(self, account: int) -> bool:
        actor = self.actor
        if actor is None or actor.staff:
            return True
        if actor.key is not None:
            return actor.scope.includes(Scope.WRITE)
        role = actor.role_in(account)
        return role is not None and role.includes(Role.ADMIN)


class Desk:
    """The system, and what is remembered: which account a practice is, and what its balance shows beside the wallet."""

    def __init__(self, system: System, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.system = system
        self.monotonic = monotonic
        self._numbers: dict[tuple[int, int], int] = {}
        self._insights: dict[int, Insight] = {}

    async def caller(self, ask: Ask) -> Caller:
        """Read the credential; without one, in open mode, the tenant that ``X-App`` names, else the standard one.

        Raises Unauthenticated, NotFound for an app that there is not.
        """
        system = self.system
        if ask.authorization is None and system.settings.practice_open:
            async with system.db.connection() as conn:
                found = await tenant_asked(conn, ask.x_app, system.settings.default_app)
            return Caller(found.id, None)
        credentials = system.credentials
        actor = credentials.cached(ask.authorization) or await credentials.actor(ask.authorization)
        return Caller(actor.tenant, actor)

    async def practice(self, caller: Caller, ask: Ask, number: int) -> int:
        """The account (internal number) of a practice that the caller may see, for which the request counts.

        Raises NotFound.
        """
        account = self._numbers.get((caller.tenant, number))
        if account is None:
            async with self.system.db.connection() as conn:
                account = (await identity.account_by_number(conn, caller.tenant, number)).account_id
            if len(self._numbers) >= _MOST:
                self._numbers.clear()
            self._numbers[caller.tenant, number] = account
        if not caller.sees(account):
            raise NotFound("practice")
        ask.counted.add(account)
        return account

    def insight(self, account: int) -> Insight | None:
        return self._insights.get(account)

    def keep(self, account: int, insight: Insight) -> None:
        if len(self._insights) >= _MOST:
            self._insights.clear()
        self._insights[account] = insight
