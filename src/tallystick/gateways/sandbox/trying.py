"""What a card does at the sandbox, written to its rows in the caller's transaction. Times are the tenant's."""

from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, run
from tallystick.db.sql import Queries
from tallystick.domain.payments.port import Seen
from tallystick.kernel.ids import uuid7

from .cards import DECLINES, Card, card_of
from .model import Charge, Dispute, Page, Refund, dispute_seen, payment_seen, refund_seen

q: Final = Queries("tallystick.gateways.sandbox")

LATER: Final = timedelta(seconds=60)
EVIDENCE: Final = timedelta(days=7)


async def lock_page(tx: Tx, tenant: int, checkout: UUID, now: datetime) -> Page | None:
    """The page, locked, and expired if its time is over."""
    page = await one_row(tx, Page, q.lock_checkout, {"tenant": tenant, "checkout": checkout})
    if page is not None and page.status in ("open", "step") and page.expires_at <= now:
        await expire(tx, page, now)
    return page


async def lock_charge(tx: Tx, tenant: int, payment: UUID, now: datetime) -> Charge | None:
    """The payment, locked, and succeeded if its time has come."""
    row = await one_row(tx, Charge, q.lock_payment, {"tenant": tenant, "payment": payment})
    if (
        row is not None
        and row.succeeds_at is not None
        and row.status == "processing"
        and row.succeeds_at <= now
    ):
        row.status, row.final, row.updated_at = "succeeded", True, row.succeeds_at
        await save_charge(tx, row, row.succeeds_at)
    return row


async def try_page(tx: Tx, page: Page, card: Card, keep: bool, now: datetime) -> None:
    """Pay on an open page, or save a card where nothing is paid. A decline leaves the page open for another."""
    page.card, page.keep_card = card.last4, keep or not page.amount
    page.failure_code = page.failure_message = None
    if card.outcome == "declines":
        await _decline_page(tx, page, card.failure, now)
    elif card.outcome == "step":
        page.status = "step"
        await _save_page_charge(tx, page, "requires_action", now)
    else:
        await complete(tx, page, card, now)
    await save_page(tx, page)


async def answer_page(tx: Tx, page: Page, approve: bool, now: datetime) -> None:
    """The further step of a page, taken or refused; refused, it is open for another try."""
    assert page.card is not None
    if approve:
        await complete(tx, page, card_of(page.card), now)
    else:
        page.status = "open"
        await _decline_page(tx, page, "authentication_failed", now)
    await save_page(tx, page)


async def complete(tx: Tx, page: Page, card: Card, now: datetime) -> None:
    if page.keep_card:
        page.method_id = uuid7()
        values = {"method": page.method_id, "customer": page.customer_ref, "card": card.last4, "now": now}
        await run(tx, q.insert_method, {"tenant": page.tenant_id, **values})
    page.status = "completed"
    await _save_page_charge(tx, page, "processing" if card.outcome == "later" else "succeeded", now)
    if card.disputed and page.payment_id is not None:
        values = {"payment": page.payment_id, "amount": page.amount, "currency": page.currency, "now": now}
        values |= {"tenant": page.tenant_id, "evidence_due_at": now + EVIDENCE}
        await run(tx, q.insert_dispute, values)


async def expire(tx: Tx, page: Page, now: datetime) -> None:
    """Nothing is paid on the page any more; a try that was declined or waits is over."""
    page.status = "expired"
    await save_page(tx, page)
    if page.payment_id is not None:
        row = await lock_charge(tx, page.tenant_id, page.payment_id, now)
        if row is not None and row.status in ("requires_action", "failed"):
            row.status = "cancelled" if row.status == "requires_action" else "failed"
            row.final, row.updated_at = True, now
            await save_charge(tx, row, now)


async def charge(tx: Tx, row: Charge, card: Card, now: datetime) -> int:
    """Charge a saved card without the customer. ``row`` is new, and filled in with what comes of it.

    0 when a payment of its id was there before: then ``row`` is nothing.
    """
    row.final = card.charged in ("declines", "succeeds")
    if card.charged == "declines":
        row.status, row.failure_code = "failed", card.failure
        row.failure_message = DECLINES[card.failure]
    elif card.charged == "step":
        row.status = "requires_action"
    elif card.charged == "later":
        row.status, row.succeeds_at = "processing", now + LATER
    else:
        row.status = "succeeded"
    return await _insert_charge(tx, row, now)


async def answer_charge(tx: Tx, row: Charge, approve: bool, now: datetime) -> None:
    """The further step of a charge, taken or refused: refused, the charge has failed."""
    row.final = True
    if approve:
        row.status = "succeeded"
    else:
        row.status, row.failure_code = "failed", "authentication_failed"
        row.failure_message = DECLINES["authentication_failed"]
    row.updated_at = now
    await save_charge(tx, row, now)


async def after(tx: Tx, row: Charge) -> list[Seen]:
    """The refunds and the dispute of a payment."""
    values = {"tenant": row.tenant_id, "payment": row.payment_id}
    seen: list[Seen] = [refund_seen(one) for one in await all_rows(tx, Refund, q.refunds_of, values)]
    seen += [dispute_seen(one) for one in await all_rows(tx, Dispute, q.dispute, values)]
    return seen


async def whole(tx: Tx, row: Charge, url: str | None) -> list[Seen]:
    """The payment with what came after it."""
    return [payment_seen(row, url), *await after(tx, row)]


async def save_page(tx: Tx, page: Page) -> None:
    await run(
        tx,
        q.save_checkout,
        {
            "tenant": page.tenant_id,
            "checkout": page.checkout_id,
            "status": page.status,
            "card": page.card,
            "keep_card": page.keep_card,
            "method": page.method_id,
            "failure_code": page.failure_code,
            "failure_message": page.failure_message,
        },
    )


async def save_charge(tx: Tx, row: Charge, now: datetime) -> None:
    await run(
        tx,
        q.save_payment,
        {
            "tenant": row.tenant_id,
            "payment": row.payment_id,
            "status": row.status,
            "final": row.final,
            "card": row.card,
            "method": row.method_id,
            "failure_code": row.failure_code,
            "failure_message": row.failure_message,
            "succeeds_at": row.succeeds_at,
            "now": now,
        },
    )


async def _decline_page(tx: Tx, page: Page, code: str, now: datetime) -> None:
    page.failure_code, page.failure_message = code, DECLINES[code]
    await _save_page_charge(tx, page, "failed", now)


async def _save_page_charge(
    tx: Tx, page: Page, status: Literal["requires_action", "processing", "succeeded", "failed"], now: datetime
) -> None:
    """The one payment of a page, as its last try left it; none where nothing is paid."""
    if page.payment_id is None:
        return
    assert page.card is not None
    row = Charge(
        tenant_id=page.tenant_id,
        payment_id=page.payment_id,
        customer_ref=page.customer_ref,
        checkout_id=page.checkout_id,
        method_id=page.method_id,
        card=page.card,
        amount=page.amount,
        currency=page.currency,
        description=page.description,
        status=status,
        # another card may still pay on the page
        final=status == "succeeded",
        failure_code=page.failure_code,
        failure_message=page.failure_message,
        succeeds_at=now + LATER if status == "processing" else None,
        created_at=now,
        updated_at=now,
    )
    if not await _insert_charge(tx, row, now):
        await save_charge(tx, row, now)


async def _insert_charge(tx: Tx, row: Charge, now: datetime) -> int:
    return await run(
        tx,
        q.insert_payment,
        {
            "tenant": row.tenant_id,
            "payment": row.payment_id,
            "customer": row.customer_ref,
            "checkout": row.checkout_id,
            "method": row.method_id,
            "card": row.card,
            "amount": row.amount,
            "currency": row.currency,
            "description": row.description,
            "status": row.status,
            "final": row.final,
            "failure_code": row.failure_code,
            "failure_message": row.failure_message,
            "succeeds_at": row.succeeds_at,
            "now": now,
        },
    )
