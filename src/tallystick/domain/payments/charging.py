"""Charging a saved way to pay. The row is written before money moves, so that a crash charges once and loses nothing.

    async with db.tx() as tx:
        row = await request_charge(tx, ...)     # commit 1: what is to happen, and its idempotency key
    row = await perform(till, account, row.id)  # the network, then commit 2: what came of it

Whatever dies in between is taken up by the worker (`jobs.run_due`): it looks, and charges again with the same key.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

import structlog

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice, state_conflict
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import owned_uuid, owner_of, typeid

from . import closing, customers, methods, receiving, settings, settling, views
from .merging import Facts
from .model import AUTOMATIC, Cause, Method, Payment
from .port import ChargeAsked, GatewayDown, GatewayRefused, Seen
from .till import Till
from .views import q

log = structlog.get_logger()

_Step = Callable[[Till, Payment], Awaitable[list[Seen]]]
"""What is asked of the gateway."""

LEASE: Final = timedelta(seconds=30)
"""How long who works on a row has it alone, by the machine's clock: longer than a gateway is waited for."""
FIRST: Final = timedelta(seconds=5)
"""How long the worker leaves a charge to the request that asked for it."""
UNHEARD: Final = 7
"""How often a charge whose answer was lost is looked for before it is taken for one that was never made: for some
minutes, since a provider's search may be a minute behind."""
WORST: Final = timedelta(hours=1)
"""The longest pause after a gateway was down."""


async def request_charge(
    tx: Tx,
    tenant: int,
    account: int,
    *,
    invoice: UUID,
    method: UUID | None = None,
    cause: Cause,
    wanted_at: datetime | None = None,
    by: str,
) -> Payment:
    """Write down that an invoice is to be charged whole, to the standard way to pay unless one is named.

    ``wanted_at`` is the tenant's moment for which it counts, by default now. Locks the account's head. Raises NotFound,
    Conflict("invoice_state"), Conflict("payment_in_flight"), Conflict("no_payment_method").
    """
    try:
        await methods.lock(tx, tenant, account)
    except NotFound:
        raise NotFound("invoice") from None
    bill = await invoices.invoice(tx, tenant, invoice)
    if bill.account != account:
        raise NotFound("invoice")
    if not payable(bill):
        raise state_conflict(bill.status)
    under_way = await views.under_way(tx, account, invoice)
    if under_way:
        raise Conflict(
            "payment_in_flight", "A payment of the invoice is under way.", payment=typeid("pay", under_way[0].id)
        )  # fmt: skip
    payer = await _method(tx, tenant, account, method)
    now = await identity.now(tx, tenant)
    id = owned_uuid(account)
    values = {"account": account, "id": id, "tenant": tenant, "gateway": payer.gateway}
    values |= {
        "cause": cause,
        "invoice": invoice,
        "checkout": None,
        "method": payer.id,
        "ref": None,
        "by": by,
    }
    values |= {"amount": bill.remaining, "currency": bill.currency, "wanted_at": wanted_at or now}
    values |= {
        "due_at": now,
        "now": await _made_at(tx, tenant, cause, wanted_at, now),
        "first": FIRST if cause == "request" else None,
    }
    await run(tx, q.insert_payment, values)
    return await views.payment(tx, tenant, id)


async def _made_at(tx: Tx, tenant: int, cause: Cause, wanted_at: datetime | None, now: datetime) -> datetime:
    """On a test clock that was moved, what goes by itself happens at the moment for which it is wanted."""
    ahead: timedelta = await value(tx, q.ahead, {"tenant": tenant})
    return wanted_at if cause in AUTOMATIC and ahead and wanted_at is not None and wanted_at < now else now


def payable(bill: Invoice) -> bool:
    """Whether an invoice needs money."""
    return bill.status in ("open", "uncollectible") and bill.remaining > 0


async def _method(tx: Tx, tenant: int, account: int, method: UUID | None) -> Method:
    row = await views.standard_of(tx, account) if method is None else await views.method(tx, tenant, method)
    if row is None or row.removed_at is not None:
        raise Conflict("no_payment_method", "The customer has no such way to pay saved.")
    if row.account != account:
        raise NotFound("payment method")
    return row


async def perform(till: Till, account: int, payment: UUID) -> Payment:
    """Bring a payment on at its gateway: charge it, look what became of it, or take it back. Safe at any time.

    Opens its own transactions, and none while it waits for the network. What the gateway does not answer stays as it is
    and is tried again by the worker. Raises NotFound, Unavailable when the database is away.
    """
    return (await attempt(till, account, payment))[0]


async def attempt(till: Till, account: int, payment: UUID) -> tuple[Payment, bool]:
    """As `perform`, and whether there is nobody else at it."""
    tenant = await _tenant(till, payment)
    row, step, leased = await _claim(till, tenant, account, payment)
    if step is None:
        return row, not leased
    return await _asked(till, row, step), True


async def _asked(till: Till, row: Payment, step: _Step) -> Payment:
    tenant, account, payment = row.tenant, row.account, row.id
    try:
        seen = await step(till, row)
    except GatewayDown as error:
        log.warning("a gateway does not answer", gateway=row.gateway, payment=str(payment), reason=str(error))
        async with till.db.tx() as tx:
            values = {"account": account, "id": payment, "pause": pause_after(row.attempts)}
            await run(tx, q.retry_payment, values)
            return await views.payment(tx, tenant, payment)
    except (GatewayRefused, Conflict) as error:
        return await _refused(till, row, str(error), asked=step is _charge)
    async with till.db.tx() as tx:
        await settling.take(tx, till, tenant, row.gateway, seen, by=SYSTEM)
        await _look_again(tx, tenant, account, payment, taken_back=step is _cancel)
        return await views.payment(tx, tenant, payment)


def pause_after(attempts: int) -> timedelta:
    """How long to leave a gateway alone that was down so many times: 2, 4, 8 seconds, at most an hour."""
    return min(timedelta(seconds=2 ** min(attempts + 1, 12)), WORST)


async def _claim(till: Till, tenant: int, account: int, payment: UUID) -> tuple[Payment, _Step | None, bool]:
    """What is to be done with it, leased; None when that is nothing, or somebody does it already: True then."""
    async with till.db.tx() as tx:
        await methods.lock(tx, tenant, account)
        row = await views.payment(tx, tenant, payment)
        step = await _step(tx, row)
        leased = step is not None and await _leased(tx, row)
        if step is None or leased:
            return row, None, leased
        await run(tx, q.lease_payment, {"account": account, "id": payment, "lease": LEASE})
    return row, step, False


async def _leased(tx: Tx, row: Payment) -> bool:
    """Whether somebody else is at it. Its first try is whoever's comes first."""
    if row.retry_at is None or row.attempts == 0:
        return False
    moment: datetime = await value(tx, q.machine_time)
    return row.retry_at > moment


async def _step(tx: Tx, row: Payment) -> _Step | None:
    """What is asked of the gateway next, if anything. Under the lock."""
    if row.status == "processing":
        return _look
    if row.status == "requires_action":
        now = await identity.now(tx, row.tenant)
        given_up = (row.due_at is not None and row.due_at <= now) or not await _needed(tx, row)
        return _cancel if given_up else _look
    if row.status != "pending" or row.cause == "checkout":
        return None  # over; or its page brings it on
    if row.attempts:
        return _charge if await _needed(tx, row) else _cancel
    return _charge if await _fitted(tx, row) else None


async def _needed(tx: Tx, row: Payment) -> bool:
    """Whether its invoice still needs money; of a plan there is none yet, but an upgrade may have been given up."""
    if row.invoice is not None:
        return payable(await invoices.invoice(tx, row.tenant, row.invoice))
    if row.cause != "request" or row.checkout is None:
        return True
    return (await views.checkout(tx, row.tenant, row.checkout)).status == "open"


async def _fitted(tx: Tx, row: Payment) -> bool:
    """Before anything is asked of anybody: not more than is due by now, and nothing at all where nothing is."""
    now = await identity.now(tx, row.tenant)
    if not await _needed(tx, row):
        await closing.write(tx, row, Facts("cancelled", True, seen_at=now), now)
        return False
    if row.invoice is None:
        return True
    bill = await invoices.invoice(tx, row.tenant, row.invoice)
    if bill.remaining < row.amount:
        row.amount = bill.remaining
        await closing.save_payment(tx, row)
    return True


async def _charge(till: Till, row: Payment) -> list[Seen]:
    if row.attempts or row.ref is not None:
        seen = await _known(till, row)
        if seen:
            return seen
    site, who = await customers.customer(till, row.tenant, row.account, row.gateway)
    gateway = till.gateways[row.gateway]
    async with till.db.connection() as conn:
        assert row.method is not None
        payer = await views.method(conn, row.tenant, row.method)
        what = await _what(conn, row)
    asked = ChargeAsked(row.id, who, payer.ref, row.amount, row.currency, what)
    return [await gateway.charge(site, asked)]


async def _what(conn: Tx, row: Payment) -> str:
    """What the customer's bank is told it is for."""
    if row.invoice is None:
        return "Upgrade of the plan"
    return f"Invoice {(await invoices.invoice(conn, row.tenant, row.invoice)).number}"


async def _known(till: Till, row: Payment) -> list[Seen]:
    """What became of a charge whose answer nobody heard. Raises GatewayDown where the gateway refuses to tell: it may
    have been charged, so until that is known it neither fails nor is charged again."""
    try:
        return await _look(till, row)
    except (GatewayRefused, Conflict) as error:
        raise GatewayDown(str(error)) from None


async def _look(till: Till, row: Payment) -> list[Seen]:
    async with till.db.connection() as conn:
        site = await settings.site(conn, till, row.tenant, row.gateway, even_disabled=True)
    return list(await till.gateways[row.gateway].look_payment(site, row.id, row.ref))


async def _cancel(till: Till, row: Payment) -> list[Seen]:
    """Take it back; what it came to meanwhile counts. One that the provider never heard of is not made any more."""
    async with till.db.connection() as conn:
        site = await settings.site(conn, till, row.tenant, row.gateway, even_disabled=True)
    gateway = till.gateways[row.gateway]
    ref = row.ref
    if ref is None:
        seen = await _known(till, row)
        refs = [one.ref for one in seen if getattr(one, "payment", None) == row.id]
        if not refs:
            return []
        ref = refs[0]
    return [await gateway.cancel_payment(site, row.id, ref)]


async def _look_again(tx: Tx, tenant: int, account: int, payment: UUID, *, taken_back: bool) -> None:
    """What the gateway told nothing new of is looked at again later, or is over."""
    await methods.lock(tx, tenant, account)
    row = await views.payment(tx, tenant, payment)
    now = await identity.now(tx, tenant)
    if row.ended_at is not None or row.due_at is None or row.due_at > now:
        return
    if row.status == "pending" and row.ref is None and taken_back:
        if row.attempts < UNHEARD:
            values = {"account": account, "id": payment, "pause": pause_after(row.attempts)}
            await run(tx, q.retry_payment, values)
            return
        await closing.write(tx, row, Facts("cancelled", True, seen_at=now), now)
    elif row.status in ("pending", "processing", "requires_action"):
        pause = min(receiving.SELDOM, receiving.LOOK * 2 ** min(row.attempts, 10))
        await run(tx, q.delay_payment, {"account": account, "id": payment, "due_at": now + pause})


async def _refused(till: Till, row: Payment, why: str, *, asked: bool) -> Payment:
    """The gateway refuses the call itself, which trying again does not mend: the charge that was ``asked`` for failed.

    Money that may be on its way already is looked at again later.
    """
    async with till.db.tx() as tx:
        await methods.lock(tx, row.tenant, row.account)
        fresh = await views.payment(tx, row.tenant, row.id)
        if asked and fresh.status in ("pending", "requires_action"):
            now = await identity.now(tx, row.tenant)
            refused = Facts(
                "failed", True, fresh.ref, failure_code="gateway_refused", failure_message=why, seen_at=now
            )
            await receiving.learn(tx, till, fresh, refused, fresh.currency, by=SYSTEM)
        else:
            later = await identity.now(tx, row.tenant) + receiving.SELDOM
            await run(tx, q.delay_payment, {"account": row.account, "id": row.id, "due_at": later})
        return await views.payment(tx, row.tenant, row.id)


async def _tenant(till: Till, payment: UUID) -> int:
    async with till.db.connection() as conn:
        found: int | None = await value(
            conn, q.tenant_of_payment, {"account": owner_of(payment), "id": payment}
        )
    if found is None:
        raise NotFound("payment")
    return found
