"""The contract's objects as they are sent, in the order of its document."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.domain.catalog.model import Package
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.model import Entry
from tallystick.domain.payments import receipts
from tallystick.domain.payments.receipts import Receipt, Sold
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import floor_credits
from tallystick.kernel.ids import Kind, inner_uuid

encode: Final = msgspec.json.Encoder().encode

HISTORY: Final = "/api/credits/transactions/"
RECEIPTS: Final = "/api/credits/receipts/"

_TYPES: Final[Mapping[whole.Kind, str]] = {
    whole.Kind.PURCHASE: "PURCHASE",
    whole.Kind.PLAN: "GRANT",
    whole.Kind.GIFT: "GRANT",
    whole.Kind.USAGE: "USAGE",
    whole.Kind.EXPIRY: "EXPIRY",
    whole.Kind.TRANSFER: "ADJUSTMENT",
    whole.Kind.CORRECTION: "ADJUSTMENT",
    whole.Kind.REFUND: "ADJUSTMENT",
}
_SENT: Final = {"sms": "SMS_USAGE", "voice": "VOICE_USAGE"}
"""The types of usage by operation."""
_STATUSES: Final[Mapping[receipts.Status, str]] = {"paid": "success", "pending": "pending", "failed": "fail"}


class PackageShape(msgspec.Struct, frozen=True):
    id: int
    name: str
    credit_amount: int
    price_cents: int
    is_active: bool
    description: str


class Packages(msgspec.Struct, frozen=True):
    packages: list[PackageShape]


class Bought(msgspec.Struct, frozen=True):
    transaction_id: str
    status: str
    credits_added: int
    new_balance: int
    receipt_url: str


class Balance(msgspec.Struct, frozen=True):
    practice_id: int
    current_balance: int
    last_purchase: str | None
    estimated_remaining_sms: int
    estimated_remaining_voice: int


class PackageName(msgspec.Struct, frozen=True):
    id: int
    name: str


class Transaction(msgspec.Struct, frozen=True):
    """``package`` stands on purchases only, null where no package was bought; ``reference`` on all others."""

    id: str
    type: str
    amount: int
    timestamp: str
    package: PackageName | UnsetType | None = UNSET
    reference: str | UnsetType = UNSET


class Pagination(msgspec.Struct, frozen=True):
    next: str | None
    previous: str | None


class Transactions(msgspec.Struct, frozen=True):
    transactions: list[Transaction]
    pagination: Pagination


class Card(msgspec.Struct, frozen=True):
    type: str
    last_four: str


class ReceiptShape(msgspec.Struct, frozen=True, kw_only=True):
    """``message`` says why nothing was paid; ``action_url`` is shown to those alone who may buy."""

    transaction_id: str
    practice_id: int
    status: str
    timestamp: str
    package: PackageName | None
    credits_added: int
    invoice_number: str | None
    subtotal_cents: int
    tax_cents: int
    total_cents: int
    paid_cents: int
    refunded_cents: int
    currency: str
    payment_method: Card | None
    message: str
    action_url: str | None
    receipt_url: str


def packages(rows: Sequence[Package]) -> Packages:
    return Packages(
        [
            PackageShape(
                row.number, row.name, floor_credits(row.credits + row.bonus), row.price, row.active, row.description
            )
            for row in rows
        ]
    )  # fmt: skip


def bought(found: Receipt, balance: int) -> Bought:
    return Bought(str(found.id), _STATUSES[found.status], found.given, balance, _receipt_url(found))


def balance(practice: int, credits: int, last_purchase: datetime | None, sms: int, voice: int) -> Balance:
    last = None if last_purchase is None else iso_seconds(last_purchase)
    return Balance(practice, credits, last, sms, voice)


def transaction(entry: Entry, sold: Mapping[int, Sold]) -> Transaction:
    kind = whole.kind_of(entry)
    name = _SENT.get(entry.operation or "", "USAGE") if kind is whole.Kind.USAGE else _TYPES[kind]
    id, amount = str(inner_uuid(entry.account, Kind.ENTRY, entry.seq)), whole.row_amount(entry)
    at = iso_seconds(entry.effective_at)
    if kind is whole.Kind.PURCHASE:
        return Transaction(id, name, amount, at, package=_package(sold.get(entry.seq)))
    return Transaction(id, name, amount, at, reference=entry.reference or entry.description or "")


def transactions(
    practice: int, page: int, rows: Sequence[Entry], sold: Mapping[int, Sold], *, more: bool
) -> Transactions:
    def link(number: int) -> str:
        return f"{HISTORY}?practice_id={practice}&page={number}"

    around = Pagination(link(page + 1) if more else None, link(page - 1) if page > 1 else None)
    return Transactions([transaction(row, sold) for row in rows], around)


def receipt(found: Receipt, practice: int, *, buys: bool) -> ReceiptShape:
    bill = found.invoice
    kind = "credit_card" if found.method is None or found.method.kind == "card" else found.method.kind
    return ReceiptShape(
        transaction_id=str(found.id),
        practice_id=practice,
        status=_STATUSES[found.status],
        timestamp=iso_seconds(found.at),
        package=_package(found.package),
        credits_added=found.given,
        invoice_number=bill.number,
        subtotal_cents=bill.subtotal,
        tax_cents=bill.tax,
        total_cents=bill.total,
        paid_cents=bill.amount_paid if found.status == "paid" else 0,
        refunded_cents=0 if found.payment is None else found.payment.refunded,
        currency=bill.currency,
        payment_method=Card(kind, found.last4) if found.last4 else None,
        message=found.why,
        action_url=found.action_url if buys else None,
        receipt_url=_receipt_url(found),
    )


def _package(sold: Sold | None) -> PackageName | None:
    return None if sold is None else PackageName(sold.number, sold.name)


def _receipt_url(found: Receipt) -> str:
    return f"{RECEIPTS}{found.id}/"
