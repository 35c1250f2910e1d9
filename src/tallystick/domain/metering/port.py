"""The port through which metering learns how events are billed: subscriptions, which it does not know."""

from typing import Protocol
from uuid import UUID

from tallystick.db.pool import Tx

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


async def unbilled(conn: Tx, wanted: list[Wanted]) -> dict[Wanted, Billed]:
    """Nobody has a subscription, and no event debits credits."""
    return {}
