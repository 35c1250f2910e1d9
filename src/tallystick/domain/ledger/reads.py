"""Balances in batches: the lanes' idea for reads.

Whoever asks while a read is under way is answered by the next one, so that a busy server runs one statement
for hundreds of questions. What is read was committed before the question was answered, never older than it.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from tallystick.db import arrays
from tallystick.db.pool import Database, Lost, Tx, ask, classified
from tallystick.kernel.errors import Fact, NotFound, Unavailable

from . import views
from .books import QUERIES
from .model import Head, Wallet
from .views import Balances

MOST: Final = 512  # accounts a statement


class BalanceReader:
    """Reads balances. `start` before use."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._waiting: list[tuple[int, int, asyncio.Future[Balances]]] = []
        self._wake = asyncio.Event()
        self._conn: Tx | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="balances")

    async def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task
        if self._conn is not None:
            await self._conn.close()

    async def balances(self, tenant: int, account: int) -> Balances:
        """The account's wallets, less what is due. Raises NotFound, Unavailable."""
        if self._stopping:
            raise Unavailable("The server is shutting down.")
        future: asyncio.Future[Balances] = asyncio.get_running_loop().create_future()
        self._waiting.append((tenant, account, future))
        self._wake.set()
        found = await future
        if found.due:
            # rare: let the rules end what the sweeper has not yet
            return await views.balances(self._db, tenant, account)
        return found

    async def _run(self) -> None:
        while True:
            if not self._waiting:
                if self._stopping:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
            try:
                rows = await self._read([account for _, account, _ in batch])
            except Lost:
                await self._answer(batch, Unavailable("The database is not available."))
            except Exception as error:  # a fault of ours must not end the reader
                await self._answer(batch, Unavailable(f"The balance cannot be read: {type(error).__name__}"))
            else:
                await self._answer(batch, rows)

    async def _read(self, accounts: Sequence[int]) -> dict[int, Balances]:
        """Read on a connection of one's own; a broken one is replaced once."""
        for last in (False, True):
            try:
                if self._conn is None:
                    self._conn = await self._db.dedicated()
                with classified():
                    return await self._select(self._conn, accounts)
            except Lost:
                self._conn = None
                if last:
                    raise
        raise AssertionError("unreachable")

    async def _select(self, conn: Tx, accounts: Sequence[int]) -> dict[int, Balances]:
        cursor = await ask(conn, QUERIES.balances, {"accounts": arrays.int8s(accounts)})
        found: dict[int, Balances] = {}
        now: datetime
        for now, *columns in await cursor.fetchall():
            head, wallet = Head(*columns[:10]), columns[10:]
            balances = found.get(head.account)
            if balances is None:
                due = head.next_due_at is not None and head.next_due_at <= now
                balances = found[head.account] = Balances(head, [], now, due)
            if wallet[0] is not None:
                balances.wallets.append(Wallet(*wallet))
        for balances in found.values():
            balances.wallets.sort(key=lambda row: row.credit_type)
        return found

    async def _answer(
        self,
        batch: Sequence[tuple[int, int, "asyncio.Future[Balances]"]],
        outcome: dict[int, Balances] | Fact,
    ) -> None:
        for tenant, account, future in batch:
            if future.done():
                continue
            if isinstance(outcome, Fact):
                future.set_exception(outcome)
                continue
            found = outcome.get(account)
            if found is None or found.head.tenant != tenant:
                future.set_exception(NotFound("account"))
            else:
                future.set_result(found)
