"""What the worker does for subscriptions. Safe to run twice, late, at once with itself, and killed at any point."""

import asyncio
from copy import copy
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, Tx, all_rows, run, value
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Desk, Invoice
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.model import Head
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Unavailable

from .renewal import catch_up
from .statements import q
from .work import Work, open_work, save

log = structlog.get_logger()

CHUNK: Final = 100
"""Customers that commit together."""
TICK: Final = timedelta(microseconds=1)
"""The least span of time."""
AT_ONCE: Final = 2
"""Transactions of a worker beside each other: one reckons while the database answers the other."""


@dataclass(slots=True)
class Due:
    account: int
    id: UUID
    due_at: datetime


@dataclass(slots=True)
class _Tenant:
    id: int


async def run_due(
    db: Database,
    rates: Rates,
    *,
    tenant: int | None = None,
    limit: int = CHUNK,
    at_once: int = 1,
    in_order: bool = False,
) -> int:
    """Do all that is due, of one tenant or of all, each by its own time; give how many subscriptions were led on.

    Up to ``limit`` customers of a tenant commit together, and ``at_once`` such transactions run beside each other
    where one is not enough. Done late it does exactly what it would have on time. With ``in_order`` it leaves those
    whose invoices are to be charged or reminded of first (`domain.dunning`), unless a payment is under way.
    """
    total = 0
    async with db.connection() as conn:
        tenants = [row.id for row in await all_rows(conn, _Tenant, q.tenants_due, {"tenant": tenant})]
    for number in tenants:
        claimed, done = await _chunk(db, number, rates, limit, in_order)
        total += done
        if claimed:
            loops = at_once if claimed == limit else 1
            results = await asyncio.gather(
                *(_run_all(db, number, rates, limit, in_order) for _ in range(loops)), return_exceptions=True
            )
            for result in results:
                if isinstance(result, BaseException):
                    raise result
                total += result
    return total


async def _run_all(db: Database, tenant: int, rates: Rates, limit: int, in_order: bool) -> int:
    total, claimed = 0, 1
    while claimed:
        claimed, done = await _chunk(db, tenant, rates, limit, in_order)
        total += done
    return total


async def _chunk(db: Database, tenant: int, rates: Rates, limit: int, in_order: bool) -> tuple[int, int]:
    async with db.tx() as tx:
        return await run_chunk(tx, tenant, rates, limit, in_order=in_order)


async def run_chunk(
    tx: Tx, tenant: int, rates: Rates, limit: int, *, in_order: bool = False
) -> tuple[int, int]:
    """Claim what is due and do it, in order; give how many were claimed and how many of them led on.

    What fails is left as it was, to be tried again later, and does not stop the others. The chunk stops before
    what is later than something that a row already led on is due for next: nothing runs before what fell due
    earlier.
    """
    now = await identity.now(tx, tenant)
    values = {"tenant": tenant, "now": now, "limit": limit, "in_order": in_order}
    await run(tx, q.by_index)
    rows = await all_rows(tx, Due, q.claim, values)
    if not rows:
        return 0, 0
    # the locks are held: this reads what they guard
    heads = await ledger.lock(tx, [row.account for row in rows])
    desk = await invoices.desk(tx, tenant)
    issued: list[Invoice] = []
    told: list[Event] = []
    next_up: datetime | None = None
    done = 0
    for row in rows:
        if next_up is not None and next_up < row.due_at:
            break
        work = await _one(tx, tenant, row, heads, desk, rates, now)
        done += 1
        if work is None:
            continue
        told += work.events
        issued += work.invoices
        next_of = work.subscription.due_at
        if next_of is not None and next_of <= now:
            next_up = next_of if next_up is None else min(next_up, next_of)
    await events.emit(tx, tenant, *told)
    if issued:
        await invoicing.give_numbers(tx, tenant, issued)
    return len(rows), done


async def _one(
    tx: Tx, tenant: int, row: Due, heads: dict[int, Head], desk: Desk, rates: Rates, now: datetime
) -> Work | None:
    """Lead one subscription on by what is due first; give what was made of it, None when it failed."""
    try:
        async with tx.transaction():
            work = await open_work(
                tx, tenant, row.account, row.id, rates=rates, by=SYSTEM,
                heads={row.account: copy(heads[row.account])}, desk=desk, number_now=False,
            )  # fmt: skip
            if await catch_up(work, row.due_at):
                await save(work)
            heads[row.account] = work.heads[row.account]
            return work
    except Unavailable:
        raise
    except Exception:  # a fault of one customer must not stop the others
        log.exception("a subscription's step failed", subscription=str(row.id), due_at=str(row.due_at))
        await run(tx, q.note_failure, {"account": row.account, "id": row.id})
        return None


async def lead_until(tx: Tx, tenant: int, account: int, before: datetime, rates: Rates) -> None:
    """Do what falls due of an account's subscriptions before a moment. The caller holds its head.

    Numbers the invoices it issues as the last thing: commit soon.
    """
    values = {"tenant": tenant, "account": account, "before": before}
    rows = await all_rows(tx, Due, q.due_before, values)
    for row in rows:
        work = await open_work(tx, tenant, account, row.id, rates=rates, by=SYSTEM)
        if await catch_up(work, before - TICK):
            await save(work)


async def is_due(db: Database, tenant: int) -> bool:
    """Whether anything of the tenant's is due, in order, locked by somebody else or failed as it may be."""
    async with db.connection() as conn:
        now = await identity.now(conn, tenant)
        due: bool = await value(conn, q.anything_due, {"tenant": tenant, "now": now, "in_order": True})
        return due
