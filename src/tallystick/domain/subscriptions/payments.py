"""What becomes of a subscription when one of its invoices is paid, credited, voided or given up."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import crediting
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.crediting import Refund
from tallystick.domain.invoicing.model import CreditNote, Invoice
from tallystick.domain.invoicing.notes import Part
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.errors import NotFound

from . import granting, renewal
from .states import move
from .work import Work, lock, now_of, open_work, save


async def pay_invoice(
    tx: Tx,
    tenant: int,
    account: int,
    invoice: UUID,
    *,
    rates: Rates,
    by: str,
    amount: int | None = None,
    at: datetime | None = None,
    reference: str = "",
    as_of: datetime | None = None,
) -> Invoice:
    """Record a payment (see `invoicing.actions.pay`); paid whole, it activates or restores the subscription.

    All of it as of a moment of the tenant's time, by default now. Raises NotFound, Invalid, Conflict("invoice_state").
    """
    work, now = await _opened(tx, tenant, account, invoice, rates, by, as_of)
    made = await invoicing.pay(
        tx, tenant, account, invoice, by=by, amount=amount, at=at, reference=reference, as_of=as_of
    )
    if work is not None:
        # never as of before what was done to it meanwhile
        now = max(now, work.subscription.updated_at)
        if made.status == "paid":
            await _settled(work, now)
        await save(work)
    return made


async def credit_invoice(
    tx: Tx,
    tenant: int,
    account: int,
    invoice: UUID,
    *,
    rates: Rates,
    by: str,
    reason: str,
    parts: Sequence[Part] | None = None,
    amount: int | None = None,
    refund: Refund = "credit",
    metadata: Mapping[str, Any] | None = None,
) -> CreditNote:
    """Issue a credit note (see `invoicing.crediting.create_credit_note`); with nothing left to pay, that is as if paid.

    Raises NotFound, Invalid, Conflict("invoice_state"), Conflict("nothing_to_credit").
    """
    work, now = await _opened(tx, tenant, account, invoice, rates, by)
    made = await crediting.create_credit_note(
        tx, tenant, account, invoice, reason=reason, by=by, parts=parts, amount=amount, refund=refund,
        metadata=metadata,
    )  # fmt: skip
    if work is not None:
        if made.applied and (await invoices.invoice(tx, tenant, invoice)).status == "paid":
            await _settled(work, now)
        await save(work)
    return made


async def void_invoice(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str, reason: str = ""
) -> Invoice:
    """Take an invoice back: nothing is owed by it any more. A subscription that never was paid ends with it.

    Raises NotFound, Conflict("invoice_state").
    """
    work, now = await _opened(tx, tenant, account, invoice, rates, by)
    made = await invoicing.void(tx, tenant, account, invoice, by=by, reason=reason)
    if work is not None:
        if work.subscription.status == "incomplete":
            await renewal.end_incomplete(work, now, "ended")
        else:
            await _settled(work, now)
        await save(work)
    return made


async def fail_invoice(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str, reason: str = ""
) -> Invoice:
    """Give an invoice up as uncollectible: an active subscription is past due at once. It may still be paid.

    Raises NotFound, Conflict("invoice_state").
    """
    work, now = await _opened(tx, tenant, account, invoice, rates, by)
    made = await invoicing.mark_uncollectible(tx, tenant, account, invoice, by=by, reason=reason)
    if work is not None:
        if work.subscription.status == "active" and work.subscription.recurring:
            await renewal.fall_due(work, now)
        await save(work)
    return made


async def _settled(work: Work, now: datetime) -> None:
    """An invoice is owed no more. With the last of them what was withheld is given again.

    Until then the grace is that of the oldest which is left.
    """
    row = work.subscription
    if row.status == "incomplete":
        await renewal.activate(work, now)
        return
    left = await invoices.unpaid(work.tx, row.account, row.id)
    if left:
        if row.grace_until is not None and left[0].due_at is not None:
            grace = timedelta(seconds=work.desk.settings.grace_seconds)
            row.grace_until = max(row.grace_until, left[0].due_at + grace)
        return
    row.grace_until = None
    if row.status == "past_due":
        move(row, "active")
        row.past_due_since = row.unpaid_until = None
        work.note("activated", now)
        await granting.restore(work, now)


async def _opened(
    tx: Tx, tenant: int, account: int, invoice: UUID, rates: Rates, by: str, as_of: datetime | None = None
) -> tuple[Work | None, datetime]:
    """The invoice's subscription, locked and with everything done that was due; None when it has none."""
    try:
        heads = await lock(tx, tenant, account)
    except NotFound:
        raise NotFound("invoice") from None
    found = await invoices.invoice(tx, tenant, invoice)
    if found.account != account:
        raise NotFound("invoice")
    now = await now_of(tx, tenant) if as_of is None else as_of
    if found.subscription is None:
        return None, now
    work = await open_work(tx, tenant, account, found.subscription, rates=rates, by=by, heads=heads)
    await renewal.catch_up(work, now)
    return work, now
