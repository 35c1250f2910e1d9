"""Moving a test tenant's clock, and doing what falls due on the way.

The clock is set first, and then the due work is done as of its own due moments: work that is done late gives what
work in time would have given. Whoever works on a tenant meanwhile (a worker, a request) does the same by the same
functions, so it does not matter who comes first.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, Final

from tallystick.db.pool import Database, value
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.request_keys import Once, once
from tallystick.domain.payments.till import Till
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import iso, parse_moment
from tallystick.kernel.errors import Busy, Conflict

from . import views
from .due import LAST, STEPS, Step
from .model import Advanced, Duration, target
from .views import q

Key = tuple[str, bytes]
"""A client's idempotency key, and the hash of what it asked."""

PATIENCE: Final = 10.0
"""Seconds without any progress after which what is left is left to the worker."""
WAIT: Final = 60.0
"""Seconds to wait for another who moves the same clock."""
NAP: Final = 0.05


async def advance(
    till: Till,
    tenant: int,
    *,
    to: datetime | None = None,
    by: Duration | None = None,
    actor: str,
    key: Key | None = None,
) -> Advanced:
    """Move a test tenant's clock to a moment, or on by a duration, and do all that is due by then. Audited.

    Opens its own transactions; what is to be charged is charged. Two at once go one after the other, each from where
    the other left the clock. The same ``key`` again moves nothing: it does what may be left to do, and tells of the
    same span.
    Raises Conflict("live_clock") in live mode, Invalid for a moment in the past or too far off, KeyReused, Busy
    when somebody else moves the clock for too long, NotFound.
    """
    db = till.db
    async with _alone(db, tenant):
        moved = await _set(db, tenant, to, by, actor, key)
        before, after = parse_moment(moved.body["from"]), parse_moment(moved.body["to"])
        unfinished = not await _do_all(till, tenant)
        async with db.connection() as conn:
            counts, first = await views.happened(conn, tenant, before, after)
    return Advanced(before, after, counts, first, unfinished, moved.replayed)


@contextlib.asynccontextmanager
async def _alone(db: Database, tenant: int) -> AsyncIterator[None]:
    """While this is open nobody else moves the tenant's clock. Who waits holds no connection."""
    until = asyncio.get_running_loop().time() + WAIT
    while True:
        async with db.tx() as guard:
            if await value(guard, q.try_clock, {"tenant": tenant}):
                yield
                return
        if asyncio.get_running_loop().time() > until:
            raise Busy("The clock is being moved; nothing was changed.")
        await asyncio.sleep(NAP)


async def _set(
    db: Database, tenant: int, to: datetime | None, by: Duration | None, actor: str, key: Key | None
) -> Once:
    """Set the clock in a transaction of its own; give the moment before and the one it was set to."""

    async def act() -> tuple[int, dict[str, Any]]:
        clock = await views.clock(tx, tenant)
        if clock.mode is not Mode.TEST:
            raise Conflict("live_clock", "Only a test app has a clock that can be set.")
        moment = target(clock, to, by)
        await identity.set_clock(tx, tenant, clock.ahead + (moment - clock.now))
        span = {"from": iso(clock.now), "to": iso(moment)}
        await identity.audit(tx, tenant, actor=actor, action="clock.advance", target="clock", details=span)
        return 200, span

    async with db.tx() as tx:
        if key is None:
            return Once(*await act(), False)
        return await once(tx, tenant, *key, act)


async def _do_all(till: Till, tenant: int) -> bool:
    """Have every kind of work done in turns until none has anything left; False when something makes no progress."""
    given_up: set[Step] = set()
    while True:
        done = 0
        for step in STEPS:
            done += await _exhaust(till, tenant, step, given_up)
        if not done and not await _exhaust(till, tenant, LAST, given_up):
            left = [await step.left(till, tenant) for step in given_up]
            return not any(left)


async def _exhaust(till: Till, tenant: int, step: Step, given_up: set[Step]) -> int:
    """Repeat a step until nothing of its kind is due; give how much it did.

    Rows that a worker holds at the moment are waited for: they are done when it commits, or free. What makes no
    progress for too long is given up, and not waited for again.
    """
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    total = 0
    while True:
        done = await step.run(till, tenant)
        total += done
        if done:
            until = loop.time() + PATIENCE
            continue
        if step in given_up or not await step.left(till, tenant):
            return total
        if loop.time() > until:
            given_up.add(step)
            return total
        await asyncio.sleep(NAP)
