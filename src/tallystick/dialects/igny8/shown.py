"""The contract's objects of money and people as they are sent, and its words for states."""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.domain.catalog import model as catalog
from tallystick.domain.identity.model import Account, Membership
from tallystick.domain.invoicing import model as invoicing
from tallystick.domain.payments import model as payments
from tallystick.domain.payments.port import Gateway
from tallystick.kernel.actor import Role
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import floor_credits
from tallystick.kernel.money import Money

from .slugs import slug_of

_TITLES: Final = {
    "stripe": "Credit/Debit Card",
    "sandbox": "Credit/Debit Card",
    "manual": "Bank Transfer",
}
_INVOICES: Final = {"open": "pending"}
_PAYMENTS: Final = {
    "pending": "pending",
    "requires_action": "pending",
    "processing": "pending",
    "succeeded": "succeeded",
    "failed": "failed",
    "cancelled": "failed",
}


class Invoice(msgspec.Struct, frozen=True):
    """``invoice_number`` is empty until the invoice has one. ``total_amount`` is in major units of its currency."""

    id: int
    invoice_number: str
    status: str
    total_amount: str
    created_at: str


class Payment(msgspec.Struct, frozen=True):
    id: int
    amount: str
    status: str
    payment_method: str
    created_at: str


class PaymentMethod(msgspec.Struct, frozen=True):
    payment_method: str
    display_name: str
    is_enabled: bool


class Package(msgspec.Struct, frozen=True):
    """``credits`` is the sum of what is sold and what is given with it."""

    id: int
    name: str
    credits: int
    price: str
    is_active: bool


class NextAction(msgspec.Struct, frozen=True, omit_defaults=True):
    """``redirect`` with its address, or ``manual`` with its instructions."""

    type: str
    url: str | UnsetType = UNSET
    instructions: str | UnsetType = UNSET


class Purchase(msgspec.Struct, frozen=True):
    """``payment_id`` is null where nothing was to pay; ``next_action`` where the customer has nothing to do."""

    invoice_id: int
    invoice_number: str
    credit_amount: int
    total_amount: str
    status: str
    payment_id: int | None
    next_action: NextAction | None


class Settings(msgspec.Struct, frozen=True):
    id: int
    name: str
    slug: str
    billing_address_line1: str
    billing_city: str
    credit_balance: int
    created_at: str


class Teammate(msgspec.Struct, frozen=True):
    """Who is in the account, or invited to it: those have no ``date_joined``."""

    id: int
    email: str
    first_name: str
    last_name: str
    is_active: bool
    is_staff: bool
    date_joined: str | UnsetType = UNSET


def invoice(row: invoicing.Invoice) -> Invoice:
    return Invoice(
        row.place,
        row.number or "",
        _INVOICES.get(row.status, row.status),
        _amount(row.total, row.currency),
        iso_seconds(row.created_at),
    )


def payment(row: payments.Payment, by_hand: bool) -> Payment:
    """``by_hand``: staff say whether its money came."""
    return Payment(
        row.number,
        _amount(row.amount, row.currency),
        payment_status(row, by_hand),
        row.gateway,
        iso_seconds(row.created_at),
    )


def payment_status(row: payments.Payment, by_hand: bool) -> str:
    """One of pending, pending_approval, succeeded, failed and refunded."""
    if row.status == "succeeded" and 0 < row.amount <= row.refunded:
        return "refunded"
    if row.status == "pending" and by_hand:
        return "pending_approval"
    return _PAYMENTS[row.status]


def payment_method(gateway: Gateway, enabled: bool) -> PaymentMethod:
    return PaymentMethod(gateway.name, _TITLES.get(gateway.name, gateway.title), enabled)


def package(row: catalog.Package) -> Package:
    whole = floor_credits(row.credits + row.bonus)
    return Package(row.number, row.name, whole, _amount(row.price, row.currency), row.active)


def account_settings(row: Account, balance: int) -> Settings:
    return Settings(
        row.number,
        row.name,
        slug_of(row.name),
        row.address.get("line1", ""),
        row.address.get("city", ""),
        balance,
        iso_seconds(row.created_at),
    )


def teammate(row: Membership) -> Teammate:
    return Teammate(
        row.user_number,
        row.user_email,
        row.first_name,
        row.last_name,
        row.active and row.joined_at is not None,
        row.role.includes(Role.ADMIN),
        _since(row.joined_at),
    )


def _since(moment: datetime | None) -> str | UnsetType:
    return UNSET if moment is None else iso_seconds(moment)


def _amount(minor: int, currency: str) -> str:
    return str(Money(minor, currency))
