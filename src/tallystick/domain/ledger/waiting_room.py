"""The waiting room of a lane: where commands wait for accounts that somebody else has locked."""

import asyncio
from collections import deque
from typing import Final, Protocol

from tallystick.db.pool import Tx
from tallystick.kernel.errors import Fact

from .groups import BATCH, Group, busy, close

PLACES: Final = 8  # accounts waited for at once, each on a connection of its own
LOCK_TIMEOUT_MS: Final = 10_000
SHARED_TIMEOUT_MS: Final = 200  # for who holds one account while it waits for another
NAP: Final = 0.05  # seconds until the next look at an account that nobody could wait for


class Lane(Protocol):
    """What a waiting room needs of its lane."""

    async def perform(
        self, conn: Tx | None, groups: list[Group], *, wait_ms: int | None = None
    ) -> Tx | None: ...
    def again(self, group: Group) -> None: ...
    def fail(self, groups: list[Group], fact: Fact) -> None: ...
    def wake(self) -> None: ...


class WaitingRoom:
    """Keeps one slow checkout from stalling anybody else.

    Each account is waited for on a connection of its own; what comes for it meanwhile gathers and goes next.
    When every place is taken, the lane looks at the account again after a nap: it may be free by then. Who
    wants several accounts waits in short turns, since it holds the first while it waits for the second.
    """

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._gathered: dict[tuple[int, ...], deque[Group]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(PLACES)
        self._idle: list[Tx] = []

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def take_if_waiting(self, group: Group) -> bool:
        """Join those who wait for the same accounts, if any do."""
        line = self._gathered.get(tuple(group.accounts))
        if line is None:
            return False
        if group.until is None:
            group.until = _now() + LOCK_TIMEOUT_MS / 1000
        line.append(group)
        return True

    def take(self, group: Group) -> None:
        if group.until is not None and group.until <= _now():
            self._lane.fail([group], busy())
            return
        accounts = tuple(group.accounts)
        if accounts not in self._gathered:
            self._gathered[accounts] = deque()
            task = asyncio.create_task(self._wait_for(accounts), name="waiting-room")
            self._tasks.add(task)
            task.add_done_callback(self._left)
        self.take_if_waiting(group)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._lane.wake()

    async def close(self) -> None:
        """Close the connections, when nobody waits any more."""
        for conn in self._idle:
            await close(conn)
        self._idle.clear()

    async def _wait_for(self, accounts: tuple[int, ...]) -> None:
        if self._places.locked():
            await asyncio.sleep(NAP)
            for group in self._gathered.pop(accounts):
                self._lane.again(group)
            return
        async with self._places:
            conn = self._idle.pop() if self._idle else None
            line = self._gathered[accounts]
            while line:
                conn = await self._take_turn(conn, line)
            del self._gathered[accounts]
            if conn is not None:
                self._idle.append(conn)

    async def _take_turn(self, conn: Tx | None, line: deque[Group]) -> Tx | None:
        """Carry out those at the head of the line; who was not locked in time goes back to it, or gives up."""
        groups, size = [], 0
        while line and size < BATCH:
            group = line.popleft()
            size += len(group.orders)
            groups.append(group)
        conn = await self._lane.perform(conn, groups, wait_ms=_patience(groups[0]))
        late = [group for group in groups if group.until is not None and group.until <= _now()]
        early = [group for group in groups if group not in late]
        self._lane.fail(late, busy())
        if early:
            line.extendleft(reversed(early))
            await asyncio.sleep(NAP)
        return conn


def _now() -> float:
    return asyncio.get_running_loop().time()


def _patience(group: Group) -> int:
    """Milliseconds to wait for the locks of a group's accounts in one turn."""
    assert group.until is not None
    left = max(1, round((group.until - _now()) * 1000))
    return left if len(group.accounts) == 1 else min(left, SHARED_TIMEOUT_MS)
