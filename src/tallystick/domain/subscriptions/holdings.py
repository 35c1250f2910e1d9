"""What an account holds that entitles it: its subscriptions as of now, and their running allowances."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

import msgspec
import structlog

from tallystick.db import arrays
from tallystick.db.pool import AWAY, Database, Tx, all_rows, ask
from tallystick.db.sql import Queries
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger.model import Head
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Unavailable

from .renewal import catch_up
from .work import open_work, save

log = structlog.get_logger()

q: Final = Queries("tallystick.domain.subscriptions", "entitlements.sql")


@dataclass(slots=True)
class Held:
    """A subscription that is not over. ``due``: the worker has not done yet what has fallen due of it."""

    id: UUID
    status: str
    terms: Terms
    due: bool

    def __post_init__(self) -> None:
        self.terms = msgspec.convert(self.terms, Terms)


@dataclass(slots=True)
class Running:
    """The running period of an allowance: ``allocated`` microcredits, granted or rolled into it."""

    credit_type: str
    allocated: int
    period_start: datetime
    period_end: datetime | None


async def held(conn: Tx, head: Head) -> list[Held]:
    """The account's subscriptions with what had fallen due of them done first: no answer waits for the worker.

    Writes where something is due, in a transaction of its own unless the caller has one. Raises Unavailable.
    """
    now = await identity.now(conn, head.tenant)
    values = {"account": head.account, "now": now}
    found = await all_rows(conn, Held, q.held, values)
    if not any(one.due for one in found):
        return found
    for one in found:
        await _catch_up(conn, head.tenant, head.account, one.id, now)
    return await all_rows(conn, Held, q.held, values)


async def fallen_due(conn: Tx, accounts: Collection[int]) -> set[int]:
    """The ledger's port: those of the accounts of which a step is due by their tenants' time."""
    found = await ask(conn, q.fallen_due, {"accounts": arrays.int8s(sorted(accounts))})
    return {account for (account,) in await found.fetchall()}


async def lead_on(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
    """Do what has fallen due of the accounts' subscriptions; give the accounts of which anything had just now.

    That somebody else has done it within the minute counts too. Each in a transaction of its own. Raises Unavailable.
    """
    async with db.connection() as conn:
        now = await identity.now(conn, tenant)
        values = {"tenant": tenant, "accounts": sorted(accounts), "now": now}
        due = await all_rows(conn, _Due, q.due_of, values)
        for one in due:
            if one.due:
                await _catch_up(conn, tenant, one.account, one.id, now)
    return {one.account for one in due}


@dataclass(slots=True)
class _Due:
    account: int
    id: UUID
    due: bool | None


async def _catch_up(conn: Tx, tenant: int, account: int, subscription: UUID, now: datetime) -> None:
    try:
        async with conn.transaction():
            work = await open_work(conn, tenant, account, subscription, rates=rates_in_force, by=SYSTEM)
            await catch_up(work, now)
            await save(work)
    except (Unavailable, *AWAY):
        raise
    except Exception:  # the worker will find it too, and try again: until then it is as it was
        log.exception("a subscription's step failed", subscription=str(subscription))


async def running(conn: Tx, account: int) -> dict[str, Running]:
    """The allowances that run, by credit type. That the account is the tenant's, the caller has checked."""
    rows = await all_rows(conn, Running, q.allowances, {"account": account})
    return {row.credit_type: row for row in rows}
