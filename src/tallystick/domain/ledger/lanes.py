"""Lanes: group commit for the hot path.

A command waits in the lane of its account; a lane has one batch in flight, and whatever waits meanwhile goes in
the next one. There is no timer, so an idle server answers at once, and a busy one pays one flush for hundreds.

    submit -> queue -> [lock free heads + reads] -> decide -> [writes + COMMIT] -> answers
                            |                         |
                            |                         +-- too few credits, and some are due -> renewing, once more
                            |
                            +-- heads that somebody else holds -> waiting room, an account at a time

An answer is given only after its commit. A caller that goes away does not cancel its command. After a commit
whose outcome is not known the same keys are sent again, and answer as they did if it happened.
"""

import asyncio
import contextlib
import traceback
from collections import deque
from collections.abc import Sequence
from typing import Final

import structlog

from tallystick.db import arrays
from tallystick.db.pool import Contended, Database, Lost, Rejected, Tx, ask, classified
from tallystick.kernel.errors import Busy, Conflict, Fact, Unavailable

from .actions import MANUAL, Result, audit_orders, settle
from .books import QUERIES, Reads, Wanted, accounts_of, assemble, heads_of
from .commands import Order
from .groups import BATCH, Group, busy, close, resend, split, that_share_accounts
from .model import Answer, Head
from .port import NO_RENEWAL, Rates, Renewal
from .renewing import Renewing, concerned
from .saving import save
from .waiting_room import WaitingRoom

log = structlog.get_logger()

QUEUE: Final = 8192  # commands waiting in a lane, some seconds of work: beyond it 503
ATTEMPTS: Final = 5


class Lanes:
    """All lanes of a process. `start` before use; `stop` drains."""

    def __init__(self, db: Database, rates: Rates, renewal: Renewal = NO_RENEWAL, *, lanes: int = 1) -> None:
        self._lanes = [_Lane(db, rates, renewal) for _ in range(lanes)]
        self._running = False

    async def start(self) -> None:
        self._running = True
        for lane in self._lanes:
            lane.start()

    async def stop(self) -> None:
        """Refuse new commands, finish and answer those that wait, then close the connections."""
        self._running = False
        for lane in self._lanes:
            await lane.stop()

    @property
    def depth(self) -> int:
        """Commands that wait or are being decided."""
        return sum(lane.depth for lane in self._lanes)

    async def submit(self, order: Order) -> Answer:
        """Do one command and answer when it is durable.

        Raises the Fact that declined it; Unavailable when the queue is full or the database is not there,
        and then nothing was recorded, or the same key will tell.
        """
        [result] = await self._send([order], atomic=False)
        if isinstance(result, Fact):
            raise result
        return result

    async def submit_batch(self, orders: Sequence[Order], *, atomic: bool = False) -> list[Result]:
        """Do many commands; one result each, in order. Those that share an account are decided in their order.

        ``atomic``: all or none, in one transaction, across accounts as well. Never raises for a command that
        fails: its place in the result says why.
        """
        if not orders:
            return []
        if atomic:
            return await self._try(orders, atomic=True)
        groups = that_share_accounts(orders)
        answers = await asyncio.gather(
            *(self._try([orders[place] for place in group], atomic=False) for group in groups)
        )
        results: dict[int, Result] = {}
        for group, answered in zip(groups, answers, strict=True):
            results.update(zip(group, answered, strict=True))
        return [results[place] for place in range(len(orders))]

    async def _try(self, orders: Sequence[Order], *, atomic: bool) -> list[Result]:
        try:
            return await self._send(orders, atomic=atomic)
        except Unavailable as fact:
            return [fact] * len(orders)

    async def _send(self, orders: Sequence[Order], *, atomic: bool) -> list[Result]:
        if not self._running:
            raise Unavailable("The server is shutting down; nothing was changed.")
        group = Group(orders, atomic, asyncio.get_running_loop().create_future(), accounts_of(orders))
        self._lanes[group.accounts[0] % len(self._lanes)].put(group)
        # a caller that goes away cancels this future and nothing else: the group is in the lane
        return await group.done


class _Lane:
    def __init__(self, db: Database, rates: Rates, renewal: Renewal) -> None:
        self._db = db
        self._rates = rates
        self._queue: deque[Group] = deque()
        self._wake = asyncio.Event()
        self._conn: Tx | None = None
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._room = WaitingRoom(self)
        self._due = renewal.due
        self._renewing = Renewing(db, renewal, again=self.again, fail=self.fail, wake=self.wake)
        self.depth = 0

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="lane")

    async def stop(self) -> None:
        self._stopping = True
        self.wake()
        if self._task is not None:
            await self._task
        await self._room.close()
        await close(self._conn)

    def put(self, group: Group) -> None:
        if self.depth >= QUEUE:
            raise Busy("Too many requests are waiting; nothing was changed.")
        self.depth += len(group.orders)
        if not self._room.take_if_waiting(group):
            self.again(group)

    def again(self, group: Group) -> None:
        """Let a group take its turn."""
        self._queue.append(group)
        self.wake()

    def wake(self) -> None:
        self._wake.set()

    def answer(self, group: Group, results: list[Result]) -> None:
        """Let a group go, with its results if anybody still waits for them."""
        self.depth -= len(group.orders)
        if not group.done.done():
            group.done.set_result(results)

    def fail(self, groups: list[Group], fact: Fact) -> None:
        """Let groups go without having been carried out, as far as is known; the list is emptied."""
        gone, groups[:] = groups[:], []
        for group in gone:
            self.depth -= len(group.orders)
            if not group.done.done():
                group.done.set_exception(fact)

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if self._stopping and not self._room.busy and not self._renewing.busy:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            groups = self._next_batch()
            try:
                self._conn = await self.perform(self._conn, groups)
            except Exception as error:  # a fault of ours must not end the lane
                log.exception("lane failed")
                self.fail(
                    groups, Unavailable(f"The command could not be carried out: {type(error).__name__}")
                )
                await close(self._conn)
                self._conn = None

    def _next_batch(self) -> list[Group]:
        groups, size = [self._queue.popleft()], 0
        size = len(groups[0].orders)
        while self._queue and size + len(self._queue[0].orders) <= BATCH:
            group = self._queue.popleft()
            size += len(group.orders)
            groups.append(group)
        return groups

    async def perform(self, conn: Tx | None, groups: list[Group], *, wait_ms: int | None = None) -> Tx | None:
        """Carry out groups on ``conn`` (made when there is none) and answer them; give the connection to go on.

        ``wait_ms``: wait for locked heads so long, instead of leaving them to the waiting room. Groups that
        have left, answered or for the waiting room, are taken out of the list; those that were not locked in
        time stay in it.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if conn is None:
                    conn = await self._db.dedicated()
                with classified():
                    await self._transact(conn, groups, wait_ms)
                return conn
            except Contended:
                await _rollback(conn)
                if wait_ms is not None:
                    return conn
                if attempt == ATTEMPTS:
                    self.fail(groups, busy())
            except Rejected as error:
                await _rollback(conn)
                log.warning("rejected by the database", error=str(error), groups=len(groups))
                refused = Conflict("rejected", "The database refused the command's data.")
                return await self._by_halves(conn, groups, refused, wait_ms)
            except Lost as error:
                # whether the commit happened is not known: the same keys tell, on a new connection
                await close(conn)
                conn = None
                resend(groups)
                if attempt >= 2:
                    log.warning("database lost", error=str(error))
                    self.fail(groups, Unavailable("The database is not available; retry with the same key."))
                    return None
            except Exception as error:  # a fault of ours: it must cost only the command that meets it
                if len(groups) == 1:
                    log.error("command failed", trace=traceback.format_exc())
                await close(conn)
                resend(groups)
                failed = Unavailable(f"The command could not be carried out: {type(error).__name__}")
                return await self._by_halves(None, groups, failed, wait_ms)
        return conn

    async def _by_halves(
        self, conn: Tx | None, groups: list[Group], fact: Fact, wait_ms: int | None
    ) -> Tx | None:
        """Carry out both halves of what failed together, so that one bad command costs no other its answer."""
        if len(groups) == 1:
            [group] = groups
            if group.atomic or len(group.orders) == 1:
                self.answer(group, [fact] * len(group.orders))
                groups.clear()
                return conn
            groups[:] = split(group)
        middle = len(groups) // 2
        halves = groups[:middle], groups[middle:]
        for half in halves:
            conn = await self.perform(conn, half, wait_ms=wait_ms)
        groups[:] = [group for half in halves for group in half]
        return conn

    async def _transact(self, conn: Tx, groups: list[Group], wait_ms: int | None) -> None:
        """One transaction in two round trips: lock and reads; writes and COMMIT.

        A third one looks for what is due where somebody is about to be refused for want of credits.
        """
        orders = [one for group in groups for one in group.orders]
        wanted = Wanted.of(orders)
        async with conn.pipeline():
            await conn.execute(b"begin")
            if wait_ms is not None:
                await conn.execute(f"set local lock_timeout to {wait_ms}".encode())
            query = QUERIES.lock_free_heads if wait_ms is None else QUERIES.lock_heads
            locking = await ask(conn, query, {"accounts": arrays.int8s(wanted.accounts)})
            reads = Reads(conn)
            await reads.ask("clock")
            await reads.ask_all(wanted, self._rates)
            heads = heads_of(await locking.fetchall())
            seen = await reads.collect()
        if wait_ms is None and len(heads) < len(wanted.accounts):
            await self._set_aside(conn, groups, heads)
        books = await assemble(conn, heads, wanted, seen)
        results = settle(books, [(group.orders, group.atomic) for group in groups], seen.moments)
        waiting = await concerned(conn, self._due, groups, results)
        if waiting:
            # nothing was written, and after a ROLLBACK the driver would have every statement prepared anew
            await conn.execute(b"commit")
            groups[:] = [group for group in groups if group not in waiting]
            for group in waiting:
                group.renewed, group.until = True, None
                self._renewing.take(group.orders[0].tenant, group.accounts, group)
            if groups:
                await self._transact(conn, groups, wait_ms)
            return
        async with conn.pipeline():
            await save(conn, books.values())
            for group, answered in zip(groups, results, strict=True):
                if any(isinstance(one.command, MANUAL) for one in group.orders):
                    await audit_orders(conn, group.orders, answered)
            await conn.execute(b"commit")
        done, groups[:] = list(zip(groups, results, strict=True)), []
        for group, answered in done:
            self.answer(group, answered)

    async def _set_aside(self, conn: Tx, groups: list[Group], heads: dict[int, Head]) -> None:
        """Move groups to the waiting room whose heads somebody else has locked; unknown accounts stay."""
        missing = [number for group in groups for number in group.accounts if number not in heads]
        cursor = await ask(conn, QUERIES.which_exist, {"accounts": arrays.int8s(missing)})
        locked = {number for (number,) in await cursor.fetchall()}
        moved = [group for group in groups if not locked.isdisjoint(group.accounts)]
        groups[:] = [group for group in groups if locked.isdisjoint(group.accounts)]
        for group in moved:
            self._room.take(group)


async def _rollback(conn: Tx | None) -> None:
    if conn is not None:
        with contextlib.suppress(Exception):
            await conn.rollback()
