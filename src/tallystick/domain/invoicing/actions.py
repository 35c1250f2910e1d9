"""What may be done with invoices, each in the caller's transaction.

Locks: the account's head first, the counter of numbers last. `issue` finds the head locked by its caller, since
what it bills was decided under that lock; the others lock it themselves.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run, value
from tallystick.domain.events import actions as events
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identity_views
from tallystick.domain.identity.model import check_currency
from tallystick.domain.ledger import actions as ledger
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.ids import owned_uuid, owner_of
from tallystick.kernel.money import MAX_MINOR, Money

from . import numbering, views
from .composing import check_prose, compose, row_of
from .events import settled
from .model import Credit, CreditReason, Desk, Draft, Invoice, check_move, check_status
from .views import q

BY: Final = "invoicing"
"""The actor of what issuing does by itself."""

MAX_REFERENCE: Final = 255


async def issue(
    tx: Tx, tenant: int, draft: Draft, *, at: datetime, number_now: bool = True, desk: Desk | None = None
) -> Invoice:
    """Write an open invoice of ``draft``, issued at ``at``; paid at once when nothing is due.

    The customer's credit is used up; a negative sum is added to it. The caller holds the account's head. With
    ``number_now`` the number is given as the last statement: commit at once; else the caller ends with
    `give_numbers`. ``desk`` (see `views.desk`) saves reading the settings again for each of many. Raises Invalid.
    """
    desk = desk or await views.desk(tx, tenant)
    made = await compose(tx, tenant, draft, at=at, desk=desk, id=owned_uuid(draft.account))
    made.place = await value(tx, q.insert_invoice, row_of(made))
    await take_credit(tx, made, at)
    if number_now:
        await numbering.give(tx, tenant, "invoice", [made], desk.settings)
    return made


async def preview(conn: Tx, tenant: int, draft: Draft, *, at: datetime, desk: Desk | None = None) -> Invoice:
    """What `issue` would write, unwritten: without number, and with an id of zeros."""
    return await compose(conn, tenant, draft, at=at, desk=desk)


async def give_numbers(tx: Tx, tenant: int, invoices: Sequence[Invoice]) -> None:
    """Number issued invoices in their order, at the end of the transaction, with one lock for all of them."""
    await numbering.give(tx, tenant, "invoice", invoices)


async def pay(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, by: str, amount: int | None = None,
    at: datetime | None = None, reference: str = "", as_of: datetime | None = None,
) -> Invoice:  # fmt: skip
    """Record that ``amount`` minor units (by default all that is due) came in at ``at`` (by default now).

    All of it as of a moment of the tenant's time, by default now.

    Less than what is due leaves the invoice as it is, with more paid; more becomes customer credit. An
    uncollectible invoice may still be paid. Audited. Raises Conflict("invoice_state"), Invalid, NotFound.
    """
    row = await locked(tx, tenant, account, invoice)
    check_status(row.status, "open", "uncollectible")
    now = await identity_views.now(tx, tenant) if as_of is None else as_of
    at = now if at is None else at
    if at > now:
        raise Invalid("paid_at", "must not be in the future")
    amount = row.remaining if amount is None else amount
    if not 1 <= amount <= MAX_MINOR:
        raise Invalid("amount", f"must be from 1 to {MAX_MINOR} minor units")
    check_prose("reference", reference, MAX_REFERENCE)
    applied = min(amount, row.remaining)
    values = {"account": account, "invoice": invoice, "amount": amount, "applied": applied}
    await run(tx, q.insert_payment, {**values, "reference": reference, "actor": by, "paid_at": at})
    row.amount_paid += applied
    if row.remaining == 0:
        check_move(row.status, "paid")
        row.status, row.paid_at = "paid", at
    await settle(tx, row, now)
    if row.status == "paid":
        await tell(tx, row)
    if amount > applied:
        await move_credit(tx, row, amount - applied, "overpayment", at=now, by=by)
    paid = {"amount": str(Money(amount, row.currency)), "currency": row.currency, "status": row.status}
    await audit(tx, row, by, "invoice.pay", paid | ({"reference": reference} if reference else {}))
    return row


async def void(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, by: str, at: datetime | None = None, reason: str = ""
) -> Invoice:
    """Take an invoice back: its number stays, nothing is due. Customer credit used for it, and what was paid,
    become customer credit again. Audited. Raises Conflict("invoice_state"), NotFound."""
    row = await locked(tx, tenant, account, invoice)
    check_move(row.status, "void")
    at = await identity_views.now(tx, tenant) if at is None else at
    row.status, row.voided_at = "void", at
    await settle(tx, row, at)
    await tell(tx, row)
    back = row.credit_applied + row.amount_paid
    if back:
        await move_credit(tx, row, back, "restored", at=at, by=by)
    await audit(tx, row, by, "invoice.void", reason=reason)
    return row


async def mark_uncollectible(
    tx: Tx, tenant: int, account: int, invoice: UUID, *, by: str, at: datetime | None = None, reason: str = ""
) -> Invoice:
    """Give an open invoice up; it may still be paid or voided. Audited. Raises Conflict("invoice_state"), NotFound."""
    row = await locked(tx, tenant, account, invoice)
    check_move(row.status, "uncollectible")
    row.status = "uncollectible"
    await settle(tx, row, await identity_views.now(tx, tenant) if at is None else at)
    await tell(tx, row)
    await audit(tx, row, by, "invoice.uncollectible", reason=reason)
    return row


async def add_credit(
    tx: Tx, tenant: int, account: int, currency: str, minor: int, *, reason: str, by: str
) -> Credit:
    """Change the money owed to a customer by ``minor``, with its sign; later invoices use it up.

    Audited. Raises Conflict("credit_balance") rather than owe less than nothing, Invalid, NotFound.
    """
    check_currency(currency)
    if not 1 <= abs(minor) <= MAX_MINOR:
        raise Invalid("amount", f"must be from 1 to {MAX_MINOR} minor units, or less than nothing by as much")
    await lock(tx, tenant, account)
    balance = await views.credit_balance(tx, account, currency)
    if not 0 <= balance + minor <= MAX_MINOR:
        raise Conflict("credit_balance", "The customer's credit does not allow it.")
    made = await _insert_credit(
        tx, account, currency, minor, "adjustment", note=check_prose("reason", reason, 500, shortest=1),
        at=await identity_views.now(tx, tenant), by=by,
    )  # fmt: skip
    uuid = await value(tx, q.account_uuid, {"tenant": tenant, "account": account})
    shown = {"amount": str(Money(minor, currency)), "currency": currency}
    await identity.audit(
        tx, tenant, actor=by, action="credit.adjust", target=f"acct:{uuid}", reason=reason, details=shown
    )
    return made


# Steps that the other actions of invoicing share


async def lock(tx: Tx, tenant: int, account: int) -> None:
    """Lock the account's head. Raises NotFound for another tenant's."""
    head = (await ledger.lock(tx, [account])).get(account)
    if head is None or head.tenant != tenant:
        raise NotFound("account")


async def locked(tx: Tx, tenant: int, account: int, invoice: UUID) -> Invoice:
    """The invoice, under its account's lock. Raises NotFound."""
    if owner_of(invoice) != account:
        raise NotFound("invoice")
    try:
        await lock(tx, tenant, account)
    except NotFound:
        raise NotFound("invoice") from None
    return await views.invoice(tx, tenant, invoice)


async def take_credit(tx: Tx, row: Invoice, at: datetime) -> None:
    """Use up the customer credit that an invoice applied, or add what it carried."""
    if row.carried:
        await move_credit(tx, row, row.carried, "carried", at=at, by=BY)
    if row.credit_applied:
        await move_credit(tx, row, -row.credit_applied, "applied", at=at, by=BY)


async def move_credit(
    tx: Tx, row: Invoice, minor: int, reason: CreditReason, *, at: datetime, by: str, note: UUID | None = None
) -> Credit:
    """Change the customer's credit on account of an invoice."""
    return await _insert_credit(
        tx, row.account, row.currency, minor, reason, at=at, by=by, invoice=row.id, credit_note=note
    )


async def _insert_credit(
    tx: Tx, account: int, currency: str, minor: int, reason: CreditReason, *, at: datetime, by: str,
    note: str = "", invoice: UUID | None = None, credit_note: UUID | None = None,
) -> Credit:  # fmt: skip
    values = {"account": account, "currency": currency, "amount": minor, "reason": reason, "note": note}
    values |= {"invoice": invoice, "credit_note": credit_note, "actor": by, "at": at}
    made = await one_row(tx, Credit, q.insert_credit, values)
    assert made is not None
    return made


async def settle(tx: Tx, row: Invoice, now: datetime) -> None:
    """Write what paying, voiding and crediting changed."""
    row.updated_at = now
    values = {
        "account": row.account,
        "id": row.id,
        "tenant": row.tenant,
        "status": row.status,
        "credited": row.credited,
        "amount_due": row.amount_due,
        "amount_paid": row.amount_paid,
        "credit_applied": row.credit_applied,
        "paid_at": row.paid_at,
        "voided_at": row.voided_at,
        "updated_at": now,
    }
    await run(tx, q.settle, values)


async def tell(tx: Tx, row: Invoice) -> None:
    """Tell that an invoice was just paid, voided or given up; of one without a number yet that is told with it."""
    if row.number is not None:
        await events.emit(tx, row.tenant, *settled(row))


async def audit(
    tx: Tx, row: Invoice, by: str, action: str, details: dict[str, Any] | None = None, reason: str = ""
) -> None:
    """Record a manual act on an invoice."""
    shown = ({} if row.number is None else {"number": row.number}) | (details or {})
    await identity.audit(
        tx, row.tenant, actor=by, action=action, target=f"inv:{row.id}", reason=reason or None, details=shown
    )
