"""Receipts of what was bought: found by the ledger's entry that gave the credits, or by the payment, which may have
failed or be under way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from tallystick.db.pool import Database, Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger import views as ledger
from tallystick.domain.ledger import whole
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import Kind, inner_of, inner_uuid

from . import views
from .model import Checkout, Method, Payment, Purchase
from .presenting import digits_of

q: Final = Queries("tallystick.domain.payments", "receipts.sql")

Status = Literal["paid", "pending", "failed"]


@dataclass(slots=True)
class Sold:
    """A package by the number that dialects with integers show, as it is called now."""

    number: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``id`` is the entry's once the credits are given, else the payment's; asked for by either, it is what was asked.

    ``at`` is when the credits were given, else the last change of the payment. ``given`` are whole credits, as the rows
    of the books show them; 0 until they are paid. ``payment`` is None where nothing was to pay by a gateway, ``page``
    where a saved way to pay was charged.
    """

    id: UUID
    account: int
    status: Status
    at: datetime
    given: int
    package: Sold | None
    invoice: Invoice
    payment: Payment | None
    method: Method | None
    page: Checkout | None

    @property
    def last4(self) -> str:
        """The last digits of what it was paid with, '' where they are not known."""
        if self.method is not None:
            return self.method.last4
        return "" if self.page is None else digits_of(self.page)

    @property
    def why(self) -> str:
        """Why it failed."""
        if self.status != "failed":
            return ""
        said = None if self.payment is None else self.payment.failure_message
        return said or "The payment was not made."

    @property
    def action_url(self) -> str | None:
        """Where the customer takes the next step of one that is pending. Who has it may pay there."""
        if self.status != "pending" or self.payment is None:
            return None
        if self.payment.action_url is not None:
            return self.payment.action_url
        return self.page.url if self.page is not None and self.page.status == "open" else None


async def receipt(db: Database, tenant: int, id: UUID) -> Receipt:
    """The receipt of an entry that gave bought credits, or of a payment for such. Raises NotFound."""
    try:
        return (
            await _of_entry(db, tenant, id) if inner_of(id) is not None else await _of_payment(db, tenant, id)
        )
    except NotFound:
        raise NotFound("receipt") from None


async def receipt_of_invoice(db: Database, tenant: int, invoice: UUID) -> Receipt:
    """The receipt of what an invoice buys, by its newest payment. Raises NotFound."""
    async with db.connection() as conn:
        bill = await invoices.invoice(conn, tenant, invoice)
        row = await views.purchase_of(conn, bill.account, invoice)
        if row is None:
            raise NotFound("receipt")
        status = None if row.fulfilled_at is None else "succeeded"
        paid = await views.payments(
            conn, tenant, account=bill.account, invoice=invoice, status=status, limit=1
        )
    return await _receipt(db, row, bill, next(iter(paid.rows), None), None)


async def packages_of(conn: Tx, account: int, entries: Sequence[int]) -> dict[int, Sold]:
    """Which packages these entries gave. That the account is the caller's tenant's, it has checked."""
    if not entries:
        return {}
    rows = await all_rows(conn, _SoldBy, q.packages_of_entries, {"account": account, "seqs": list(entries)})
    return {row.seq: Sold(row.number, row.name) for row in rows}


async def last_purchase(conn: Tx, account: int, credit_type: str) -> datetime | None:
    """When credits were last bought. That the account is the caller's tenant's, it has checked."""
    found: datetime | None = await value(
        conn, q.last_purchase, {"account": account, "credit_type": credit_type}
    )
    return found


@dataclass(slots=True)
class _SoldBy:
    seq: int
    number: int
    name: str


async def _of_entry(db: Database, tenant: int, id: UUID) -> Receipt:
    named = inner_of(id)
    assert named is not None
    if named.kind is not Kind.ENTRY:
        raise NotFound("receipt")
    async with db.connection() as conn:
        await ledger.head(conn, tenant, named.account)
        values = {"account": named.account, "seq": named.number}
        row = await one_row(conn, Purchase, q.purchase_of_entry, values)
        if row is None:
            raise NotFound("receipt")
        bill = await invoices.invoice(conn, tenant, row.invoice)
        paid = await views.payments(
            conn, tenant, account=named.account, invoice=row.invoice, status="succeeded", limit=1
        )
    return await _receipt(db, row, bill, next(iter(paid.rows), None), id)


async def _of_payment(db: Database, tenant: int, id: UUID) -> Receipt:
    async with db.connection() as conn:
        payment = await views.payment(conn, tenant, id)
        if payment.invoice is None:
            raise NotFound("receipt")
        bill = await invoices.invoice(conn, tenant, payment.invoice)
        row = await views.purchase_of(conn, payment.account, payment.invoice)
    if row is None:
        raise NotFound("receipt")
    return await _receipt(db, row, bill, payment, id)


async def _receipt(
    db: Database, row: Purchase, bill: Invoice, payment: Payment | None, id: UUID | None
) -> Receipt:
    status = _status(row, payment)
    given, at = 0, bill.created_at
    if status == "paid":
        for seq in (row.grant_id, row.bonus_grant_id):
            if seq is not None:
                _, entry = await ledger.entry(db, row.tenant, row.account, seq)
                given, at = given + whole.row_amount(entry), entry.effective_at
    elif payment is not None:
        at = payment.updated_at
    if id is None:
        id = _id(row, payment, status)
    async with db.connection() as conn:
        method = page = None
        if payment is not None and payment.method is not None:
            method = await views.method(conn, row.tenant, payment.method)
        if payment is not None and payment.checkout is not None:
            page = await views.checkout(conn, row.tenant, payment.checkout)
        sold = await _sold(conn, row)
    return Receipt(
        id=id, account=row.account, status=status, at=at, given=given, package=sold, invoice=bill, payment=payment,
        method=method, page=page,
    )  # fmt: skip


def _status(row: Purchase, payment: Payment | None) -> Status:
    if payment is not None and payment.status in ("failed", "cancelled") and payment.ended_at is not None:
        return "failed"  # for good: on a page that is open another try may pay
    return "pending" if row.fulfilled_at is None else "paid"


def _id(row: Purchase, payment: Payment | None, status: Status) -> UUID:
    if status == "paid":
        assert row.grant_id is not None
        return inner_uuid(row.account, Kind.ENTRY, row.grant_id)
    return row.invoice if payment is None else payment.id


async def _sold(conn: Tx, row: Purchase) -> Sold | None:
    if row.package is None:
        return None
    return await one_row(conn, Sold, q.package_sold, {"tenant": row.tenant, "package": row.package})
