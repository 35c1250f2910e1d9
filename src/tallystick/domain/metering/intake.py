"""The intake of usage events: group commit of whatever waits.

One batch is in flight, and what comes meanwhile goes in the next one; there is no timer. An answer is given only
after its commit. A caller that goes away does not cancel its events. After a commit whose outcome is not known the
same keys are sent again, and tell whether it happened.

Accounts whose events debit credits are locked. One that somebody else holds is waited for apart, so that it delays
nobody.
"""

import asyncio
import contextlib
import traceback
from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import Final

import structlog

from tallystick.db.pool import Contended, Database, Lost, Rejected, Tx, classified
from tallystick.domain.ledger.port import NO_RENEWAL, Rates, Renewal
from tallystick.domain.ledger.renewing import Renewing
from tallystick.kernel.errors import Busy, Conflict, Fact, Unavailable

from .debiting import Debiting
from .items import Call, Item, prepare, resend
from .model import NewEvent, Recorded
from .port import Billing, unbilled
from .recording import record

log = structlog.get_logger()

QUEUE: Final = 100_000  # events waiting, some seconds of work: beyond it 503
BATCH: Final = 5_000  # events a transaction: past it the flush is no longer what costs
SLICE: Final = 500  # events prepared between two looks at who else wants the processor
ATTEMPTS: Final = 5
LOCK_MS: Final = 200  # how long a batch waits for an account that somebody holds
PATIENT_MS: Final = 10_000  # how long those events wait that have only themselves to delay
PATIENT: Final = 4  # of them at once, each on a connection of its own


class UsageIntake:
    """Records usage events. `start` before use; `stop` drains."""

    def __init__(
        self, db: Database, rates: Rates, billing: Billing = unbilled, renewal: Renewal = NO_RENEWAL
    ) -> None:
        self._db = db
        self._rates = rates
        self._billing = billing
        self._due = renewal.due
        self._renewing = Renewing(db, renewal, again=self._again, fail=self._settle, wake=self._wake_up)
        self._queue: deque[Item] = deque()
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._apart: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(PATIENT)
        self._conn: Tx | None = None
        self._running = False
        self._debiting = Debiting()
        self.depth = 0

    async def start(self) -> None:
        self._running = True
        self._task = asyncio.create_task(self._run(), name="usage intake")

    async def stop(self) -> None:
        """Refuse new events, record and answer those that wait, then close the connections."""
        self._running = False
        self._wake.set()
        if self._task is not None:
            await self._task
        await _close(self._conn)

    async def record(self, tenant: int, actor: str, events: Sequence[NewEvent]) -> list[Recorded | Fact]:
        """Record events, and debit credits for those that their subscription says; one result each, in order.

        Never raises for an event that fails: its place says why. Invalid (``metric``, ``quantity``, ``timestamp``,
        ``event_id``, ``metadata``); NotFound for an account or subscription that is not the tenant's; Renamed;
        Conflict ``event_id_reused``, ``subscription_ended``, ``account_blocked``, ``account_closed``;
        InsufficientCredits, which does not use up the event's id, and is not said while an allowance is due.
        Unavailable: nothing was recorded, or the same event ids will tell.
        """
        if not events:
            return []
        call = Call(asyncio.get_running_loop().create_future(), [None] * len(events), len(events))
        items = prepare(call, tenant, actor, events[:SLICE], 0)
        for start in range(SLICE, len(events), SLICE):
            await asyncio.sleep(0)
            items += prepare(call, tenant, actor, events[start : start + SLICE], start)
        if not self._running:
            self._answer(items, Unavailable("The server is shutting down; nothing was recorded."))
        elif self.depth + len(items) > QUEUE:
            self._answer(items, Busy("Too many events are waiting; nothing was recorded."))
        else:
            self.depth += len(items)
            self._queue.extend(items)
            self._wake.set()
        if not call.left:
            return call.answers()
        # a caller that goes away cancels this future and nothing else: the events are in the queue
        return await call.done

    async def _run(self) -> None:
        while True:
            if not self._queue:
                if not self._running and not self._apart and not self._renewing.busy:
                    return
                self._wake.clear()
                await self._wake.wait()
                continue
            # what was read from the network already goes along: a larger batch costs less an event
            await asyncio.sleep(0)
            items = list(islice(self._queue, BATCH))
            if len(items) == len(self._queue):
                self._queue.clear()
            else:
                for _ in items:
                    self._queue.popleft()
            try:
                self._conn = await self._perform(self._conn, items, LOCK_MS)
            except Exception as error:  # a fault of ours must not end the intake
                log.exception("usage intake failed")
                self._settle(items, Unavailable(f"The event could not be recorded: {type(error).__name__}"))
                await _close(self._conn)
                self._conn = None

    async def _perform(self, conn: Tx | None, items: list[Item], wait_ms: int) -> Tx | None:
        """Record the items on ``conn`` (made when there is none) and answer them; give the connection to go on."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                if conn is None:
                    conn = await self._db.dedicated(lock_timeout=str(wait_ms))
                with classified():
                    async with conn.pipeline():
                        await record(conn, items, self._rates, self._billing, self._debiting, self._due)
                self._settle(items)
                return conn
            except Contended:
                await _rollback(conn)
                if wait_ms == PATIENT_MS:
                    self._settle(items, Busy("The account is busy; nothing was recorded."))
                    return conn
                if attempt >= 2:
                    self._wait_apart(items)
                    return conn
            except Rejected as error:
                await _rollback(conn)
                log.warning("usage refused by the database", error=str(error), events=len(items))
                refused = Conflict("rejected", "The database refused the event's data.")
                return await self._by_halves(conn, items, refused, wait_ms)
            except Lost as error:
                # whether the commit happened is not known: the same keys tell, on a new connection
                await _close(conn)
                conn = None
                resend(items)
                if attempt >= 2:
                    log.warning("database lost", error=str(error))
                    self._settle(
                        items, Unavailable("The database is not available; retry with the same event ids.")
                    )
                    return None
            except Exception as error:  # a fault of ours: it must cost only the event that meets it
                if len(items) == 1:
                    log.error("event failed", trace=traceback.format_exc())
                await _close(conn)
                resend(items)
                failed = Unavailable(f"The event could not be recorded: {type(error).__name__}")
                return await self._by_halves(None, items, failed, wait_ms)
        raise AssertionError("every attempt ends in an answer")

    async def _by_halves(self, conn: Tx | None, items: list[Item], fact: Fact, wait_ms: int) -> Tx | None:
        """Find the event that fails: one alone is answered with the fact."""
        if len(items) == 1:
            self._settle(items, fact)
            return conn
        middle = len(items) // 2
        conn = await self._perform(conn, items[:middle], wait_ms)
        return await self._perform(conn, items[middle:], wait_ms)

    def _wait_apart(self, items: list[Item]) -> None:
        """Let each account's items wait for its lock by themselves."""
        by_account: dict[int, list[Item]] = {}
        for item in items:
            by_account.setdefault(item.event.account, []).append(item)
        for mine in by_account.values():
            task = asyncio.create_task(self._patiently(mine), name="usage intake, waiting")
            self._apart.add(task)
            task.add_done_callback(self._returned)

    def _returned(self, task: "asyncio.Task[None]") -> None:
        self._apart.discard(task)
        self._wake_up()

    async def _patiently(self, items: list[Item]) -> None:
        async with self._places:
            conn = None
            try:
                conn = await self._perform(None, items, PATIENT_MS)
            except Exception as error:  # as in `_run`
                log.exception("usage intake failed")
                self._settle(items, Unavailable(f"The event could not be recorded: {type(error).__name__}"))
            await _close(conn)

    def _settle(self, items: Sequence[Item], fact: Fact | None = None) -> None:
        """Let items leave, with ``fact`` or else with what `record` said of them.

        Those whose account has credits coming stay: they take their turn again when what is due was done.
        """
        if fact is None:
            for item in items:
                if item.due:
                    item.renewed = True
                    self._renewing.take(item.tenant, (item.event.account,), item)
            items = [item for item in items if not item.due]
        self.depth -= len(items)
        self._answer(items, fact)

    def _again(self, item: Item) -> None:
        self._queue.append(item)
        self._wake_up()

    def _wake_up(self) -> None:
        self._wake.set()

    def _answer(self, items: Sequence[Item], fact: Fact | None) -> None:
        for item in items:
            call = item.call
            call.results[item.place] = item.result if fact is None else fact
            call.left -= 1
            if not call.left and not call.done.done():
                call.done.set_result(call.answers())


async def _rollback(conn: Tx | None) -> None:
    if conn is not None:
        with contextlib.suppress(Exception):
            await conn.rollback()


async def _close(conn: Tx | None) -> None:
    if conn is not None:
        with contextlib.suppress(Exception):
            await conn.close()
