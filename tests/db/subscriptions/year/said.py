"""What came of a person, in words that the model and the server share. Credits are microcredits."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from .life import Customer

MICRO = 1_000_000


class Line(NamedTuple):
    what: str
    of: str | None
    amount: int
    start: datetime | None
    end: datetime | None


class Given(NamedTuple):
    credit: str
    at: datetime
    amount: int
    expires_at: datetime | None


@dataclass
class Bill:
    subscription: str
    why: str
    issued_at: datetime
    status: str
    total: int
    credit: int
    lines: list[Line] = field(default_factory=list)

    def tidy(self) -> None:
        """A component's lines are added up (its tiers, its minimum); those of nothing are left out."""
        sums: Counter[tuple[str, str | None, datetime | None, datetime | None]] = Counter()
        for line in self.lines:
            sums[line.what, line.of, line.start, line.end] += line.amount
        lines = [Line(what, of, amount, *span) for (what, of, *span), amount in sums.items() if amount]
        self.lines = sorted(lines, key=str)


@dataclass
class Books:
    """``statuses`` by subscription, ``balances`` by credit type."""

    statuses: dict[str, str] = field(default_factory=dict)
    bills: list[Bill] = field(default_factory=list)
    grants: list[Given] = field(default_factory=list)
    balances: dict[str, int] = field(default_factory=dict)

    def tidy(self) -> None:
        for bill in self.bills:
            bill.tidy()
        self.grants.sort(key=str)
        self.balances = {credit: amount for credit, amount in self.balances.items() if amount}


def said(person: Customer, at: datetime) -> Books:
    """What the model has of a person at this moment."""
    books = Books()
    for name, sub in person.subscriptions.items():
        books.statuses[name] = sub.status
        for bill in sub.bills:
            lines = [Line(line.what, line.of, line.amount, line.start, line.end) for line in bill.lines]
            books.bills.append(
                Bill(name, bill.why, bill.issued_at, bill.status, bill.total, bill.credit, lines)
            )
    for credit, wallet in person.wallets.items():
        books.balances[credit] = int(wallet.balance(at) * MICRO)
        for lot in wallet.lots:
            books.grants.append(Given(credit, lot.granted_at, int(lot.amount * MICRO), lot.expires_at))
    books.tidy()
    return books


def differences(wanted: Books, found: Books) -> list[str]:
    """What is not the same, a line each; none when all is."""
    told = []
    moments: list[tuple[datetime, str]] = []
    for name, one, other in (
        ("subscriptions", wanted.statuses, found.statuses),
        ("balances", wanted.balances, found.balances),
    ):
        if one != other:
            told.append(f"{name}: {one}, not {other}")
    for said, more, less in (("missing", wanted, found), ("too many", found, wanted)):
        bills = [(bill.issued_at, f"{said}: {bill}") for bill in more.bills if bill not in less.bills]
        grants = [
            (one.at, f"{said}: {one}") for one in (Counter(more.grants) - Counter(less.grants)).elements()
        ]
        moments += [*bills, *grants]
    return told + [text for _, text in sorted(moments)]
