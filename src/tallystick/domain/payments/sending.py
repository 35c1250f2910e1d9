"""Sending refunds: a gateway is called outside of any transaction, with the refund's id as the key."""

import asyncio
import time
from dataclasses import dataclass
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Database, all_rows, run, value
from tallystick.domain.identity import views as identity
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, Unavailable

from . import refund_rows, refund_views, settings, views
from .model import Payment, Refund
from .port import GatewayDown, GatewayRefused, RefundAsked, RefundSeen
from .refund_facts import take_refund
from .refund_views import r
from .taking import Named
from .till import Till

log = structlog.get_logger()

AT_ONCE: Final = 4
"""Calls to gateways of a worker and a tenant beside each other: one that is slow holds up no other."""
TURN: Final = 5.0
"""Seconds for which more is begun before the others have their turn again."""


@dataclass(slots=True)
class _Tenant:
    id: int


async def perform(till: Till, account: int, refund: UUID) -> Refund:
    """Bring a pending refund to its gateway, and work in what it says; give the refund as it is then.

    Safe to call again, and at once with itself. When the gateway is down, the refund stays pending and is tried later;
    what it refuses has failed. Of a gateway that cannot send money the refund waits for staff (`complete`).
    """
    tenant = await _tenant_of(till, account)
    async with till.db.connection() as conn:
        row = await refund_views.refund(conn, tenant, refund)
        if row.status != "pending" or row.due_at is None:
            return row
        paid = await views.payment(conn, tenant, row.payment)
    taker = till.gateways.get(row.gateway)
    if taker is None or "staff" in taker.features or "refund" not in taker.features:
        await _run(till, r.by_hand, account=account, id=refund)
    else:
        try:
            seen = await _send(till, row, paid)
            async with till.db.tx() as tx:
                await take_refund(tx, tenant, row.gateway, seen, rates=till.rates, by=SYSTEM)
            if seen.status == "pending":
                await _run(till, r.look_later, account=account, id=refund)
        except GatewayRefused as error:
            await _refused(till, row, str(error))
        except (GatewayDown, Conflict) as error:  # a conflict: the gateway's settings do not work
            why = str(error) or "The gateway did not answer."
            await _run(till, r.try_later, account=account, id=refund, failure=why)
    async with till.db.connection() as conn:
        return await refund_views.refund(conn, tenant, refund)


async def run_due(till: Till, *, tenant: int | None = None, limit: int = 100) -> int:
    """Send what is due, of one tenant or of all, each by its own time; give how many refunds were seen to."""
    total = 0
    async with till.db.connection() as conn:
        tenants = [
            row.id
            for row in await all_rows(conn, _Tenant, r.tenants_due, {"tenant": tenant, "waiting": False})
        ]
    for done in await asyncio.gather(
        *(_of_tenant(till, number, limit) for number in tenants), return_exceptions=True
    ):
        if isinstance(done, BaseException):
            raise done
        total += done
    return total


async def _of_tenant(till: Till, tenant: int, limit: int) -> int:
    """A few at a time, claimed for no longer than they take."""
    done, end = 0, time.monotonic() + TURN
    while done < limit and time.monotonic() < end:
        async with till.db.tx() as tx:
            rows = await all_rows(tx, Named, r.claim, {"tenant": tenant, "limit": AT_ONCE})
        if not rows:
            break
        for result in await asyncio.gather(*(_one(till, row) for row in rows), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        done += len(rows)
    return done


async def is_due(db: Database, tenant: int) -> bool:
    """Whether a refund of the tenant's is due, in somebody else's hands or waiting for a gateway as it may be."""
    async with db.connection() as conn:
        return await value(conn, r.tenants_due, {"tenant": tenant, "waiting": True}) is not None


async def _one(till: Till, row: Named) -> None:
    try:
        await perform(till, row.account, row.id)
    except Unavailable:
        raise
    except Exception:  # a fault of one must not stop the others: its minute passes
        log.exception("a refund was not sent", refund=str(row.id))


async def _send(till: Till, row: Refund, paid: Payment) -> RefundSeen:
    async with till.db.connection() as conn:
        site = await settings.site(conn, till, row.tenant, row.gateway, even_disabled=True)
    taker = till.gateways[row.gateway]
    if row.attempts or row.ref or row.retry_at:
        # a provider forgets keys after a day or so: whether it came through is asked first
        try:
            known = await taker.look_refund(site, row.id, row.ref)
        except GatewayRefused as error:
            # it may have been sent: until that is known it does not fail, lest somebody sends it again
            raise GatewayDown(str(error)) from None
        if known is not None:
            return known
    asked = RefundAsked(row.id, paid.id, paid.ref or "", row.amount, row.currency, row.reason)
    return await taker.refund(site, asked)


async def _refused(till: Till, row: Refund, why: str) -> None:
    async with till.db.tx() as tx:
        await refund_rows.locked(tx, row.tenant, row.account, "refund")
        fresh = await refund_views.refund(tx, row.tenant, row.id)
        if fresh.status == "pending":
            await refund_rows.fail(tx, fresh, await identity.now(tx, row.tenant), why)


async def _run(till: Till, query: str, **values: object) -> None:
    async with till.db.tx() as tx:
        await run(tx, query, values)


async def _tenant_of(till: Till, account: int) -> int:
    async with till.db.connection() as conn:
        found: int = await value(conn, r.tenant_of, {"account": account})
        return found
