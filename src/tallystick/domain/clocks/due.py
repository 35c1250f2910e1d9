"""The kinds of work that time brings, in the order in which a clock that was moved has them done."""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tallystick.db.pool import Database
from tallystick.domain.ledger import jobs as ledger
from tallystick.domain.ledger import views as ledger_views
from tallystick.domain.ledger.books import Rates
from tallystick.domain.subscriptions import jobs as subscriptions


class Step(NamedTuple):
    """``run`` does what is due of a tenant and gives how much it did; ``left`` says whether anything still is."""

    run: Callable[[Database, Rates, int], Awaitable[int]]
    left: Callable[[Database, int], Awaitable[bool]]


async def _lead_on(db: Database, rates: Rates, tenant: int) -> int:
    return await subscriptions.run_due(db, rates, tenant=tenant)


async def _sweep(db: Database, rates: Rates, tenant: int) -> int:
    return await ledger.sweep(db, rates, tenant=tenant)


async def _sweep_left(db: Database, tenant: int) -> bool:
    async with db.connection() as conn:
        return await ledger_views.anything_due(conn, tenant)


# subscriptions first: what they give is given as of its own moment, before what expires later is swept
STEPS: Final[tuple[Step, ...]] = (Step(_lead_on, subscriptions.is_due), Step(_sweep, _sweep_left))
