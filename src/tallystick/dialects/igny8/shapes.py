"""The books as the contract shows them. Credits are whole; see `domain/ledger/whole`."""

import re
from collections.abc import Sequence
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Generic, TypeVar

import msgspec

from tallystick.domain.catalog.model import UNIT_PRICE
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.model import Entry
from tallystick.domain.ledger.whole import Kind, Sum
from tallystick.domain.subscriptions.monthly import Monthly
from tallystick.kernel.clock import iso_seconds

T = TypeVar("T")

TYPES: Final = {
    Kind.PURCHASE: "purchase",
    Kind.PLAN: "subscription",
    Kind.GIFT: "grant",
    Kind.USAGE: "deduction",
    Kind.EXPIRY: "expiry",
    Kind.TRANSFER: "adjustment",
    Kind.CORRECTION: "adjustment",
    Kind.REFUND: "refund",
}
"""The contract's types of transactions."""

# what a transaction says of itself when its maker said nothing
_WORDS: Final = {
    Kind.PURCHASE: "Credit purchase",
    Kind.PLAN: "Plan credits",
    Kind.GIFT: "Credits granted",
    Kind.USAGE: "Usage",
    Kind.EXPIRY: "Credits expired",
    Kind.TRANSFER: "Credit transfer",
    Kind.CORRECTION: "Adjustment",
    Kind.REFUND: "Refund",
}
OTHER: Final = "other"
"""The operation of a usage that named none."""

_DOLLAR: Final = 10**14
"""In millionths of a cent, times the microcredits of a credit: in these parts every cost is a whole number."""
_MOST: Final = 10**12
_COST: Final = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,30})?", re.ASCII)


class Enveloped(msgspec.Struct, Generic[T], frozen=True):
    success: bool
    data: T


class Balance(msgspec.Struct, frozen=True):
    credits: int
    plan_credits_per_month: int
    credits_used_this_month: int
    credits_remaining: int


class Transaction(msgspec.Struct, frozen=True):
    id: int
    amount: int
    transaction_type: str
    description: str
    created_at: str
    balance_after: int


class UsageLog(msgspec.Struct, frozen=True):
    id: int
    operation_type: str
    credits_used: int
    cost_usd: str
    created_at: str


class TypeTotal(msgspec.Struct, frozen=True):
    transaction_type: str
    total: int
    count: int


class Day(msgspec.Struct, frozen=True):
    date: str
    usage: int
    purchases: int
    net: int


class Analytics(msgspec.Struct, frozen=True):
    period_days: int
    current_balance: int
    usage_by_type: list[TypeTotal]
    daily_usage: list[Day]
    total_usage: int
    total_purchases: int


def data(what: T) -> Enveloped[T]:
    """The contract's envelope."""
    return Enveloped(True, what)


def balance(credits: int, monthly: Monthly) -> Balance:
    return Balance(credits, monthly.planned, monthly.used, credits)


def transaction(entry: Entry) -> Transaction:
    kind = whole.kind_of(entry)
    return Transaction(
        entry.seq,
        whole.row_amount(entry),
        TYPES[kind],
        entry.description or _describe(kind, entry),
        iso_seconds(entry.effective_at),
        whole.balance_after(entry),
    )


def _describe(kind: Kind, entry: Entry) -> str:
    return f"{_WORDS[kind]}: {entry.operation}" if entry.operation else _WORDS[kind]


def usage_log(entry: Entry, unit_price: int | None) -> UsageLog:
    """A debit or capture. ``unit_price`` is a credit's, in millionths of a cent; None where none is set."""
    return UsageLog(
        entry.seq,
        entry.operation or OTHER,
        -whole.row_amount(entry),
        cost_usd(entry, unit_price),
        iso_seconds(entry.effective_at),
    )


def cost_usd(entry: Entry, unit_price: int | None) -> str:
    """Dollars, with two decimals or as many more as it takes (at most fourteen).

    What the caller reported as ``metadata.cost_usd``, a number or a decimal string; else the exact credits at their
    price, a cent each where none is set.
    """
    cost = _reported((entry.metadata or {}).get("cost_usd"))
    if cost is None:
        cost = -entry.amount * (UNIT_PRICE if unit_price is None else unit_price)
    dollars, fraction = divmod(cost, _DOLLAR)
    return f"{dollars}." + f"{fraction:014d}".rstrip("0").ljust(2, "0")


def _reported(said: Any) -> int | None:
    """A cost that is one, in parts of `_DOLLAR`: not negative, and less than a million millions."""
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        return None
    if isinstance(said, str) and _COST.fullmatch(said) is None:
        return None
    # a float is what its shortest text says: 0.1 is a tenth
    dollars = Decimal(repr(said) if isinstance(said, float) else said)
    if not 0 <= dollars < _MOST:
        return None
    return int((dollars * _DOLLAR).to_integral_value(ROUND_HALF_EVEN))


def analytics(credits: int, days: Sequence[date], sums: Sequence[dict[Kind, Sum]]) -> Analytics:
    """``sums`` has the rows of each of the ``days`` by kind."""
    shown = [_day(day, found) for day, found in zip(days, sums, strict=True)]
    return Analytics(
        len(days),
        credits,
        _by_type(sums),
        shown,
        sum(day.usage for day in shown),
        sum(day.purchases for day in shown),
    )


def _day(day: date, sums: dict[Kind, Sum]) -> Day:
    usage = -sums.get(Kind.USAGE, Sum()).total
    purchases = sums.get(Kind.PURCHASE, Sum()).total
    return Day(day.isoformat(), usage, purchases, purchases - usage)


def _by_type(sums: Sequence[dict[Kind, Sum]]) -> list[TypeTotal]:
    totals: dict[str, Sum] = {}
    for found in sums:
        for kind, one in found.items():
            totals[TYPES[kind]] = totals.get(TYPES[kind], Sum()) + one
    return [TypeTotal(name, one.total, one.count) for name, one in sorted(totals.items())]
