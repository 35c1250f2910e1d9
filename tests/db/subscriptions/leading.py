"""Ways to do what has fallen due of subscriptions, held up or cut off from the database."""

import asyncio
from collections.abc import Collection

from tallystick.db.pool import Database
from tallystick.domain.subscriptions.holdings import lead_on


class HeldUp:
    """Does as the server does; for ``account``, or for all, only when ``may`` is set. ``led`` says for whom."""

    def __init__(self) -> None:
        self.account: int | None = None
        self.begun = asyncio.Event()
        self.may = asyncio.Event()
        self.led: list[list[int]] = []

    async def __call__(self, db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
        self.led.append(list(accounts))
        if self.account is None or self.account in accounts:
            self.begun.set()
            await self.may.wait()
        return await lead_on(db, tenant, accounts)


async def cut_off(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
    """Has a database that gives no connection any more."""
    closed = Database(db.url)
    await closed.open()
    await closed.close()
    try:
        return await lead_on(closed, tenant, accounts)
    finally:
        await closed.close()
