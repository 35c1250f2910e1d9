"""The books in whole credits, for contracts whose credits are integers. The ledger itself stays exact.

A balance is rounded down, and a row is the difference of two balances so rounded: whatever the amounts were, rows
always add up to the balance, and the totals of a period are the sums of its rows. A row may be 0.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows, value
from tallystick.kernel.credits import floor_credits

from .books import QUERIES
from .model import Entry, Wallet
from .views import Balances, bounds


class Kind(StrEnum):
    """What an entry is to a customer. Each contract has its own words for these."""

    PURCHASE = "purchase"
    PLAN = "plan"
    """A subscription's allowance."""
    GIFT = "gift"
    USAGE = "usage"
    EXPIRY = "expiry"
    TRANSFER = "transfer"
    CORRECTION = "correction"
    REFUND = "refund"
    """Of money, and whatever undoes an entry."""


USAGE: Final = ("debit", "capture")
"""The ledger's kinds of entries that are usage."""

_KINDS: Final = {
    "debit": Kind.USAGE,
    "capture": Kind.USAGE,
    "expire": Kind.EXPIRY,
    "transfer": Kind.TRANSFER,
    "adjust": Kind.CORRECTION,
    "reverse": Kind.REFUND,
    "refund": Kind.REFUND,
}
# a grant's contra account says where its credits came from
_GRANTS: Final = {
    "purchase": Kind.PURCHASE,
    "plan": Kind.PLAN,
    "promo": Kind.GIFT,
    "adjustment": Kind.CORRECTION,
    "refund": Kind.REFUND,
}


def balance(wallet: Wallet | None) -> int:
    """Whole credits posted and not held, overdraft aside. None: there is no wallet until its first credit."""
    return 0 if wallet is None else floor_credits(wallet.posted - wallet.held)


def row_amount(entry: Entry) -> int:
    """Whole credits by which the entry changed the rounded balance, signed."""
    return floor_credits(entry.posted_after) - floor_credits(entry.posted_after - entry.amount)


def balance_after(entry: Entry) -> int:
    """Whole credits posted after the entry."""
    return floor_credits(entry.posted_after)


def kind_of(entry: Entry) -> Kind:
    return _kind(entry.kind, entry.contra)


def _kind(kind: str, contra: str | None) -> Kind:
    return _GRANTS[contra or ""] if kind == "grant" else _KINDS[kind]


def used(entry: Entry) -> int:
    """Whole credits that the entry counts as used: less than 0 where it gives usage back, 0 for all else."""
    return -row_amount(entry) if entry.contra.partition(":")[0] == "usage" else 0


async def used_whole(
    conn: Tx, account: int, credit_type: str, start: datetime | None, end: datetime | None
) -> int:
    """Whole credits used in [start, end): the rows of usage, less those that gave usage back.

    Below 0 where more was given back, of earlier usage, than used. That the account is the caller's tenant's, it has
    checked.
    """
    low, high = await bounds(conn, account, start, end)
    return await used_between(conn, account, credit_type, low, high)


async def used_between(
    conn: Tx, account: int, credit_type: str, low: int, high: int, since: datetime | None = None
) -> int:
    """Whole credits used by the entries with the numbers [low, high), of those that took effect at ``since`` or
    later. That the account is the caller's tenant's, it has checked."""
    values = {"account": account, "credit_type": credit_type, "low": low, "high": high, "since": since}
    # a sum of spending has no bound, as balances have: it comes as a numeric
    return int(await value(conn, QUERIES.whole_used, values))


@dataclass(frozen=True, slots=True)
class Sum:
    """The rows of a kind: whole credits, signed, and how many rows."""

    total: int = 0
    count: int = 0

    def __add__(self, other: "Sum") -> "Sum":
        return Sum(self.total + other.total, self.count + other.count)


async def sums(
    conn: Tx,
    account: int,
    credit_type: str,
    starts: Sequence[datetime],
    end: datetime | None = None,
    *,
    seen: Balances | None = None,
) -> list[dict[Kind, Sum]]:
    """The rows of each span by kind: from one of ``starts``, in order, to the next, and from the last to ``end``.

    With ``seen`` they are the rows of those balances, which were just read: what came since is left out, and what was
    due is in though nothing has swept it. That the account is the caller's tenant's, it has checked.
    """
    low, high = await bounds(conn, account, starts[0], end)
    unwritten = [] if seen is None else [one for one in seen.unwritten if one.credit_type == credit_type]
    if seen is not None:
        high = min(high, seen.head.seq - len(seen.unwritten) + 1)
    values = {
        "account": account,
        "credit_type": credit_type,
        "low": low,
        "high": high,
        "starts": arrays.moments(starts),
    }
    found: list[dict[Kind, Sum]] = [{} for _ in starts]
    for row in await all_rows(conn, _Sum, QUERIES.whole_sums, values):
        _add(found[row.span - 1], _kind(row.kind, row.contra), Sum(int(row.total), row.count))
    for entry in unwritten:
        at = entry.effective_at
        if starts[0] <= at and (end is None or at < end):
            _add(found[bisect_right(starts, at) - 1], kind_of(entry), Sum(row_amount(entry), 1))
    return found


def _add(sums: dict[Kind, Sum], kind: Kind, more: Sum) -> None:
    sums[kind] = sums.get(kind, Sum()) + more


@dataclass(slots=True)
class _Sum:
    span: int
    kind: str
    contra: str | None
    total: int
    count: int
