"""The port through which metering learns how events are billed: subscriptions, which it does not know."""

from collections.abc import Collection
from typing import Protocol
from uuid import UUID

from tallystick.db.pool import Database, Tx

from .model import Billed

Wanted = tuple[int, UUID | None]
"""An account with a subscription that an event names, or with None: its live one."""


class Billing(Protocol):
    """Tells how the events of accounts are billed."""

    async def __call__(self, conn: Tx, wanted: list[Wanted]) -> dict[Wanted, Billed]:
        """What is known of each, and of others.

        (account, None) is absent when the account has no live subscription, (account, id) when that one is not the
        account's.
        """
        ...


class Renewal(Protocol):
    """Does what has fallen due of accounts and nobody has done yet, such as granting an allowance anew."""

    async def __call__(self, db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
        """Give the accounts of which anything was due just now. Raises Unavailable."""
        ...


async def unbilled(conn: Tx, wanted: list[Wanted]) -> dict[Wanted, Billed]:
    """Nobody has a subscription, and no event debits credits."""
    return {}


async def nothing_due(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
    """Nobody has a subscription, and nothing falls due."""
    return set()
