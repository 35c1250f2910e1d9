"""One-off invoices: a draft is written, changed, and finalized or deleted. It has no number until it is issued."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from tallystick.db.pool import Tx, run, value
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.ids import owned_uuid

from . import numbering, views
from .actions import audit, lock, locked, take_credit
from .composing import compose, new_lines, row_of
from .model import Desk, Draft, Invoice, NewLine, check_move, check_status
from .views import q


class DraftChanges(TypedDict, total=False):
    """What of a draft to change; what is absent stays. ``lines`` replaces all, ``add_lines`` adds to them."""

    currency: str
    lines: Sequence[NewLine]
    add_lines: Sequence[NewLine]
    period_start: datetime | None
    period_end: datetime | None
    due_at: datetime | None
    memo: str
    metadata: Mapping[str, Any]


async def create(tx: Tx, tenant: int, draft: Draft, *, by: str) -> Invoice:
    """Write a draft. Locks the head. Audited. Raises Invalid, NotFound."""
    await lock(tx, tenant, draft.account)
    now = await identity.now(tx, tenant)
    made = await _unissued(tx, tenant, draft, now, owned_uuid(draft.account))
    made.place = await value(tx, q.insert_invoice, row_of(made))
    await audit(tx, made, by, "invoice.draft")
    return made


async def change(
    tx: Tx, tenant: int, account: int, invoice: UUID, changes: DraftChanges, *, by: str
) -> Invoice:
    """Change a draft. Audited. Raises Conflict("invoice_state"), Invalid, NotFound."""
    row = await locked(tx, tenant, account, invoice)
    check_status(row.status, "draft")
    now = await identity.now(tx, tenant)
    made = await _unissued(tx, tenant, _changed(row, changes), row.created_at, row.id)
    made.updated_at = now
    await _rewrite(tx, made)
    await audit(tx, made, by, "invoice.change")
    return await views.invoice(tx, tenant, invoice)


async def delete(tx: Tx, tenant: int, account: int, invoice: UUID, *, by: str) -> None:
    """Delete a draft; no other invoice is ever deleted. Audited. Raises Conflict("invoice_state"), NotFound."""
    row = await locked(tx, tenant, account, invoice)
    check_status(row.status, "draft")
    await run(tx, q.delete_draft, {"account": account, "id": invoice, "tenant": tenant})
    await audit(tx, row, by, "invoice.delete")


async def finalize(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, by: str, at: datetime | None = None,
    desk: Desk | None = None,
) -> Invoice:  # fmt: skip
    """Issue a draft at ``at`` (by default now), by the taxes and credit of that moment; its number is given last.

    Audited. Raises Conflict("invoice_state"), Conflict("invoice_empty"), Invalid, NotFound.
    """
    row = await locked(tx, tenant, account, invoice)
    check_move(row.status, "open")
    if not row.lines:
        raise Conflict("invoice_empty", "The invoice has no lines.")
    now = await identity.now(tx, tenant)
    at = now if at is None else at
    if at > now:
        raise Invalid("issued_at", "must not be in the future")
    desk = desk or await views.desk(tx, tenant)
    made = await compose(tx, tenant, _changed(row, {}), at=at, desk=desk, id=row.id)
    made.place, made.created_at, made.updated_at = row.place, row.created_at, now
    await _rewrite(tx, made)
    await take_credit(tx, made, at)
    await audit(tx, made, by, "invoice.finalize")
    await numbering.give(tx, tenant, "invoice", [made], desk.settings)
    return made


async def _unissued(tx: Tx, tenant: int, draft: Draft, at: datetime, id: UUID) -> Invoice:
    """The draft as a row: computed as if issued, without customer credit, which is used up at the issue."""
    made = await compose(tx, tenant, draft, at=at, desk=None, id=id, use_credit=False)
    return replace(made, status="draft", issued_at=None, due_at=draft.due_at, paid_at=None)


def _changed(row: Invoice, changes: DraftChanges) -> Draft:
    before = new_lines(row.lines)
    return Draft(
        account=row.account,
        currency=changes.get("currency", row.currency),
        lines=[*changes.get("lines", before), *changes.get("add_lines", ())],
        subscription=row.subscription,
        reason=row.reason,
        period_start=changes.get("period_start", row.period_start),
        period_end=changes.get("period_end", row.period_end),
        due_at=changes.get("due_at", row.due_at),
        memo=changes.get("memo", row.memo),
        metadata=changes.get("metadata", row.metadata),
    )


async def _rewrite(tx: Tx, made: Invoice) -> None:
    await run(tx, q.delete_lines, {"account": made.account, "id": made.id})
    await value(tx, q.rewrite_invoice, row_of(made))
