"""What may be read of payments, checkouts and ways to pay. Ids of another tenant raise NotFound, as unknown ones do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, value
from tallystick.db.sql import Queries
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of
from tallystick.kernel.page import MAX_KEY, Page, Slice, page_of

from .model import Checkout, Method, Payment, Purchase

q: Final = Queries("tallystick.domain.payments")


async def payment(conn: Tx, tenant: int, payment: UUID) -> Payment:
    """Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(payment), "id": payment}
    row = await one_row(conn, Payment, q.payment, values)
    if row is None:
        raise NotFound("payment")
    return row


async def payments(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    invoice: UUID | None = None,
    checkout: UUID | None = None,
    status: str | None = None,
    limit: int = 50,
    before: int | None = None,
) -> Page[Payment]:
    """The newest first, before the ``number`` of ``before``."""
    values: dict[str, Any] = {"tenant": tenant, "account": account, "invoice": invoice, "checkout": checkout}
    values |= {"status": status, "limit": limit + 1, "before": MAX_KEY if before is None else before}
    return page_of(await all_rows(conn, Payment, q.payments, values), limit, lambda row: row.number)


async def payments_by_offset(
    conn: Tx, tenant: int, account: int, *, limit: int, offset: int
) -> Slice[Payment]:
    """An account's payments, the newest first."""
    values = {"tenant": tenant, "account": account, "limit": limit, "offset": offset}
    rows = await all_rows(conn, Payment, q.payments_by_offset, values)
    # counted afterwards: with what came meanwhile, so that a page which has rows after it is never the last
    total: int = await value(conn, q.count_payments, values)
    return Slice(rows, total)


async def under_way(conn: Tx, account: int, invoice: UUID) -> list[Payment]:
    """Payments of an invoice that may still bring money by themselves: not those of pages that nobody sent off."""
    return await all_rows(conn, Payment, q.under_way, {"account": account, "invoice": invoice})


async def checkout(conn: Tx, tenant: int, checkout: UUID) -> Checkout:
    """Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(checkout), "id": checkout}
    row = await one_row(conn, Checkout, q.checkout, values)
    if row is None:
        raise NotFound("checkout")
    return row


@dataclass(frozen=True, slots=True)
class Checkouts:
    """A page; ``next_id`` is what the next one goes on before, None at the end."""

    rows: Sequence[Checkout]
    next_id: UUID | None = None


async def checkouts(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    invoice: UUID | None = None,
    kind: str | None = None,
    status: str | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> Checkouts:
    """The newest first, before the one with the id ``before``."""
    values: dict[str, Any] = {"tenant": tenant, "account": account, "invoice": invoice, "kind": kind}
    values |= {"status": status, "limit": limit + 1, "before": before}
    rows = await all_rows(conn, Checkout, q.checkouts, values)
    if len(rows) <= limit:
        return Checkouts(rows)
    return Checkouts(rows[:limit], rows[limit - 1].id)


async def methods(conn: Tx, tenant: int, account: int) -> list[Method]:
    """The account's ways to pay, the standard one first."""
    return await all_rows(conn, Method, q.methods, {"tenant": tenant, "account": account})


async def method(conn: Tx, tenant: int, method: UUID) -> Method:
    """One that was removed too. Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(method), "id": method}
    row = await one_row(conn, Method, q.method, values)
    if row is None:
        raise NotFound("payment method")
    return row


async def standard_of(conn: Tx, account: int) -> Method | None:
    """What is charged where no way to pay is named. That the account is the tenant's, the caller has checked."""
    return await one_row(conn, Method, q.standard_method, {"account": account})


async def purchase_of(conn: Tx, account: int, invoice: UUID) -> Purchase | None:
    """The credits that an invoice buys, if it does. That the account is the tenant's, the caller has checked."""
    return await one_row(conn, Purchase, q.purchase, {"account": account, "invoice": invoice})
