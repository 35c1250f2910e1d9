"""What follows from a refund: credits taken back, customer credit taken, the credit note. Under the account's lock."""

from collections.abc import Sequence
from uuid import UUID

from tallystick.db.pool import Tx, value
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger.commands import Labels
from tallystick.domain.ledger.port import Rates
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import typeid

from . import taking
from .model import Payment, Refund
from .parts import split
from .refund_views import r
from .taking import Heads

_NOTE = "Refund"


async def work(
    tx: Tx, heads: Heads, row: Payment, made: Refund, before: Sequence[Refund], *, rates: Rates, strict: bool
) -> None:
    """See to all that follows, and note it in ``made``, which the caller writes.

    ``strict``: all of it, or raise Conflict("credit_spent"), Conflict("invoice_state"), Conflict("nothing_to_credit"),
    Invalid("amount"); else as far as it can be, since the money is gone.
    """
    invoice = None if row.invoice is None else await invoices.invoice(tx, row.tenant, row.invoice)
    balance = await invoices.credit_balance(tx, row.account, row.currency)
    parts = split(row, made.amount, before, invoice, balance, strict=strict)
    made.from_credit, made.from_invoice, made.worked = parts.credit, parts.invoice, True
    await take_credits(tx, heads, row, made, rates)
    why = made.reason or _NOTE
    if parts.credit:
        note = f"{why[:400]} ({typeid('re', made.id)})"
        await invoicing.add_credit(
            tx, row.tenant, row.account, row.currency, -parts.credit, reason=note, by=made.created_by
        )
    if parts.invoice and invoice is not None:
        made.credit_note = await _note(tx, made, invoice.id, rates, why, strict=strict)


async def take_credits(tx: Tx, heads: Heads, row: Payment, made: Refund, rates: Rates) -> None:
    """Take back the credits that the refund's part of the invoice bought, by its ``take``. It is not written yet."""
    bought = await taking.purchase_of(tx, row.account, row.invoice)
    if bought is None or row.invoice is None or not made.from_invoice:
        return
    invoice = await invoices.invoice(tx, row.tenant, row.invoice)
    before = await value(tx, r.refunded_of_invoice, {"account": row.account, "invoice": row.invoice})
    lots = taking.lots_for(bought, before, before + made.from_invoice, invoice.total - invoice.credited)
    made.taken = await taking.take_back(
        tx, heads, row.tenant, row.account, lots, take=made.take,
        labels=Labels(reference=typeid("re", made.id), description="Refund"), by=made.created_by, rates=rates,
    )  # fmt: skip


async def _note(tx: Tx, made: Refund, invoice: UUID, rates: Rates, why: str, *, strict: bool) -> UUID | None:
    try:
        async with tx.transaction():
            note = await subscriptions.credit_invoice(
                tx, made.tenant, made.account, invoice, rates=rates, by=made.created_by, reason=why[:500],
                amount=made.from_invoice, refund="refund",
            )  # fmt: skip
        return note.id
    except (Conflict, Invalid):
        # credit notes gave the customer so much before that less than this is left of the invoice
        if strict:
            raise
        return None
