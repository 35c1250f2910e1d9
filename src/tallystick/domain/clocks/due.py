"""The kinds of work that time brings, in the order in which a clock that was moved has them done.

They take turns until none has anything left: a renewal issues an invoice, the invoice is charged, the charge leads the
subscription on to its next step. Each does what it does as of its own moment.
"""

from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from tallystick.domain.dunning import jobs as dunning
from tallystick.domain.ledger import jobs as ledger
from tallystick.domain.ledger import views as ledger_views
from tallystick.domain.payments import jobs as payments
from tallystick.domain.payments.till import Till
from tallystick.domain.reloads import jobs as reloads
from tallystick.domain.subscriptions import jobs as subscriptions


class Step(NamedTuple):
    """``run`` does what is due of a tenant and gives how much it did; ``left`` says whether anything still is."""

    run: Callable[[Till, int], Awaitable[int]]
    left: Callable[[Till, int], Awaitable[bool]]


async def _lead_on(till: Till, tenant: int) -> int:
    return await subscriptions.run_due(till.db, till.rates, tenant=tenant, in_order=True)


async def _leads(till: Till, tenant: int) -> bool:
    return await subscriptions.is_due(till.db, tenant)


async def _collect(till: Till, tenant: int) -> int:
    return await dunning.run_due(till, tenant=tenant)


async def _collects(till: Till, tenant: int) -> bool:
    return await dunning.is_due(till.db, tenant)


async def _reload(till: Till, tenant: int) -> int:
    return await reloads.run_due(till, tenant=tenant)


async def _reloads(till: Till, tenant: int) -> bool:
    return await reloads.is_due(till.db, tenant)


async def _pay(till: Till, tenant: int) -> int:
    return await payments.run_due(till, tenant=tenant)


async def _pays(till: Till, tenant: int) -> bool:
    return await payments.is_due(till.db, tenant)


async def _sweep(till: Till, tenant: int) -> int:
    return await ledger.sweep(till.db, till.rates, tenant=tenant)


async def _sweeps(till: Till, tenant: int) -> bool:
    async with till.db.connection() as conn:
        return await ledger_views.anything_due(conn, tenant)


# subscriptions first: what they give is given as of its own moment, before what expires later is swept; payments after
# what asks for them, so that none is under way when subscriptions are led on again
STEPS: Final[tuple[Step, ...]] = (
    Step(_lead_on, _leads),
    Step(_collect, _collects),
    Step(_reload, _reloads),
    Step(_pay, _pays),
)
LAST: Final = Step(_sweep, _sweeps)
"""What is done when all that is done: what expired is written off."""
