"""What the worker does for payments. Safe to run twice, late, at once with itself, and killed at any point."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, all_rows, run, value
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Unavailable

from . import charging, pages, sending
from .refund_views import r
from .sending import AT_ONCE, TURN
from .till import Till
from .views import q

log = structlog.get_logger()

IN_ALL: Final = 64
"""Steps of all tenants beside each other, so that none waits too long for a connection to the database."""
FAULT: Final = timedelta(minutes=1)
"""How long a row is left alone of which a step failed by a fault of ours."""

_Act = Callable[[Till, int, UUID], Awaitable[object]]


@dataclass(slots=True)
class _Due:
    account: int
    id: UUID
    due_at: datetime


@dataclass(slots=True)
class _Tenant:
    id: int


async def run_due(till: Till, *, tenant: int | None = None, limit: int = 100) -> int:
    """Bring on the checkouts, payments and refunds that are due, of one tenant or of all, each by its own time.

    Gives how many it took in hand. What a gateway does not answer is left for later.
    """
    total, places = 0, asyncio.Semaphore(IN_ALL)
    async with till.db.connection() as conn:
        tenants = await all_rows(conn, _Tenant, q.tenants_due, {"tenant": tenant, "waiting": False})
    # beside each other: one tenant's slow gateway holds up no other tenant
    for done in await asyncio.gather(
        *(_of_tenant(till, one.id, limit, places) for one in tenants),
        sending.run_due(till, tenant=tenant, limit=limit),
        return_exceptions=True,
    ):
        if isinstance(done, BaseException):
            raise done
        total += done
    return total


async def _of_tenant(till: Till, tenant: int, limit: int, places: asyncio.Semaphore) -> int:
    async with till.db.connection() as conn:
        values = {"tenant": tenant, "now": await identity.now(conn, tenant), "limit": limit}
        payments = await all_rows(conn, _Due, q.due_payments, values)
        checkouts = await all_rows(conn, _Due, q.due_checkouts, values)
    total = await _all(till, payments, charging.perform, q.retry_payment, places)
    return total + await _all(till, checkouts, pages.lead_on, q.retry_checkout, places)


async def _all(till: Till, rows: list[_Due], act: _Act, retry: str, places: asyncio.Semaphore) -> int:
    """Each in its turn, the earliest first, a few beside each other; give how many were begun.

    A fault of one does not stop the others: it is left alone for a while. What is not begun when the turn is over is
    left for the next.
    """
    turns, end = asyncio.Semaphore(AT_ONCE), time.monotonic() + TURN

    async def one(row: _Due) -> bool:
        async with turns, places:
            if time.monotonic() > end:
                return False
            try:
                await act(till, row.account, row.id)
            except Unavailable:
                raise
            except Exception:  # a fault of one must not stop the others: it rests, and is tried again
                log.exception("a step of a payment failed", id=str(row.id), due_at=str(row.due_at))
                async with till.db.tx() as tx:
                    await run(tx, retry, {"account": row.account, "id": row.id, "pause": FAULT})
            return True

    results = await asyncio.gather(*(one(row) for row in rows), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results.count(True)


async def is_due(db: Database, tenant: int) -> bool:
    """Whether anything of the tenant's is due, in somebody else's hands or waiting for a gateway as it may be."""
    async with db.connection() as conn:
        if await value(conn, q.tenants_due, {"tenant": tenant, "waiting": True}) is not None:
            return True
    return await sending.is_due(db, tenant)


async def purge_provider_events(db: Database) -> int:
    """Forget which of a provider's events were taken, once it does not send them again; and what came too early of
    payments that never were."""
    async with db.tx() as tx:
        return await run(tx, q.purge_provider_events) + await run(tx, r.purge_early)
