"""How tax rates, settings and customers' credit are shown."""

import msgspec

from tallystick.dialects.native.answers import Money, Percentage, Time
from tallystick.dialects.native.names import actor_id
from tallystick.domain.invoicing import model
from tallystick.domain.invoicing.views import Balance
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid

from .shapes import percentage


class TaxRate(msgspec.Struct):
    id: str
    name: str
    percentage: Percentage
    inclusive: bool
    country: str | None
    region: str | None
    default: bool
    active: bool
    created_at: Time
    updated_at: Time


class Seller(msgspec.Struct):
    name: str
    address: list[str]
    email: str
    tax_id: str
    logo: str


class BillingSettings(msgspec.Struct):
    seller: Seller
    invoice_pattern: str
    credit_note_pattern: str
    days_until_due: int
    grace_seconds: int
    end_unpaid_after_days: int
    locale: str
    time_zone: str
    footer: str


class CreditBalance(msgspec.Struct):
    """What is owed to the customer, by currency; later invoices use it up."""

    account: str
    balances: list[Money]


class CreditChange(msgspec.Struct):
    """``balance`` is after the change."""

    seq: int
    amount: Money
    balance: Money
    reason: str
    note: str
    invoice: str | None
    credit_note: str | None
    actor: str
    created_at: Time


def tax_rate(row: model.TaxRate) -> TaxRate:
    return TaxRate(
        typeid("tax", row.id),
        row.name,
        percentage(row.rate),
        row.inclusive,
        row.country or None,
        row.region or None,
        row.standard,
        row.active,
        iso(row.created_at),
        iso(row.updated_at),
    )


def billing_settings(row: model.Settings) -> BillingSettings:
    who = row.seller
    return BillingSettings(
        Seller(who.name, list(who.address), who.email, who.tax_id, who.logo),
        row.invoice_pattern,
        row.credit_note_pattern,
        row.days_until_due,
        row.grace_seconds,
        row.end_unpaid_after_days,
        row.locale,
        row.time_zone,
        row.footer,
    )


def credit_balance(account: str, rows: list[Balance]) -> CreditBalance:
    return CreditBalance(account, [Money(row.balance, row.currency) for row in rows])


def credit_change(row: model.Credit) -> CreditChange:
    return CreditChange(
        row.seq,
        Money(row.amount, row.currency),
        Money(row.balance, row.currency),
        row.reason,
        row.note,
        None if row.invoice is None else typeid("inv", row.invoice),
        None if row.credit_note is None else typeid("cn", row.credit_note),
        actor_id(row.actor),
        iso(row.at),
    )
