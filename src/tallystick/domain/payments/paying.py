"""What becomes of an invoice, for every dialect: with its subscription, what it buys, and the ways to pay it.

An invoice that is paid gives the credits that it buys. One that is paid or void needs no money: its open checkouts
expire, and what waits for the customer is taken back. Locks the account's head; commit soon after.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.crediting import Refund
from tallystick.domain.invoicing.model import CreditNote, Invoice
from tallystick.domain.invoicing.notes import Part
from tallystick.domain.ledger.port import Rates
from tallystick.domain.subscriptions import actions as subscriptions

from . import closing, purchases


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
    """Record a payment (see `invoicing.actions.pay`), with all that follows where it is paid whole.

    ``as_of``: as of a moment of the tenant's time that is past. Raises NotFound, Invalid, Conflict("invoice_state"),
    Conflict("account_closed").
    """
    made = await subscriptions.pay_invoice(
        tx,
        tenant,
        account,
        invoice,
        rates=rates,
        by=by,
        amount=amount,
        at=at,
        reference=reference,
        as_of=as_of,
    )
    if made.status == "paid":
        await _paid(tx, made, as_of, rates)
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

    Raises NotFound, Invalid, Conflict("invoice_state"), Conflict("nothing_to_credit"), Conflict("account_closed").
    """
    note = await subscriptions.credit_invoice(
        tx, tenant, account, invoice, rates=rates, by=by, reason=reason, parts=parts, amount=amount, refund=refund,
        metadata=metadata,
    )  # fmt: skip
    if note.applied:
        row = await invoices.invoice(tx, tenant, invoice)
        if row.status == "paid":
            await _paid(tx, row, None, rates)
    return note


async def void_invoice(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str, reason: str = ""
) -> Invoice:
    """Take an invoice back: nothing is owed by it any more. A subscription that never was paid ends with it.

    Raises NotFound, Conflict("invoice_state").
    """
    made = await subscriptions.void_invoice(tx, tenant, account, invoice, rates=rates, by=by, reason=reason)
    await closing.close_ways(tx, made, await identity.now(tx, tenant))
    return made


async def fail_invoice(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, rates: Rates, by: str, reason: str = ""
) -> Invoice:
    """Give an invoice up as uncollectible; it may still be paid. Raises NotFound, Conflict("invoice_state")."""
    return await subscriptions.fail_invoice(
        tx, tenant, account, invoice, rates=rates, by=by, reason=reason
    )  # fmt: skip


async def _paid(tx: Tx, row: Invoice, as_of: datetime | None, rates: Rates) -> None:
    now = await identity.now(tx, row.tenant)
    await purchases.fulfil(tx, row.tenant, row, at=as_of or now, rates=rates)
    await closing.close_ways(tx, row, now)
