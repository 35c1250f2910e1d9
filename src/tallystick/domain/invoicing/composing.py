"""Making an invoice of a draft, unwritten: who buys and sells, taxes, sums, customer credit."""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import msgspec

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.model import Account, check_currency, metadata_text
from tallystick.kernel.errors import Invalid
from tallystick.kernel.money import MAX_MINOR

from . import views
from .model import MAX_LINES, Desk, Draft, Invoice, Line, NewLine, Seller
from .totals import Totals, rates_for, totals

NO_ID: Final = UUID(int=0)
"""The id of an invoice that is not written."""

MAX_DESCRIPTION: Final = 1000
MAX_MEMO: Final = 2000


async def compose(
    conn: Tx, tenant: int, draft: Draft, *, at: datetime, desk: Desk | None, id: UUID = NO_ID,
    use_credit: bool = True,
) -> Invoice:  # fmt: skip
    """The invoice that ``draft`` is when issued at ``at``, unwritten. Raises Invalid, NotFound."""
    check_draft(draft)
    desk = desk or await views.desk(conn, tenant)
    account = await identity.account(conn, tenant, draft.account)
    buyer = buyer_of(account)
    rates = rates_for(
        desk.rates,
        account.address.get("country", ""),
        account.address.get("region", ""),
        exempt=account.tax_exempt,
    )
    credit = await views.credit_balance(conn, draft.account, draft.currency) if use_credit else 0
    sums = totals([line.amount for line in draft.lines], rates, credit)
    due = at + timedelta(days=desk.settings.days_until_due) if draft.due_at is None else draft.due_at
    settled = sums.amount_due == 0
    return Invoice(
        account=draft.account,
        account_uuid=account.uuid,
        id=id,
        tenant=tenant,
        place=0,
        number=None,
        status="paid" if settled else "open",
        currency=draft.currency,
        subscription=draft.subscription,
        reason=draft.reason,
        subtotal=sums.subtotal,
        tax=sums.tax,
        carried=sums.carried,
        total=sums.total,
        credit_applied=sums.credit_applied,
        credited=0,
        amount_due=sums.amount_due,
        amount_paid=0,
        period_start=draft.period_start,
        period_end=draft.period_end,
        issued_at=at,
        due_at=due,
        paid_at=at if settled else None,
        voided_at=None,
        seller=seller_of(desk.settings.seller),
        buyer=buyer,
        taxes=_taxes(sums),
        memo=draft.memo,
        metadata=dict(draft.metadata),
        created_at=at,
        updated_at=at,
        lines=[
            _line(id, position, line, sums)
            for position, line in enumerate(draft.lines, 1)
        ],
    )  # fmt: skip


def _line(invoice: UUID, position: int, line: NewLine, sums: Totals) -> Line:
    sum_of = sums.lines[position - 1]
    return Line(
        invoice=invoice,
        position=position,
        kind=line.kind,
        description=line.description,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=line.amount,
        net=sum_of.net,
        tax=sum_of.tax,
        taxes=list(sum_of.taxes),
        component=line.component,
        period_start=line.period_start,
        period_end=line.period_end,
        details=dict(line.details),
    )


def _taxes(sums: Totals) -> list[dict[str, Any]]:
    return [
        {
            "id": str(tax.rate.id),
            "name": tax.rate.name,
            "rate": tax.rate.rate,
            "inclusive": tax.rate.inclusive,
            "taxable": tax.taxable,
            "amount": tax.amount,
        }
        for tax in sums.taxes
    ]


def seller_of(seller: Seller) -> dict[str, Any]:
    """The seller as an invoice keeps it."""
    return {
        "name": seller.name,
        "address": list(seller.address),
        "email": seller.email,
        "tax_id": seller.tax_id,
        "logo": seller.logo,
    }


def buyer_of(account: Account) -> dict[str, Any]:
    """The buyer as an invoice keeps it, whatever becomes of the account."""
    return {
        "name": account.name or f"{account.first_name} {account.last_name}".strip(),
        "email": account.email,
        "external_id": account.external_id,
        "time_zone": account.time_zone,
        "address": dict(account.address),
        "tax_id": account.tax_id,
        "tax_exempt": account.tax_exempt,
    }


def new_lines(lines: list[Line]) -> list[NewLine]:
    """Lines as they were asked for, to be computed again."""
    return [
        NewLine(
            kind=line.kind,
            description=line.description,
            amount=line.amount,
            quantity=line.quantity,
            unit_price=line.unit_price,
            period_start=line.period_start,
            period_end=line.period_end,
            component=line.component,
            details=line.details,
        )
        for line in lines
    ]


def check_draft(draft: Draft) -> None:
    """Raises Invalid, naming the field, such as ``lines.2.amount``. What a plan charges has as many lines as it has."""
    check_currency(draft.currency)
    if draft.reason == "manual" and len(draft.lines) > MAX_LINES:
        raise Invalid("lines", f"must be at most {MAX_LINES}")
    for at, line in enumerate(draft.lines):
        check_prose(f"lines.{at}.description", line.description, MAX_DESCRIPTION)
        if abs(line.amount) > MAX_MINOR:
            raise Invalid(f"lines.{at}.amount", f"must be at most {MAX_MINOR} minor units")
    check_prose("memo", draft.memo, MAX_MEMO)
    metadata_text(dict(draft.metadata))


def check_prose(name: str, text: str, longest: int, *, shortest: int = 0) -> str:
    """Text that may have several lines. Raises Invalid for what PostgreSQL cannot hold."""
    if not shortest <= len(text) <= longest:
        raise Invalid(name, f"must have {shortest} to {longest} characters")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise Invalid(name, "must not hold the character NUL or half a surrogate pair")
    return text


def row_of(invoice: Invoice) -> dict[str, Any]:
    """The parameters of `insert_invoice` and `rewrite_invoice`."""
    return {
        "account": invoice.account,
        "id": invoice.id,
        "tenant": invoice.tenant,
        "status": invoice.status,
        "currency": invoice.currency,
        "subscription": invoice.subscription,
        "reason": invoice.reason,
        "subtotal": invoice.subtotal,
        "tax": invoice.tax,
        "carried": invoice.carried,
        "total": invoice.total,
        "credit_applied": invoice.credit_applied,
        "amount_due": invoice.amount_due,
        "period_start": invoice.period_start,
        "period_end": invoice.period_end,
        "issued_at": invoice.issued_at,
        "due_at": invoice.due_at,
        "paid_at": invoice.paid_at,
        "seller": as_json(invoice.seller),
        "buyer": as_json(invoice.buyer),
        "taxes": as_json(invoice.taxes),
        "memo": invoice.memo,
        "metadata": as_json(invoice.metadata),
        "created_at": invoice.created_at,
        "updated_at": invoice.updated_at,
        "lines": as_json([_line_row(line) for line in invoice.lines]),
    }


def _line_row(line: Line) -> dict[str, Any]:
    return {
        "position": line.position,
        "kind": line.kind,
        "description": line.description,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "amount": line.amount,
        "net": line.net,
        "tax": line.tax,
        "taxes": line.taxes,
        "component": line.component,
        "period_start": line.period_start,
        "period_end": line.period_end,
        "details": line.details,
    }


def as_json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
