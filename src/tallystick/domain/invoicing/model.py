"""Invoices, credit notes, customer credit, tax rates and settings, as data; and the pure table of states.

Money is integer minor units of the row's currency, quantities are millionths, unit prices millionths of a
minor unit, tax rates millionths (7.5 % = 75,000), times UTC.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from tallystick.kernel.errors import Conflict

LineKind = Literal["plan", "usage", "one_time", "proration", "correction"]
Reason = Literal["cycle", "create", "change", "cancel", "manual", "purchase"]
Status = Literal["draft", "open", "paid", "void", "uncollectible"]
CreditReason = Literal["adjustment", "carried", "overpayment", "credit_note", "applied", "restored"]
NumberKind = Literal["invoice", "credit_note"]

ONE: Final = 1_000_000
"""A quantity of one."""

MAX_LINES: Final = 1000
"""Of an invoice made by hand."""

MOVES: Final[Mapping[str, frozenset[str]]] = {
    "draft": frozenset({"open", "void"}),
    "open": frozenset({"paid", "void", "uncollectible"}),
    "uncollectible": frozenset({"paid", "void"}),
    "paid": frozenset(),
    "void": frozenset(),
}
"""Every legal move of an invoice."""


def check_move(status: str, to: str) -> None:
    """Raises Conflict("invoice_state") unless `MOVES` allows the move."""
    if to not in MOVES[status]:
        raise state_conflict(status)


def check_status(status: str, *allowed: str) -> None:
    """Raises Conflict("invoice_state") unless the invoice is in one of these states."""
    if status not in allowed:
        raise state_conflict(status)


def state_conflict(status: str) -> Conflict:
    return Conflict("invoice_state", f"The invoice is {status}.", state=status)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLine:
    """A line to charge. ``amount`` is the truth, with its sign; quantity and unit price explain it."""

    kind: LineKind
    description: str
    amount: int
    quantity: int = ONE
    unit_price: int | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    component: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What to invoice. ``due_at`` of None is the issue and the settings' days until due."""

    account: int
    currency: str
    lines: Sequence[NewLine]
    subscription: UUID | None = None
    reason: Reason = "manual"
    period_start: datetime | None = None
    period_end: datetime | None = None
    due_at: datetime | None = None
    memo: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Line:
    """A line as invoiced. ``net`` and ``tax`` sum to what it adds to the total.

    ``taxes`` are the line's parts of the invoice's taxes, in their order.
    """

    invoice: UUID
    position: int
    kind: LineKind
    description: str
    quantity: int
    unit_price: int | None
    amount: int
    net: int
    tax: int
    taxes: list[int]
    component: str | None
    period_start: datetime | None
    period_end: datetime | None
    details: dict[str, Any]

    @property
    def total(self) -> int:
        return self.net + self.tax


@dataclass(slots=True, kw_only=True)
class Invoice:
    """An invoice with its lines.

    ``total`` = subtotal + tax + ``carried``, where ``carried`` is what a negative sum gave to the customer's
    credit. ``amount_due`` = total - ``credit_applied`` (customer credit used) - ``credited`` (credit notes);
    payments count in ``amount_paid``. ``taxes`` are rows of id, name, rate, inclusive, taxable and amount.
    A draft, a preview and an invoice issued without ``number_now`` have no number (yet).
    """

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    place: int
    number: str | None
    status: Status
    currency: str
    subscription: UUID | None
    reason: Reason
    subtotal: int
    tax: int
    carried: int
    total: int
    credit_applied: int
    credited: int
    amount_due: int
    amount_paid: int
    period_start: datetime | None
    period_end: datetime | None
    issued_at: datetime | None
    due_at: datetime | None
    paid_at: datetime | None
    voided_at: datetime | None
    seller: dict[str, Any]
    buyer: dict[str, Any]
    taxes: list[dict[str, Any]]
    memo: str
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    lines: list[Line] = field(default_factory=list)

    @property
    def remaining(self) -> int:
        """What is still to be paid."""
        return self.amount_due - self.amount_paid


@dataclass(slots=True, kw_only=True)
class NoteLine:
    """A line of a credit note; ``invoice_line`` is the position of the line it credits, if one."""

    credit_note: UUID
    position: int
    invoice_line: int | None
    description: str
    net: int
    tax: int

    @property
    def total(self) -> int:
        return self.net + self.tax


@dataclass(slots=True, kw_only=True)
class CreditNote:
    """``total`` = ``applied`` (lowered what the invoice is due) + ``to_credit`` + ``refund_due``."""

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    place: int
    number: str | None
    invoice: UUID
    invoice_number: str | None
    currency: str
    subtotal: int
    tax: int
    total: int
    applied: int
    to_credit: int
    refund_due: int
    taxes: list[dict[str, Any]]
    reason: str
    metadata: dict[str, Any]
    seller: dict[str, Any]
    buyer: dict[str, Any]
    issued_at: datetime
    created_at: datetime
    lines: list[NoteLine] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Payment:
    """Money that came in for an invoice; what is not ``applied`` became customer credit."""

    invoice: UUID
    seq: int
    amount: int
    applied: int
    reference: str
    actor: str
    paid_at: datetime


@dataclass(slots=True, kw_only=True)
class Credit:
    """One change of the money owed to a customer; ``balance`` is after it."""

    seq: int
    currency: str
    amount: int
    balance: int
    reason: CreditReason
    note: str
    invoice: UUID | None
    credit_note: UUID | None
    actor: str
    at: datetime


@dataclass(slots=True, kw_only=True)
class TaxRate:
    """``rate`` is in millionths; ``standard`` is the rate of customers whose country has none of its own."""

    id: UUID
    tenant: int
    name: str
    rate: int
    inclusive: bool
    country: str
    region: str
    standard: bool
    active: bool
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Seller:
    """Who bills. ``logo`` is a text that stands where a picture would."""

    name: str = ""
    address: tuple[str, ...] = ()
    email: str = ""
    tax_id: str = ""
    logo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a tenant bills. ``time_zone`` decides the date that numbers and documents carry."""

    seller: Seller = field(default_factory=Seller)
    invoice_pattern: str = "INV-{YYYY}-{SEQ:3}"
    credit_note_pattern: str = "CN-{YYYY}-{SEQ:3}"
    days_until_due: int = 0
    grace_seconds: int = 86_400
    end_unpaid_after_days: int = 30
    locale: str = "en"
    time_zone: str = "UTC"
    footer: str = ""


@dataclass(frozen=True, slots=True)
class Desk:
    """What issuing needs to know of a tenant, read once for many invoices."""

    settings: Settings
    rates: tuple[TaxRate, ...]
