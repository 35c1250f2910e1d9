"""Checkouts and payments that are over, in our rows; at the gateway the worker closes them afterwards."""

from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run
from tallystick.domain.events.actions import emit
from tallystick.domain.invoicing.model import Invoice

from . import views
from .events import checkout_event
from .merging import Facts, facts_of, merge
from .model import Checkout, Payment
from .views import q

MOST = 500
"""Open checkouts of one invoice that are looked at."""


async def close_ways(tx: Tx, invoice: Invoice, now: datetime) -> None:
    """An invoice needs no money any more: expire its open checkouts and give up what waits for the customer.

    Under the account's head.
    """
    found = await views.checkouts(
        tx, invoice.tenant, account=invoice.account, invoice=invoice.id, status="open", limit=MOST
    )
    for row in found.rows:
        await expire(tx, row, now)
    await run(tx, q.give_up_soon, {"account": invoice.account, "invoice": invoice.id, "now": now})


async def expire(tx: Tx, row: Checkout, now: datetime, *, at_gateway: bool = False) -> None:
    """Expire an open checkout; ``at_gateway``: its page is closed there already.

    What its payment may still bring is worked in when it is seen; for an upgrade at once it is given back. Under the
    account's head.
    """
    row.status, row.ended_at = "expired", now
    row.due_at = None if at_gateway or row.ref is None else now
    if row.at_once:
        # its charge may be on its way: what came of it is seen to by the worker
        await run(tx, q.give_up_charge, {"account": row.account, "id": row.payment, "now": now})
        await save_checkout(tx, row)
        return
    if row.payment is not None:
        payment = await locked_payment(tx, row.tenant, row.account, row.payment)
        if payment is not None and payment.status != "processing":
            after = merge(facts_of(payment), Facts("cancelled", True))
            await write(tx, payment, after, now)
    await save_checkout(tx, row)
    await emit(tx, row.tenant, checkout_event("checkout.expired", row, now))


async def locked_payment(tx: Tx, tenant: int, account: int, payment: UUID) -> Payment | None:
    """A payment of an account whose head the caller holds."""
    return await one_row(tx, Payment, q.payment, {"tenant": tenant, "account": account, "id": payment})


async def write(tx: Tx, row: Payment, after: Facts, now: datetime) -> bool:
    """Give a payment other facts and write it; whether its status is another now."""
    before = facts_of(row)
    row.status, row.ref, row.seen_at = after.status, after.ref or row.ref, after.seen_at
    row.failure_code, row.failure_message = after.failure_code, after.failure_message
    row.action_url = after.action_url
    if after.final and row.ended_at is None:
        row.ended_at = now
    if after.final:
        row.due_at = None
    row.updated_at = max(row.updated_at, now)
    await save_payment(tx, row)
    return before.status != row.status


async def save_payment(tx: Tx, row: Payment) -> None:
    """Write what a payment became."""
    names = (
        "account", "id", "status", "invoice", "method", "amount", "currency", "applied", "to_credit", "to_refund",
        "failure_code", "failure_message", "action_url", "ref", "reference", "ended_at", "updated_at", "seen_at",
        "due_at", "attempts",
    )  # fmt: skip
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    await run(tx, q.save_payment, values)


async def save_checkout(tx: Tx, row: Checkout) -> None:
    """Write what a checkout became."""
    names = ("account", "id", "status", "invoice", "ended_at", "due_at")
    values: dict[str, Any] = {name: getattr(row, name) for name in names}
    await run(tx, q.save_checkout, values)
