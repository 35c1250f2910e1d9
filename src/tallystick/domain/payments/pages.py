"""The gateway's side of checkouts: opening a page, looking at it, closing it. The network is never in a transaction."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Tx, run, value
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import owner_of, typeid

from . import charging, completing, customers, methods, settings, settling, views
from .model import Checkout
from .port import CheckoutAsked, GatewayDown, GatewayRefused
from .till import Till
from .views import q

log = structlog.get_logger()

LOOK: Final = timedelta(seconds=30)
"""When an open page is looked at first, for notices may be lost; then each time twice as late."""
SELDOM: Final = timedelta(hours=6)
"""How late at most."""


def own_page(till: Till, checkout: UUID) -> str:
    """The address of our own page of a checkout. It is a credential by itself."""
    named = typeid("co", checkout)
    return f"{till.public_url}/pay/{named}/{token(till, checkout)}"


def token(till: Till, checkout: UUID) -> str:
    return till.vault.token("checkout", typeid("co", checkout))


async def finished(tx: Tx, till: Till, row: Checkout) -> None:
    """One that was done at once has our own page, which says so."""
    row.url = own_page(till, row.id)
    values = {"account": row.account, "id": row.id, "ref": None, "url": row.url, "due_at": None}
    await run(tx, q.page_opened, values)


async def open_page(till: Till, row: Checkout) -> Checkout:
    """Open a checkout's page and keep where it is; again it is the same page. Raises GatewayDown, GatewayRefused."""
    try:
        site, who = await customers.customer(till, row.tenant, row.account, row.gateway)
    except Conflict as fact:
        raise GatewayRefused(fact.message) from None
    async with till.db.connection() as conn:
        described = await _described(conn, row)
    asked = CheckoutAsked(
        checkout=row.id, payment=row.payment, customer=who, amount=row.amount, currency=row.currency,
        description=described, save_method=row.save_method, success_url=row.success_url, cancel_url=row.cancel_url,
        expires_at=row.expires_at, token=token(till, row.id),
    )  # fmt: skip
    made = await till.gateways[row.gateway].open_checkout(site, asked)
    async with till.db.tx() as tx:
        await methods.lock(tx, row.tenant, row.account)
        now = await identity.now(tx, row.tenant)
        values = {"account": row.account, "id": row.id, "ref": made.ref, "url": made.url}
        await run(tx, q.page_opened, values | {"due_at": _next_look(row, now, 0)})
        fresh = await views.checkout(tx, row.tenant, row.id)
        if fresh.status == "expired":  # meanwhile: the worker closes what was opened
            await run(tx, q.delay_checkout, {"account": row.account, "id": row.id, "due_at": now})
        return fresh


async def close_page(till: Till, row: Checkout) -> bool:
    """Take a page away and work in what it came to; False when the gateway did not answer or would not."""
    try:
        async with till.db.connection() as conn:
            site = await settings.site(conn, till, row.tenant, row.gateway, even_disabled=True)
        assert row.ref is not None
        seen = await till.gateways[row.gateway].close_checkout(site, row.ref)
    except (GatewayDown, GatewayRefused, Conflict) as error:
        log.warning("a page was not closed", gateway=row.gateway, checkout=str(row.id), reason=str(error))
        return False
    async with till.db.tx() as tx:
        await settling.take(tx, till, row.tenant, row.gateway, seen, by=SYSTEM)
    return True


async def lead_on(till: Till, account: int, checkout: UUID) -> None:
    """The worker's step: look what became of an open page; expire it when its time is over; close one that is expired.

    Opens its own transactions, and none while it waits for the network. Safe at any time, and at once with itself.
    """
    claimed = await _claim(till, account, checkout)
    if claimed is None:
        return
    row, now = claimed
    if row.status == "expired":
        done = row.ref is None or await close_page(till, row)
        await _put_off(till, row, None if done else now)
    elif row.expires_at <= now:
        await _end(till, row)
    elif row.ref is None:
        # its page was never opened, or nobody heard of it: who asked may ask again
        await _put_off(till, row, row.expires_at)
    else:
        await _look(till, row)


async def _claim(till: Till, account: int, checkout: UUID) -> tuple[Checkout, datetime] | None:
    tenant = await _tenant(till, checkout)
    async with till.db.tx() as tx:
        await methods.lock(tx, tenant, account)
        row = await views.checkout(tx, tenant, checkout)
        now = await identity.now(tx, tenant)
        moment: datetime = await value(tx, q.machine_time)
        if row.due_at is None or row.due_at > now or (row.retry_at is not None and row.retry_at > moment):
            return None
        await run(tx, q.lease_checkout, {"account": account, "id": checkout, "lease": charging.LEASE})
    return replace(row, attempts=row.attempts + 1), now


async def _look(till: Till, row: Checkout) -> None:
    assert row.ref is not None
    try:
        async with till.db.connection() as conn:
            site = await settings.site(conn, till, row.tenant, row.gateway, even_disabled=True)
        seen = await till.gateways[row.gateway].look_checkout(site, row.ref)
    except (GatewayDown, GatewayRefused, Conflict) as error:
        log.warning("a page was not seen", gateway=row.gateway, checkout=str(row.id), reason=str(error))
        await _retry(till, row)
        return
    async with till.db.tx() as tx:
        await settling.take(tx, till, row.tenant, row.gateway, seen, by=SYSTEM)
        await methods.lock(tx, row.tenant, row.account)
        fresh = await views.checkout(tx, row.tenant, row.id)
        if fresh.status != "open":
            return
        now = await identity.now(tx, row.tenant)
        if await _pointless(tx, fresh):
            await completing.lapse(tx, fresh, now, rates=till.rates)
        else:
            values = {"account": row.account, "id": row.id, "due_at": _next_look(row, now, row.attempts)}
            await run(tx, q.delay_checkout, values)


async def _end(till: Till, row: Checkout) -> None:
    """The page's time is over: closed at the gateway first, so that nothing is paid on it that we would not know of."""
    if row.ref is not None and not await close_page(till, row):
        await _retry(till, row)
        return
    async with till.db.tx() as tx:
        await methods.lock(tx, row.tenant, row.account)
        fresh = await views.checkout(tx, row.tenant, row.id)
        if fresh.status != "open":
            return
        now = await identity.now(tx, row.tenant)
        if await under_way(tx, fresh):
            await run(tx, q.delay_checkout, {"account": row.account, "id": row.id, "due_at": now + SELDOM})
        else:
            await completing.lapse(tx, fresh, now, rates=till.rates, at_gateway=True)


async def _pointless(tx: Tx, row: Checkout) -> bool:
    """Whether its invoice needs no money any more, by what became of its subscription."""
    if row.invoice is None or row.kind != "invoice":
        return False
    return not charging.payable(await invoices.invoice(tx, row.tenant, row.invoice))


async def under_way(tx: Tx, row: Checkout) -> bool:
    """Whether the customer has sent money off on the page that has not come yet."""
    if row.payment is None:
        return False
    return (await views.payment(tx, row.tenant, row.payment)).status == "processing"


async def _put_off(till: Till, row: Checkout, due_at: datetime | None) -> None:
    if row.status == "expired" and due_at is not None:
        await _retry(till, row)
        return
    async with till.db.tx() as tx:
        await run(tx, q.delay_checkout, {"account": row.account, "id": row.id, "due_at": due_at})


async def _retry(till: Till, row: Checkout) -> None:
    async with till.db.tx() as tx:
        values = {"account": row.account, "id": row.id, "pause": charging.pause_after(row.attempts)}
        await run(tx, q.retry_checkout, values)


def _next_look(row: Checkout, now: datetime, looked: int) -> datetime:
    pause: timedelta = min(SELDOM, LOOK * 2 ** min(looked, 12))
    return min(now + pause, max(row.expires_at, now))


async def _described(conn: Tx, row: Checkout) -> str:
    """What the customer reads of what they pay."""
    if row.invoice is not None:
        bill = await invoices.invoice(conn, row.tenant, row.invoice)
        if bill.reason == "purchase" and bill.lines:
            return bill.lines[0].description
        return f"Invoice {bill.number}"
    if row.intent is not None:
        return (await catalog.plan(conn, row.tenant, UUID(row.intent["plan"]))).name
    return "A way to pay"


async def _tenant(till: Till, checkout: UUID) -> int:
    async with till.db.connection() as conn:
        found: int | None = await value(
            conn, q.tenant_of_checkout, {"account": owner_of(checkout), "id": checkout}
        )
    if found is None:
        raise NotFound("checkout")
    return found
