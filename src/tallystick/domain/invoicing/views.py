"""What may be read of invoices, credit notes, customer credit, tax rates and settings.

Ids of another tenant raise NotFound, as unknown ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.identity.model import storable
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of
from tallystick.kernel.page import MAX_KEY, Page, Slice, page_of

from .model import Credit, CreditNote, Desk, Invoice, Line, NoteLine, Payment, Seller, Settings, TaxRate

q: Final = Queries("tallystick.domain.invoicing")


@dataclass(slots=True)
class Balance:
    """Money owed to a customer, in minor units."""

    currency: str
    balance: int


@dataclass(slots=True)
class Standing:
    """When an invoice of a subscription was last paid whole, and how many were given up and not paid since."""

    subscription: UUID
    last_paid: datetime | None
    uncollectible: int


@dataclass(slots=True)
class _Settings:
    seller: dict[str, Any]
    invoice_pattern: str
    credit_note_pattern: str
    days_until_due: int
    grace_seconds: int
    end_unpaid_after_days: int
    locale: str
    time_zone: str
    footer: str


async def settings(conn: Tx, tenant: int) -> Settings:
    """The tenant's billing settings; the defaults where none were put."""
    row = await one_row(conn, _Settings, q.settings, {"tenant": tenant})
    if row is None:
        return Settings()
    seller = Seller(**{**row.seller, "address": tuple(row.seller["address"])})
    return Settings(
        seller=seller,
        invoice_pattern=row.invoice_pattern,
        credit_note_pattern=row.credit_note_pattern,
        days_until_due=row.days_until_due,
        grace_seconds=row.grace_seconds,
        end_unpaid_after_days=row.end_unpaid_after_days,
        locale=row.locale,
        time_zone=row.time_zone,
        footer=row.footer,
    )


async def tax_rates(conn: Tx, tenant: int) -> list[TaxRate]:
    """All rates of the tenant, the inactive too, the oldest first."""
    return await all_rows(conn, TaxRate, q.tax_rates, {"tenant": tenant})


async def tax_rate(conn: Tx, tenant: int, rate: UUID) -> TaxRate:
    """Raises NotFound."""
    for found in await tax_rates(conn, tenant):
        if found.id == rate:
            return found
    raise NotFound("tax rate")


async def desk(conn: Tx, tenant: int) -> Desk:
    """The settings and active rates: what `actions.issue` needs, read once for many invoices."""
    rates = [rate for rate in await tax_rates(conn, tenant) if rate.active]
    return Desk(await settings(conn, tenant), tuple(rates))


async def invoice(conn: Tx, tenant: int, invoice: UUID) -> Invoice:
    """With its lines. Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(invoice), "id": invoice}
    row = await one_row(conn, Invoice, q.invoice, values)
    if row is None:
        raise NotFound("invoice")
    await _with_lines(conn, [row])
    return row


async def invoices(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    subscription: UUID | None = None,
    status: str | None = None,
    number: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
    limit: int = 50,
    before: int | None = None,
) -> Page[Invoice]:
    """Invoices with their lines, the newest first, before the ``place`` of ``before``.

    ``start`` and ``end`` bound the issue (a draft's creation), half-open.
    """
    if number is not None and not storable(number):
        return Page([])
    values = {
        "tenant": tenant,
        "account": account,
        "subscription": subscription,
        "status": status,
        "number": number,
        "start": start,
        "end": end,
        "limit": limit + 1,
        "before": MAX_KEY if before is None else before,
    }
    query = q.invoices if account is None else q.invoices_of_account
    page = page_of(await all_rows(conn, Invoice, query, values), limit, lambda row: row.place)
    await _with_lines(conn, page.rows)
    return page


async def invoices_by_offset(
    conn: Tx, tenant: int, account: int, *, limit: int, offset: int
) -> Slice[Invoice]:
    """An account's invoices without their lines, the newest first."""
    values = {"tenant": tenant, "account": account, "limit": limit, "offset": offset}
    rows = await all_rows(conn, Invoice, q.invoices_by_offset, values)
    # counted afterwards: with what came meanwhile, so that a page which has rows after it is never the last
    total: int = await value(conn, q.count_invoices, values)
    return Slice(rows, total)


async def issued_invoices(conn: Tx, tenant: int, account: int, *, limit: int) -> list[Invoice]:
    """An account's newest invoices that were issued, without their lines, the newest first."""
    return await all_rows(
        conn, Invoice, q.issued_of_account, {"tenant": tenant, "account": account, "limit": limit}
    )


async def unpaid(conn: Tx, account: int, subscription: UUID | None = None) -> list[Invoice]:
    """The account's open invoices (of one subscription), the oldest first. That the account is the
    tenant's, the caller has checked."""
    rows = await all_rows(conn, Invoice, q.unpaid, {"account": account, "subscription": subscription})
    await _with_lines(conn, rows)
    return rows


async def standing(conn: Tx, tenant: int, accounts: Sequence[int]) -> dict[UUID, Standing]:
    """Of each subscription of these accounts that was ever invoiced."""
    values = {"tenant": tenant, "accounts": list(accounts)}
    rows = await all_rows(conn, Standing, q.standing, values) if accounts else []
    return {row.subscription: row for row in rows}


async def _with_lines(conn: Tx, rows: Sequence[Invoice]) -> None:
    if not rows:
        return
    of = {row.id: row for row in rows}
    wanted = {
        "accounts": arrays.int8s([row.account for row in rows]),
        "invoices": arrays.uuids([row.id.bytes for row in rows]),
    }
    for line in await all_rows(conn, Line, q.lines, wanted):
        of[line.invoice].lines.append(line)


async def payments(conn: Tx, tenant: int, invoice: UUID) -> list[Payment]:
    """What came in for an invoice, the oldest first. Raises NotFound."""
    found = await one_row(
        conn, Invoice, q.invoice, {"tenant": tenant, "account": owner_of(invoice), "id": invoice}
    )
    if found is None:
        raise NotFound("invoice")
    return await all_rows(conn, Payment, q.payments, {"account": found.account, "invoice": invoice})


async def credit_balance(conn: Tx, account: int, currency: str) -> int:
    """Minor units owed to the customer in this currency."""
    balance: int = await value(conn, q.credit_balance, {"account": account, "currency": currency})
    return balance


async def credit_balances(conn: Tx, account: int) -> list[Balance]:
    """What is owed to the customer, by currency."""
    return await all_rows(conn, Balance, q.credit_balances, {"account": account})


async def credits_of(
    conn: Tx, account: int, *, currency: str | None = None, limit: int = 50, before: int | None = None
) -> Page[Credit]:
    """The changes of what is owed to the customer, the newest first."""
    before = MAX_KEY if before is None else before
    values = {"account": account, "currency": currency, "limit": limit + 1, "before": before}
    return page_of(await all_rows(conn, Credit, q.credits, values), limit, lambda row: row.seq)


async def credit_note(conn: Tx, tenant: int, note: UUID) -> CreditNote:
    """With its lines. Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(note), "id": note}
    row = await one_row(conn, CreditNote, q.credit_note, values)
    if row is None:
        raise NotFound("credit note")
    await _with_note_lines(conn, [row])
    return row


async def credit_notes(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    invoice: UUID | None = None,
    limit: int = 50,
    before: int | None = None,
) -> Page[CreditNote]:
    """Credit notes with their lines, the newest first. Of an invoice, ``account`` is its owner."""
    values = {
        "tenant": tenant,
        "account": account,
        "invoice": invoice,
        "limit": limit + 1,
        "before": MAX_KEY if before is None else before,
    }
    page = page_of(await all_rows(conn, CreditNote, q.credit_notes, values), limit, lambda row: row.place)
    await _with_note_lines(conn, page.rows)
    return page


async def _with_note_lines(conn: Tx, rows: Sequence[CreditNote]) -> None:
    if not rows:
        return
    of = {row.id: row for row in rows}
    wanted = {
        "accounts": arrays.int8s([row.account for row in rows]),
        "notes": arrays.uuids([row.id.bytes for row in rows]),
    }
    for line in await all_rows(conn, NoteLine, q.credit_note_lines, wanted):
        of[line.credit_note].lines.append(line)
