"""What the pages need of a running server, and of a request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from tallystick.db.pool import Database
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.payments.till import Till
from tallystick.kernel.clock import Clock


class System(Protocol):
    """What this dialect needs of `wiring.System`."""

    @property
    def db(self) -> Database: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def till(self) -> Till: ...
    @property
    def vault(self) -> Vault: ...
    @property
    def balances(self) -> BalanceReader: ...


def base(system: System) -> str:
    """What stands before every address of ours: the path of the server's own, mostly ''.

    Links stay on the host that the customer came by: to another one a form would not be sent.
    """
    return urlsplit(system.till.public_url).path.rstrip("/")


@dataclass(frozen=True, slots=True)
class Call:
    """A request: the values of its path, its query and its form."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        return self.path[name]
