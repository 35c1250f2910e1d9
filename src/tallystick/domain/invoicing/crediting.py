"""Issuing credit notes: they lower what an open invoice is due, or give back what was paid."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

from tallystick.db.pool import Tx, value
from tallystick.domain.identity import actions as identity_actions
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import metadata_text
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import owned_uuid
from tallystick.kernel.money import Money

from . import numbering, views
from .actions import locked, move_credit, settle, tell
from .composing import as_json, check_prose
from .model import CreditNote, Invoice, NoteLine, check_status
from .notes import Credited, Part, credited, taxes_of
from .views import q

Refund = Literal["credit", "refund"]
"""What becomes of what was paid already: credit of the customer, or a refund that is due."""


async def create_credit_note(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, reason: str, by: str,
    parts: Sequence[Part] | None = None, amount: int | None = None, refund: Refund = "credit",
    metadata: Mapping[str, Any] | None = None,
) -> CreditNote:  # fmt: skip
    """Credit lines of an issued invoice, a sum (with its tax), or (neither) all that is left of it.

    It lowers what an open or uncollectible invoice is still due, which pays it when nothing is left; the rest, and
    all of a paid one's, goes where ``refund`` says. Its number is given last. Audited. Raises
    Conflict("invoice_state"), Conflict("nothing_to_credit"), Invalid, NotFound.
    """
    if parts and amount is not None:
        raise Invalid("amount", "must not be given with lines")
    check_prose("reason", reason, 500, shortest=1)
    row = await locked(tx, tenant, account, invoice)
    check_status(row.status, "open", "paid", "uncollectible")
    before = await _notes_of(tx, tenant, row)
    made = credited(row, before, parts, amount, reason)
    note = await _note(tx, row, made, reason, refund, metadata or {})
    note.place = await value(tx, q.insert_credit_note, _row_of(note))
    await _lower(tx, row, note)
    if note.to_credit:
        await move_credit(tx, row, note.to_credit, "credit_note", at=note.issued_at, by=by, note=note.id)
    details = {
        "invoice": row.number,
        "amount": str(Money(note.total, row.currency)),
        "currency": row.currency,
    }
    await identity_actions.audit(
        tx,
        tenant,
        actor=by,
        action="credit_note.create",
        target=f"cn:{note.id}",
        reason=reason,
        details=details,
    )
    await numbering.give(tx, tenant, "credit_note", [note])
    if note.applied and row.status == "paid":
        await tell(tx, row)
    return note


async def _notes_of(tx: Tx, tenant: int, row: Invoice) -> list[CreditNote]:
    found: list[CreditNote] = []
    before: int | None = None
    while True:
        page = await views.credit_notes(tx, tenant, account=row.account, invoice=row.id, before=before)
        found += page.rows
        before = page.next_key
        if before is None:
            return found


async def _note(
    tx: Tx, row: Invoice, lines: list[Credited], reason: str, refund: Refund, metadata: Mapping[str, Any]
) -> CreditNote:
    metadata_text(dict(metadata))
    now = await identity.now(tx, row.tenant)
    id = owned_uuid(row.account)
    net, tax = sum(line.net for line in lines), sum(line.tax for line in lines)
    applied = min(net + tax, row.remaining) if row.status != "paid" else 0
    rest = net + tax - applied
    return CreditNote(
        account=row.account,
        account_uuid=row.account_uuid,
        id=id,
        tenant=row.tenant,
        place=0,
        number=None,
        invoice=row.id,
        invoice_number=row.number,
        currency=row.currency,
        subtotal=net,
        tax=tax,
        total=net + tax,
        applied=applied,
        to_credit=rest if refund == "credit" else 0,
        refund_due=rest if refund == "refund" else 0,
        taxes=taxes_of(row, tax),
        reason=reason,
        metadata=dict(metadata),
        seller=row.seller,
        buyer=row.buyer,
        issued_at=now,
        created_at=now,
        lines=[
            NoteLine(
                credit_note=id,
                position=position,
                invoice_line=line.invoice_line,
                description=line.description,
                net=line.net,
                tax=line.tax,
            )
            for position, line in enumerate(lines, 1)
        ],
    )


async def _lower(tx: Tx, row: Invoice, note: CreditNote) -> None:
    if not note.applied:
        return
    row.credited += note.applied
    row.amount_due -= note.applied
    if row.remaining == 0:
        row.status, row.paid_at = "paid", note.issued_at
    await settle(tx, row, note.issued_at)


def _row_of(note: CreditNote) -> dict[str, Any]:
    return {
        "account": note.account,
        "id": note.id,
        "tenant": note.tenant,
        "invoice": note.invoice,
        "currency": note.currency,
        "subtotal": note.subtotal,
        "tax": note.tax,
        "total": note.total,
        "applied": note.applied,
        "to_credit": note.to_credit,
        "refund_due": note.refund_due,
        "taxes": as_json(note.taxes),
        "reason": note.reason,
        "metadata": as_json(note.metadata),
        "seller": as_json(note.seller),
        "buyer": as_json(note.buyer),
        "issued_at": note.issued_at,
        "lines": as_json(
            [
                {
                    "position": line.position,
                    "invoice_line": line.invoice_line,
                    "description": line.description,
                    "net": line.net,
                    "tax": line.tax,
                }
                for line in note.lines
            ]
        ),
    }
