"""What the worker does for open invoices. Safe to run twice, late, at once with itself, and killed at any point.

No money moves here: a charge is written down (`payments.charging.request_charge`) and made by `payments.jobs`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, Tx, all_rows, run, value
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import collecting
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.payments import settings
from tallystick.domain.payments.till import Till
from tallystick.domain.subscriptions import jobs as subscriptions
from tallystick.kernel.errors import Unavailable

from . import steps
from .steps import q

log = structlog.get_logger()

CHUNK: Final = 100
"""Customers that commit together."""
REST: Final = timedelta(minutes=5)
"""How long an invoice of which a step failed is left alone, by the machine's clock."""


@dataclass(slots=True)
class Due:
    account: int
    id: UUID
    at: datetime


@dataclass(slots=True)
class _Tenant:
    id: int


async def run_due(till: Till, *, tenant: int | None = None, limit: int = CHUNK) -> int:
    """Charge and remind as of all moments that have come, of one tenant or of all, each by its own time.

    Gives how many steps were taken. Up to ``limit`` customers of a tenant commit together. Done late it charges and
    reminds for the same moments as on time, in order with what falls due of the customer's subscriptions.
    """
    total = 0
    async with till.db.connection() as conn:
        tenants = await all_rows(conn, _Tenant, q.tenants_due, {"tenant": tenant})
    for one in tenants:
        while True:
            async with till.db.tx() as tx:
                done = await run_chunk(tx, till, one.id, limit)
            total += done
            if not done:
                break
    return total


async def run_chunk(tx: Tx, till: Till, tenant: int, limit: int) -> int:
    """Claim what is due and do it, an invoice of each customer; give how many. What fails does not stop the others."""
    now = await identity.now(tx, tenant)
    await run(tx, q.by_index)
    rows = await all_rows(tx, Due, q.claim, {"tenant": tenant, "now": now, "limit": limit})
    if not rows:
        return 0
    # the earliest of each customer: what comes after it may be due before another of theirs
    first: dict[int, Due] = {}
    for row in rows:
        first.setdefault(row.account, row)
    # the locks are held: this reads what they guard
    heads = await ledger.lock(tx, sorted(first))
    policy = await settings.policy(tx, tenant)
    for row in first.values():
        try:
            async with tx.transaction():
                if heads[row.account].status == "closed":
                    await steps.drop(tx, row.account, row.id)
                    continue
                await subscriptions.lead_until(tx, tenant, row.account, row.at, till.rates)
                await steps.step(tx, till, tenant, row.account, row.id, row.at, policy)
        except Unavailable:
            raise
        except Exception:  # a fault of one customer must not stop the others
            log.exception("an invoice could not be collected", invoice=str(row.id), at=str(row.at))
            await collecting.wait(tx, row.account, row.id, REST)
    return len(first)


async def is_due(db: Database, tenant: int) -> bool:
    """Whether an invoice of the tenant's is to be looked at now, locked by somebody else as it may be."""
    async with db.connection() as conn:
        return await value(conn, q.tenants_due, {"tenant": tenant}) is not None
