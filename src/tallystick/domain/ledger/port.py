"""The ports through which the ledger learns what it does not know: prices, and what falls due of subscriptions."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final, Protocol

from tallystick.db.pool import Database, Tx

from .model import Moments, RateLine

Lines = dict[tuple[int, str], RateLine]
"""What operations cost, by tenant and name; one that the card in force does not name is absent."""


Prices = Callable[[Moments], Awaitable[Lines]]
"""Gives the lines in force at the tenants' moments, which were read on the same connection before the rates."""


class Rates(Protocol):
    """Where prices of operations come from: the catalog, which the ledger does not know."""

    async def __call__(self, conn: Tx, wanted: list[tuple[int, str]]) -> Prices:
        """Ask what each (tenant, operation) costs, in the caller's pipeline if there is one."""
        ...


class Due(Protocol):
    """Tells which accounts have something coming."""

    async def __call__(self, conn: Tx, accounts: Collection[int]) -> set[int]:
        """Those of the accounts of which something has fallen due that nobody has done, by their tenants' time."""
        ...


class LeadOn(Protocol):
    """Does what has fallen due of accounts and nobody has done yet, such as granting an allowance anew."""

    async def __call__(self, db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
        """Give the accounts of which anything was due just now. Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class Renewal:
    """Where credits come from by themselves: subscriptions, which the ledger does not know."""

    due: Due
    lead_on: LeadOn


async def nobody_due(conn: Tx, accounts: Collection[int]) -> set[int]:
    """Nobody has a subscription, and nothing falls due."""
    return set()


async def _nothing_done(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
    return set()


NO_RENEWAL: Final = Renewal(nobody_due, _nothing_done)
