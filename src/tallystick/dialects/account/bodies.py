"""The contract's objects as they are sent, and its query parameters as they are read.

Numbers typed float are decimals written exactly from integers, always with a point: no value passes through
a float, so none is rounded, NaN or in exponent notation.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from tallystick.domain.identity.model import Account, User
from tallystick.domain.ledger.model import Entry, Wallet
from tallystick.domain.ledger.views import History
from tallystick.domain.metering.model import RequestUsage
from tallystick.domain.subscriptions import model as subscriptions
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Invalid
from tallystick.kernel.ids import typeid

encode: Final = msgspec.json.Encoder().encode

Number = msgspec.Raw
"""A JSON number with a decimal point."""

PERIODS: Final = ("daily", "monthly", "yearly")

KINDS: Final[dict[str, list[str]]] = {
    "credit": ["grant"],
    "debit": ["debit", "capture"],
    "adjustment": ["expire", "transfer", "adjust", "reverse", "refund"],
}
"""The contract's types of entries, as the ledger's kinds."""
_TYPES: Final = {kind: name for name, kinds in KINDS.items() for kind in kinds}

# what an entry says of itself when its maker said nothing: the contract's description is a string
_WORDS: Final = {
    "grant": "Grant",
    "debit": "Usage",
    "capture": "Usage",
    "expire": "Expiry",
    "transfer": "Transfer",
    "adjust": "Adjustment",
    "reverse": "Reversal",
    "refund": "Refund",
}

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 100
_INTEGER: Final = re.compile("[0-9]{1,15}", re.ASCII)


class UsageStats(msgspec.Struct, frozen=True, kw_only=True):
    user_id: int
    period: str
    total_requests: int
    successful_requests: int
    failed_requests: int
    credits_consumed: Number
    requests_by_endpoint: dict[str, int]
    period_start: str
    period_end: str


class CreditBalance(msgspec.Struct, frozen=True, kw_only=True):
    user_id: int
    balance: Number
    reserved: Number
    available: Number
    currency: str
    last_updated: str
    auto_reload_enabled: bool
    auto_reload_threshold: Number
    auto_reload_amount: Number


class CreditLedgerEntry(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    user_id: int
    type: str
    amount: Number
    balance_after: Number
    description: str
    reference: str
    metadata: dict[str, Any]
    created_at: str


class CreditLedger(msgspec.Struct, frozen=True, kw_only=True):
    data: list[CreditLedgerEntry]
    total: int
    limit: int
    offset: int


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    plan: str
    status: str
    current_period_start: str
    current_period_end: str
    cancel_at_period_end: bool


class AccountSummary(msgspec.Struct, frozen=True, kw_only=True):
    user_id: int
    email: str
    credit_balance: CreditBalance
    subscription: Subscription | None
    usage_this_month: UsageStats
    total_requests_all_time: int
    account_created_at: str
    last_login_at: str | None


class AutoReload(NamedTuple):
    """What is bought automatically, in microcredits. ``enabled``: it is switched on, and no decline has stopped it."""

    enabled: bool
    threshold: int
    amount: int


NO_RELOAD: Final = AutoReload(False, 0, 0)


def number(micro: int) -> Number:
    """Microcredits as a decimal with a point: 12500000 -> ``12.5``, 100000000 -> ``100.0``."""
    whole, fraction = divmod(abs(micro), MICRO)
    digits = f"{fraction:06d}".rstrip("0") or "0"
    return Number(f"{'-' if micro < 0 else ''}{whole}.{digits}".encode())


def usage_stats(user: int, asked: "UsageQuery", requests: RequestUsage, consumed: int) -> UsageStats:
    return UsageStats(
        user_id=user,
        period=asked.period,
        total_requests=requests.total,
        successful_requests=requests.successful,
        failed_requests=requests.failed,
        credits_consumed=number(consumed),
        requests_by_endpoint=requests.by_endpoint,
        period_start=iso_seconds(asked.start),
        period_end=iso_seconds(asked.end),
    )


def credit_balance(
    user: int, wallet: Wallet | None, currency: str, account_created: datetime, reload: AutoReload
) -> CreditBalance:
    """``wallet`` is None until the account's first credit, and the account's beginning its last change."""
    posted, held = (wallet.posted, wallet.held) if wallet else (0, 0)
    return CreditBalance(
        user_id=user,
        balance=number(posted),
        reserved=number(held),
        available=number(posted - held),
        currency=currency,
        last_updated=iso_seconds(wallet.updated_at if wallet else account_created),
        auto_reload_enabled=reload.enabled,
        auto_reload_threshold=number(reload.threshold),
        auto_reload_amount=number(reload.amount),
    )


def ledger_entry(user: int, entry: Entry) -> CreditLedgerEntry:
    return CreditLedgerEntry(
        id=entry.seq,
        user_id=user,
        type=_TYPES[entry.kind],
        amount=number(entry.amount),
        balance_after=number(entry.posted_after),
        description=entry.description or _describe(entry),
        reference=entry.reference or "",
        metadata=entry.metadata or {},
        created_at=iso_seconds(entry.effective_at),
    )


def _describe(entry: Entry) -> str:
    word = _WORDS[entry.kind]
    about = entry.operation
    if entry.kind == "grant" and entry.detail is not None:
        about = entry.detail["grant"]["source"]
    return f"{word}: {about}" if about else word


def ledger(user: int, asked: "LedgerQuery", found: History) -> CreditLedger:
    return CreditLedger(
        data=[ledger_entry(user, entry) for entry in found.entries],
        total=found.total,
        limit=asked.limit,
        offset=asked.offset,
    )


def subscription(found: subscriptions.Subscription) -> Subscription:
    """A recurring one, whose period has an end."""
    assert found.period_end is not None
    return Subscription(
        id=typeid("sub", found.id),
        plan=found.plan_name,
        status=found.status,
        current_period_start=iso_seconds(found.period_start),
        current_period_end=iso_seconds(found.period_end),
        cancel_at_period_end=found.cancel_at_period_end,
    )


def summary(
    user: User,
    account: Account,
    balance: CreditBalance,
    held: subscriptions.Subscription | None,
    usage: UsageStats,
    total_requests: int,
) -> AccountSummary:
    return AccountSummary(
        user_id=user.number,
        email=user.email,
        credit_balance=balance,
        subscription=None if held is None else subscription(held),
        usage_this_month=usage,
        total_requests_all_time=total_requests,
        account_created_at=iso_seconds(account.created_at),
        last_login_at=iso_seconds(user.last_login_at) if user.last_login_at else None,
    )


# Query parameters ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UsageQuery:
    """The half-open span [start, end)."""

    period: str
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class LedgerQuery:
    """``kinds`` None is every type; ``start`` and ``end`` None are open ends."""

    kinds: list[str] | None
    start: datetime | None
    end: datetime | None
    limit: int
    offset: int


def usage_query(query: Mapping[str, str], now: datetime, zone: str) -> UsageQuery:
    """Read the parameters of /usage. Raises Invalid.

    Without ``from`` the span begins where the day, month or year that ``to`` ends began in the account's
    time zone.
    """
    period = query.get("period", "monthly")
    if period not in PERIODS:
        raise Invalid("period", "must be daily, monthly or yearly")
    start, end = _span(query, zone)
    if start is None:
        try:
            start = period_start(period, now if end is None else end - timedelta.resolution, zone)
        except OverflowError:
            raise Invalid("to", "is out of range") from None
    return UsageQuery(period, *_ordered(start, now if end is None else end))


def ledger_query(query: Mapping[str, str], zone: str) -> LedgerQuery:
    """Read the parameters of /ledger. Raises Invalid."""
    kind = query.get("type")
    if kind is not None and kind not in KINDS:
        raise Invalid("type", "must be credit, debit or adjustment")
    start, end = _span(query, zone)
    if start is not None and end is not None:
        _ordered(start, end)
    return LedgerQuery(
        None if kind is None else KINDS[kind],
        start,
        end,
        _integer(query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT),
        _integer(query, "offset", 0, 0, 10**15),
    )


def period_start(period: str, moment: datetime, zone: str) -> datetime:
    """When the day, month or year around the moment began in the zone, in UTC."""
    local = moment.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if period != "daily":
        local = local.replace(day=1)
    if period == "yearly":
        local = local.replace(month=1)
    return local.astimezone(UTC)


def _span(query: Mapping[str, str], zone: str) -> tuple[datetime | None, datetime | None]:
    return _moment(query, "from", zone), _moment(query, "to", zone)


def _moment(query: Mapping[str, str], name: str, zone: str) -> datetime | None:
    """A date, the beginning of that day, or a date-time; without an offset either is in the account's zone."""
    text = query.get(name)
    if text is None:
        return None
    # an offset's + that was not escaped arrives as a space
    if len(text) > 16 and text[-6] == " ":
        text = text[:-6] + "+" + text[-5:]
    try:
        if not text.isascii():
            raise ValueError
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(name, "must be an ISO 8601 date or date-time such as 2026-11-21T10:00:00Z") from None


def _ordered(start: datetime, end: datetime) -> tuple[datetime, datetime]:
    if start > end:
        raise Invalid("from", "must not be after to")
    return start, end


def _integer(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name)
    if text is None:
        return default
    if _INTEGER.fullmatch(text) is None or not least <= int(text) <= most:
        bound = f"from {least} to {most}" if name == "limit" else "of at least 0"
        raise Invalid(name, f"must be an integer {bound}")
    return int(text)
