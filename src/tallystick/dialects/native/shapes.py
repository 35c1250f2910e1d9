"""How the books and the directory are shown when they are read: rows to views."""

from typing import Any

import msgspec

from tallystick.domain.catalog import model as catalog
from tallystick.domain.identity import model as identity
from tallystick.domain.ledger import model as ledger
from tallystick.domain.ledger.views import Balances
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits

from . import answers
from .answers import Credits, Money, Quantity, Time, UnitPrice
from .names import account_id, actor_id, entry_id, grant_id, hold_id, key_id


class Wallet(msgspec.Struct):
    credit_type: str
    posted: Credits
    held: Credits
    available: Credits
    overdraft: Credits
    updated_at: Time


class Balance(msgspec.Struct):
    account: str
    balances: list[Wallet]


class Entry(msgspec.Struct):
    """``amount`` has a sign; ``posted``, ``held`` and ``available`` are the balances after it."""

    id: str
    account: str
    seq: int
    kind: str
    credit_type: str
    amount: Credits
    posted: Credits
    held: Credits
    available: Credits
    contra: str
    operation: str | None
    quantity: Quantity | None
    rate_version: int | None
    reference: str | None
    description: str | None
    metadata: dict[str, Any] | None
    hold: str | None
    reverses: str | None
    actor: str
    created_at: Time


class GrantRow(msgspec.Struct):
    """``remaining`` counts ``held``, which holds have set aside."""

    id: str
    account: str
    credit_type: str
    amount: Credits
    remaining: Credits
    held: Credits
    source: str
    priority: int
    expires_at: Time | None
    paid: Money | None
    created_at: Time


class HoldRow(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: Credits
    captured: Credits
    released: Credits
    reported: Credits
    remaining: Credits
    state: str
    on_expiry: str
    expires_at: Time
    reference: str | None
    description: str | None
    metadata: dict[str, Any] | None
    created_at: Time
    ended_at: Time | None


class HeldNow(HoldRow):
    """``posted``, ``held`` and ``available`` are the wallet's, now."""

    posted: Credits
    held: Credits
    available: Credits


class Address(msgspec.Struct):
    """What is not known is empty. ``country`` is a code of ISO 3166-1."""

    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postal_code: str = ""
    country: str = ""


class Account(msgspec.Struct):
    """``kind`` is individual or business; ``status`` active, inactive, blocked or closed."""

    id: str
    number: int
    external_id: str | None
    name: str
    email: str
    first_name: str
    last_name: str
    phone: str
    kind: str
    address: Address
    tax_id: str
    tax_exempt: bool
    currency: str
    time_zone: str
    metadata: dict[str, Any]
    status: str
    created_at: Time
    updated_at: Time


class CreditType(msgspec.Struct):
    """``unit_price`` is what a credit costs where any amount may be bought."""

    code: str
    name: str
    default: bool
    unit_price: UnitPrice
    created_at: Time


class Rate(msgspec.Struct):
    operation: str
    credit_type: str
    cost: Credits


class RateCard(msgspec.Struct):
    version: int
    effective_at: Time
    created_at: Time
    created_by: str
    rates: list[Rate]


class ApiKey(msgspec.Struct):
    """``hint`` is the key's last four characters."""

    id: str
    name: str
    scope: str
    hint: str
    created_by: str
    created_at: Time
    expires_at: Time | None
    revoked_at: Time | None
    last_used_at: Time | None


class IssuedKey(ApiKey):
    """``key`` is shown here and never again."""

    key: str


class AuditEntry(msgspec.Struct):
    id: int
    at: Time
    actor: str
    action: str
    target: str
    reason: str | None
    details: dict[str, Any]


class Tokens(msgspec.Struct):
    access: str
    refresh: str
    token_type: str
    access_expires_at: Time
    refresh_expires_at: Time


class Accepted(msgspec.Struct):
    accepted: int


def balances(found: Balances) -> Balance:
    return Balance(
        account_id(found.head.uuid),
        [
            Wallet(
                wallet.credit_type,
                format_credits(wallet.posted),
                format_credits(wallet.held),
                format_credits(wallet.available),
                format_credits(wallet.overdraft),
                iso(wallet.updated_at),
            )
            for wallet in found.wallets
        ],
    )


def entry(head: ledger.Head, row: ledger.Entry) -> Entry:
    return Entry(
        entry_id(head.account, row.seq),
        account_id(head.uuid),
        row.seq,
        row.kind,
        row.credit_type,
        format_credits(row.amount),
        format_credits(row.posted_after),
        format_credits(row.held_after),
        format_credits(row.available_after),
        row.contra,
        row.operation,
        None if row.quantity is None else format_credits(row.quantity),
        row.rate_version,
        row.reference,
        row.description,
        row.metadata,
        None if row.hold is None else hold_id(head.account, row.hold),
        None if row.reverses is None else entry_id(head.account, row.reverses),
        actor_id(row.actor),
        iso(row.effective_at),
    )


def grant(head: ledger.Head, row: ledger.Grant) -> GrantRow:
    return GrantRow(
        grant_id(head.account, row.id),
        account_id(head.uuid),
        row.credit_type,
        format_credits(row.amount),
        format_credits(row.remaining),
        format_credits(row.held),
        row.source,
        row.priority,
        None if row.expires_at is None else iso(row.expires_at),
        answers.money(row.paid_minor, row.currency),
        iso(row.created_at),
    )


def hold(head: ledger.Head, row: ledger.Hold) -> HoldRow:
    return HoldRow(*_hold(head, row))


def held_now(head: ledger.Head, row: ledger.Hold, wallet: ledger.Wallet) -> HeldNow:
    now = (wallet.posted, wallet.held, wallet.available)
    return HeldNow(*(*_hold(head, row), *map(format_credits, now)))


def _hold(head: ledger.Head, row: ledger.Hold) -> tuple[Any, ...]:
    return (
        hold_id(head.account, row.id),
        account_id(head.uuid),
        row.credit_type,
        format_credits(row.amount),
        format_credits(row.captured),
        format_credits(row.released),
        format_credits(row.reported),
        format_credits(row.remaining),
        row.state,
        row.on_expiry,
        iso(row.expires_at),
        row.reference,
        row.description,
        row.metadata,
        iso(row.created_at),
        None if row.ended_at is None else iso(row.ended_at),
    )


def account(row: identity.Account) -> Account:
    return Account(
        account_id(row.uuid),
        row.number,
        row.external_id,
        row.name,
        row.email,
        row.first_name,
        row.last_name,
        row.phone,
        row.kind,
        Address(**row.address),
        row.tax_id,
        row.tax_exempt,
        row.currency,
        row.time_zone,
        row.metadata,
        row.status,
        iso(row.created_at),
        iso(row.updated_at),
    )


def credit_type(row: catalog.CreditType) -> CreditType:
    price = catalog.UNIT_PRICE if row.unit_price is None else row.unit_price
    return CreditType(row.code, row.name, row.default, format_credits(price), iso(row.created_at))


def rate_card(row: catalog.RateCard) -> RateCard:
    return RateCard(
        row.version,
        iso(row.effective_at),
        iso(row.created_at),
        actor_id(row.created_by),
        [Rate(rate.operation, rate.credit_type, format_credits(rate.cost)) for rate in row.rates],
    )


def api_key(row: identity.ApiKey) -> ApiKey:
    return ApiKey(
        key_id(row.id),
        row.name,
        row.scope.value,
        row.hint,
        actor_id(row.created_by),
        iso(row.created_at),
        None if row.expires_at is None else iso(row.expires_at),
        None if row.revoked_at is None else iso(row.revoked_at),
        None if row.last_used_at is None else iso(row.last_used_at),
    )


def audit_entry(row: identity.AuditEntry) -> AuditEntry:
    return AuditEntry(
        row.id, iso(row.at), actor_id(row.actor), row.action, actor_id(row.target), row.reason, row.details
    )
