"""Before a command is refused for want of credits: what its account has coming, and nobody has given it yet.

    lane -> declined for want of credits -> is anything due? -> [do it] -> the lane once more

So an allowance that begins at midnight can be spent at midnight, however late the worker is. A refusal that was
answered before stays one: its key says so.
"""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import structlog

from tallystick.db.pool import Database, Tx
from tallystick.kernel.errors import Fact, InsufficientCredits, Unavailable

from .actions import Result
from .groups import Group
from .port import Renewal

log = structlog.get_logger()

PLACES: Final = 4  # accounts of which something is done at once, each on a connection of the pool


class Lane(Protocol):
    """What is needed of a lane."""

    def again(self, group: Group) -> None: ...
    def fail(self, groups: list[Group], fact: Fact) -> None: ...
    def wake(self) -> None: ...


class Renewing:
    """Where groups wait while what had fallen due of their accounts is done; nobody else waits for them."""

    def __init__(self, lane: Lane, db: Database, renewal: Renewal) -> None:
        self._lane = lane
        self._db = db
        self._renewal = renewal
        self._gathered: dict[tuple[int, ...], list[Group]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(PLACES)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    async def concerned(
        self, conn: Tx, groups: Sequence[Group], results: Sequence[Sequence[Result]]
    ) -> list[Group]:
        """The groups that are about to be refused for want of credits in an account that has something coming.

        Under the accounts' locks: what somebody else did of it is in the books. Each group is concerned once.
        """
        short: dict[int, set[int]] = {}
        for group, answered in zip(groups, results, strict=True):
            for one, said in zip(group.orders, answered, strict=True):
                if isinstance(said, InsufficientCredits) and not (said.replayed or group.renewed):
                    short.setdefault(id(group), set()).add(one.command.account)
        if not short:
            return []
        due = await self._renewal.due(conn, set().union(*short.values()))
        return [group for group in groups if not due.isdisjoint(short.get(id(group), ()))]

    def take(self, group: Group) -> None:
        """Do what is due of the group's accounts, and let it take its turn again.

        Those of the same accounts share one place: who comes while it is being done is there for the next time.
        """
        group.renewed = True
        whose = (group.orders[0].tenant, *group.accounts)
        if whose in self._gathered:
            self._gathered[whose].append(group)
            return
        self._gathered[whose] = [group]
        task = asyncio.create_task(self._lead_on(*whose), name="renewing")
        self._tasks.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._lane.wake()

    async def _lead_on(self, tenant: int, *accounts: int) -> None:
        whose = (tenant, *accounts)
        async with self._places:
            while groups := self._gathered[whose]:
                self._gathered[whose] = []
                try:
                    await self._renewal.lead_on(self._db, tenant, accounts)
                except Unavailable as fact:
                    self._lane.fail(groups, fact)
                except Exception:  # a fault of ours: the groups are decided as things stand
                    log.exception("renewing failed")
                for group in groups:
                    self._lane.again(group)
        del self._gathered[whose]
