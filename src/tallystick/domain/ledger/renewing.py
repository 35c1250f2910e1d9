"""Before a command is refused for want of credits: what its account has coming, and nobody has given it yet.

    lane -> declined for want of credits -> is anything due? -> [do it] -> the lane once more

So an allowance that begins at midnight can be spent at midnight, however late the worker is. A refusal that was
answered before stays one: its key says so.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

import structlog

from tallystick.db.pool import Database, Tx
from tallystick.kernel.errors import Fact, InsufficientCredits, Unavailable

from .actions import Result
from .groups import Group
from .port import Due, Renewal

log = structlog.get_logger()

T = TypeVar("T")

PLACES: Final = 4  # accounts of which something is done at once, each on a connection of the pool


class Renewing(Generic[T]):
    """Where things wait while what had fallen due of their accounts is done; nobody else waits for them.

    ``again`` lets one take its turn again, ``fail`` answers some that could not be seen to, ``wake`` is called when
    any have left.
    """

    def __init__(
        self, db: Database, renewal: Renewal, *, again: Callable[[T], None], fail: Callable[[list[T], Fact], None],
        wake: Callable[[], None],
    ) -> None:  # fmt: skip
        self._db = db
        self._renewal = renewal
        self._again = again
        self._fail = fail
        self._wake = wake
        self._gathered: dict[tuple[int, ...], list[T]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._places = asyncio.Semaphore(PLACES)

    @property
    def busy(self) -> bool:
        return bool(self._tasks)

    def take(self, tenant: int, accounts: Sequence[int], thing: T) -> None:
        """Do what is due of the accounts, and let the thing take its turn again.

        Those of the same accounts share one place: what comes while it is being done is there for the next time.
        """
        whose = (tenant, *accounts)
        if whose in self._gathered:
            self._gathered[whose].append(thing)
            return
        self._gathered[whose] = [thing]
        task = asyncio.create_task(self._lead_on(*whose), name="renewing")
        self._tasks.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        self._wake()

    async def _lead_on(self, tenant: int, *accounts: int) -> None:
        whose = (tenant, *accounts)
        async with self._places:
            while things := self._gathered[whose]:
                self._gathered[whose] = []
                try:
                    await self._renewal.lead_on(self._db, tenant, accounts)
                except Unavailable as fact:
                    self._fail(things, fact)
                    continue
                except Exception:  # a fault of ours: they are decided as things stand
                    log.exception("renewing failed")
                for thing in things:
                    self._again(thing)
        del self._gathered[whose]


async def concerned(
    conn: Tx, due: Due, groups: Sequence[Group], results: Sequence[Sequence[Result]]
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
    coming = await due(conn, set().union(*short.values()))
    return [group for group in groups if not coming.isdisjoint(short.get(id(group), ()))]
