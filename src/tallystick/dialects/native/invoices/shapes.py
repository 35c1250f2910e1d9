"""How invoices and credit notes are shown."""

from datetime import datetime
from typing import Any

import msgspec

from tallystick.dialects.native.answers import Money, Percentage, Quantity, Time, UnitPrice
from tallystick.dialects.native.names import account_id
from tallystick.domain.invoicing import model
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid


class Party(msgspec.Struct):
    """Seller or buyer as the document keeps them."""

    name: str
    email: str
    address: list[str] | dict[str, str]
    tax_id: str


class InvoiceTax(msgspec.Struct):
    """``amount`` is what the rate takes of ``taxable``, the subtotal."""

    name: str
    percentage: Percentage
    inclusive: bool
    taxable: Money
    amount: Money


class InvoiceLine(msgspec.Struct):
    """``net`` + ``tax`` = ``total``; ``amount`` is as charged: with a tax that is inclusive, without another."""

    position: int
    kind: model.LineKind
    description: str
    quantity: Quantity
    unit_price: UnitPrice | None
    amount: Money
    net: Money
    tax: Money
    total: Money
    component: str | None
    period_start: Time | None
    period_end: Time | None
    metadata: dict[str, Any]


class Invoice(msgspec.Struct):
    """``total`` = subtotal + tax + ``carried_to_credit``; ``amount_due`` = total - credit_applied - credited.

    ``amount_remaining`` is what is still to be paid.
    """

    id: str
    account: str
    number: str | None
    status: model.Status
    currency: str
    subscription: str | None
    reason: model.Reason
    lines: list[InvoiceLine]
    taxes: list[InvoiceTax]
    subtotal: Money
    tax: Money
    carried_to_credit: Money
    total: Money
    credit_applied: Money
    credited: Money
    amount_due: Money
    amount_paid: Money
    amount_remaining: Money
    period_start: Time | None
    period_end: Time | None
    issued_at: Time | None
    due_at: Time | None
    paid_at: Time | None
    voided_at: Time | None
    seller: Party
    buyer: Party
    memo: str
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time


class DeletedInvoice(msgspec.Struct):
    id: str
    deleted: bool


class CreditNoteLine(msgspec.Struct):
    """``invoice_line`` is the position of the line that is credited, if one is."""

    position: int
    invoice_line: int | None
    description: str
    net: Money
    tax: Money
    total: Money


class CreditNote(msgspec.Struct):
    """``total`` = ``applied`` to what the invoice was due + ``to_credit`` of the customer + ``refund_due``."""

    id: str
    account: str
    number: str | None
    invoice: str
    invoice_number: str | None
    currency: str
    reason: str
    lines: list[CreditNoteLine]
    subtotal: Money
    tax: Money
    total: Money
    applied: Money
    to_credit: Money
    refund_due: Money
    metadata: dict[str, Any]
    issued_at: Time


def invoice(row: model.Invoice) -> Invoice:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return Invoice(
        id=typeid("inv", row.id),
        account=account_id(row.account_uuid),
        number=row.number,
        status=row.status,
        currency=row.currency,
        subscription=None if row.subscription is None else typeid("sub", row.subscription),
        reason=row.reason,
        lines=[_line(line, row.currency) for line in row.lines],
        taxes=[
            InvoiceTax(
                tax["name"],
                percentage(tax["rate"]),
                tax["inclusive"],
                money(tax["taxable"]),
                money(tax["amount"]),
            )
            for tax in row.taxes
        ],
        subtotal=money(row.subtotal),
        tax=money(row.tax),
        carried_to_credit=money(row.carried),
        total=money(row.total),
        credit_applied=money(row.credit_applied),
        credited=money(row.credited),
        amount_due=money(row.amount_due),
        amount_paid=money(row.amount_paid),
        amount_remaining=money(0 if row.status == "void" else row.remaining),
        period_start=_when(row.period_start),
        period_end=_when(row.period_end),
        issued_at=_when(row.issued_at),
        due_at=_when(row.due_at),
        paid_at=_when(row.paid_at),
        voided_at=_when(row.voided_at),
        seller=_party(row.seller),
        buyer=_party(row.buyer),
        memo=row.memo,
        metadata=row.metadata,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def _line(line: model.Line, currency: str) -> InvoiceLine:
    return InvoiceLine(
        line.position,
        line.kind,
        line.description,
        format_credits(line.quantity),
        None if line.unit_price is None else format_credits(line.unit_price),
        Money(line.amount, currency),
        Money(line.net, currency),
        Money(line.tax, currency),
        Money(line.total, currency),
        line.component,
        _when(line.period_start),
        _when(line.period_end),
        line.details,
    )


def _party(who: dict[str, Any]) -> Party:
    return Party(who["name"], who["email"], who["address"], who["tax_id"])


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)


def percentage(ppm: int) -> str:
    return format_credits(ppm * 100)


def credit_note(row: model.CreditNote) -> CreditNote:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return CreditNote(
        id=typeid("cn", row.id),
        account=account_id(row.account_uuid),
        number=row.number,
        invoice=typeid("inv", row.invoice),
        invoice_number=row.invoice_number,
        currency=row.currency,
        reason=row.reason,
        lines=[
            CreditNoteLine(
                line.position,
                line.invoice_line,
                line.description,
                money(line.net),
                money(line.tax),
                money(line.total),
            )
            for line in row.lines
        ],
        subtotal=money(row.subtotal),
        tax=money(row.tax),
        total=money(row.total),
        applied=money(row.applied),
        to_credit=money(row.to_credit),
        refund_due=money(row.refund_due),
        metadata=row.metadata,
        issued_at=iso(row.issued_at),
    )
