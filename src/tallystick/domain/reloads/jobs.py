"""What the worker does for reloads and alerts. Safe to run twice, late, at once with itself, and when it is killed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, Tx, all_rows, run, value
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import watching
from tallystick.domain.ledger.model import Signal
from tallystick.domain.payments import views as payments
from tallystick.domain.payments.till import Till
from tallystick.kernel.errors import Unavailable

from . import events, letters, running, views
from .views import q

log = structlog.get_logger()

_MOVING: Final = ("pending", "processing")


@dataclass(slots=True)
class _Tenant:
    id: int


@dataclass(slots=True)
class _Due:
    account: int
    credit_type: str


@dataclass(slots=True)
class _Flying:
    account: int
    tenant: int
    invoice: UUID


async def run_due(till: Till, *, tenant: int | None = None, limit: int = 100) -> int:
    """Hear of wallets that fell, look at reloads in flight, and begin those that are due: of one tenant, or of all.

    Gives how many of these came on. Moves no money itself: what it begins, `payments.jobs.run_due` charges.
    """
    done = await _hear(till.db, tenant, limit)
    done += await _look(till, tenant, limit)
    async with till.db.connection() as conn:
        tenants = [row.id for row in await all_rows(conn, _Tenant, q.tenants_due, {"tenant": tenant})]
    for number in tenants:
        done += await _begin(till, number, limit)
    return done


async def is_due(db: Database, tenant: int) -> bool:
    """Whether anything of the tenant's can be done: not a reload whose payment is still on its way."""
    async with db.connection() as conn:
        if await watching.signalled(conn, tenant):
            return True
        if await value(conn, q.tenants_due, {"tenant": tenant}) is not None:
            return True
        for row in await all_rows(conn, _Flying, q.to_look, {"tenant": tenant, "limit": 1000}):
            if await _landed(conn, row):
                return True
    return False


async def _hear(db: Database, tenant: int | None, limit: int) -> int:
    """Take the ledger's signals: tell the alerts, and have the settings looked at."""
    async with db.connection() as conn:
        taken = limit if await watching.signalled(conn, tenant) else 0
    total = 0
    while taken == limit:
        async with db.tx() as tx:
            heard = await watching.take_signals(tx, tenant=tenant, most=limit)
            for number, signals in heard:
                for signal in signals:
                    await _told(tx, number, signal)
                    values = {"account": signal.account, "credit_type": signal.credit_type}
                    await run(tx, q.wake, values | {"crossed": signal.crossed, "at": signal.at})
        taken = len({signal.account for _, signals in heard for signal in signals})
        total += sum(len(signals) for _, signals in heard)
    return total


async def _told(tx: Tx, tenant: int, signal: Signal) -> None:
    """Tell the alerts of a signal. A fault of one must not keep the others, nor a purchase, from going on."""
    try:
        async with tx.transaction():
            await _alert(tx, tenant, signal)
    except Exception:  # a fault in telling must not hold up what is bought
        log.exception("an alert could not be told", account=signal.account, credit_type=signal.credit_type)


async def _alert(tx: Tx, tenant: int, signal: Signal) -> None:
    rows = await views.alerts(tx, tenant, signal.account, credit_type=signal.credit_type)
    told = [row for row in rows if row.threshold in signal.crossed]
    if not told:
        return
    await emit(tx, tenant, *[events.low_balance(row, signal.available, signal.at) for row in told])
    await letters.low(tx, told, signal.available, signal.at)
    ids = [row.id for row in told]
    await run(tx, q.alerts_told, {"account": signal.account, "ids": ids, "at": signal.at})


async def _look(till: Till, tenant: int | None, limit: int) -> int:
    async with till.db.connection() as conn:
        rows = await all_rows(conn, _Flying, q.to_look, {"tenant": tenant, "limit": limit})
        # an explicit tenant's are looked at without waiting: only what has landed is worth a lock
        if tenant is not None:
            rows = [row for row in rows if await _landed(conn, row)]
    done = 0
    for row in rows:
        again = (q.look_later, {"account": row.account, "invoice": row.invoice})
        done += await _guarded(till, row.tenant, row.account, _looking(row, till), again)
    return done


async def _landed(conn: Tx, row: _Flying) -> bool:
    found = await views.reload(conn, row.tenant, row.invoice)
    if found.status != "in_flight" or found.payment is None:
        return False
    return (await payments.payment(conn, row.tenant, found.payment)).status not in _MOVING


async def _begin(till: Till, tenant: int, limit: int) -> int:
    async with till.db.connection() as conn:
        now = await identity.now(conn, tenant)
        rows = await all_rows(conn, _Due, q.due, {"tenant": tenant, "now": now, "limit": limit})
    done = 0
    for row in rows:
        again = (q.note_failure, {"account": row.account, "credit_type": row.credit_type})
        done += await _guarded(till, tenant, row.account, _beginning(tenant, row, till), again)
    return done


Act = Callable[[Tx], Awaitable[bool]]


async def _guarded(
    till: Till, tenant: int, account: int, act: Act, again: tuple[str, dict[str, Any]]
) -> bool:
    """Act in a transaction that holds the account's head; one that somebody else holds is left for later.

    What fails is left as it was, to be tried ``again`` later, and does not stop the others.
    """
    try:
        async with till.db.tx() as tx:
            if await value(tx, q.lock_free, {"tenant": tenant, "account": account}) is None:
                return False
            return await act(tx)
    except Unavailable:
        raise
    except Exception:  # a fault of one customer must not stop the others
        log.exception("a reload's step failed", account=account)
        async with till.db.tx() as tx:
            await run(tx, *again)
        return False


def _beginning(tenant: int, due: _Due, till: Till) -> Act:
    async def act(tx: Tx) -> bool:
        # read again: what was seen before the lock may be over
        now = await identity.now(tx, tenant)
        row = await views.find(tx, tenant, due.account, due.credit_type)
        if row is None or row.due_at is None or row.due_at > now:
            return False
        head = (await ledger.lock(tx, [due.account]))[due.account]
        await running.begin(tx, head, row, till=till, now=now)
        return True

    return act


def _looking(flying: _Flying, till: Till) -> Act:
    async def act(tx: Tx) -> bool:
        row = await views.reload(tx, flying.tenant, flying.invoice)
        if row.status != "in_flight":
            return False
        return await running.look(tx, row, till=till)

    return act
