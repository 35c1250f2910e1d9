"""Proving the books: every check that needs no seal, over a chunk of accounts at a time.

Each chunk is one short read-only transaction on one snapshot, so writers are never slowed and what is checked
belongs together. A fault names the row that lies.
"""

from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Database, Tx, value
from tallystick.db.sql import Queries

QUERIES: Final = Queries("tallystick.domain.ledger", "verify.sql")
CHECKS: Final = [name for name in QUERIES.names() if name.startswith("check_")]
CHUNK: Final = 1000  # accounts
_ALL: Final = 2**62


@dataclass(frozen=True, slots=True)
class Fault:
    """A row that does not agree with the others. Amounts in the texts are microcredits."""

    check: str
    uuid: UUID | None
    """The account's; None where the row belongs to none."""
    row: str
    expected: str
    found: str


@dataclass(slots=True)
class Report:
    """What was checked, and what did not hold."""

    accounts: int = 0
    wallets: int = 0
    entries: int = 0
    grants: int = 0
    holds: int = 0
    faults: list[Fault] = field(default_factory=list)
    contra: Counter[tuple[int, str, str]] = field(default_factory=Counter)
    """Microcredits by (tenant, contra account, credit type): with all wallets they sum to zero."""
    posted: Counter[tuple[int, str]] = field(default_factory=Counter)

    @property
    def ok(self) -> bool:
        return not self.faults


async def verify(db: Database, account: int | None = None) -> Report:
    """Check all accounts, or the one of this internal number."""
    report = Report()
    async for conn, low, high in _chunks(db, account):
        await _check(conn, low, high, report)
    _check_zero_sum(report)
    return report


async def faults_of(db: Database, queries: Queries, account: int | None = None) -> list[Fault]:
    """What another domain's queries ``check_...`` find by the same walk; each looks at the accounts (low, high]."""
    names = [name for name in queries.names() if name.startswith("check_")]
    faults: list[Fault] = []
    async for conn, low, high in _chunks(db, account):
        for name in names:
            cursor = await conn.execute(getattr(queries, name).encode(), {"low": low, "high": high})
            for owner, row, expected, found in await cursor.fetchall():
                uuid = await value(conn, QUERIES.uuid, {"account": owner})
                faults.append(Fault(name.removeprefix("check_"), uuid, row, expected, found))
    return faults


async def _chunks(db: Database, account: int | None) -> AsyncIterator[tuple[Tx, int, int]]:
    """The accounts (low, high] of each chunk, on a snapshot of its own."""
    low, end = (0, _ALL) if account is None else (account - 1, account)
    async with db.connection() as conn:
        while low < end:
            async with conn.transaction():
                await conn.execute(b"set transaction isolation level repeatable read, read only")
                last = await value(conn, QUERIES.chunk, {"low": low, "high": end, "most": CHUNK - 1})
                high = end if last is None else last
                yield conn, low, high
            low = high


async def _check(conn: Tx, low: int, high: int, report: Report) -> None:
    params = {"low": low, "high": high}
    for name in CHECKS:
        for account, row, expected, found in await _rows(conn, name, params):
            uuid = await value(conn, QUERIES.uuid, {"account": account})
            report.faults.append(Fault(name.removeprefix("check_"), uuid, row, expected, found))
    [(accounts, wallets, entries, grants, holds)] = await _rows(conn, "counts", params)
    report.accounts += accounts
    report.wallets += wallets
    report.entries += entries
    report.grants += grants
    report.holds += holds
    for tenant, contra, credit_type, total in await _rows(conn, "contra_totals", params):
        report.contra[tenant, contra, credit_type] += int(total)
    for tenant, credit_type, total in await _rows(conn, "posted_totals", params):
        report.posted[tenant, credit_type] += int(total)


async def _rows(conn: Tx, name: str, params: dict[str, int]) -> list[tuple[Any, ...]]:
    cursor = await conn.execute(getattr(QUERIES, name).encode(), params)
    return await cursor.fetchall()


def _check_zero_sum(report: Report) -> None:
    """I7 over everything: what the wallets hold is what the contra accounts gave."""
    sides = Counter[tuple[int, str]]()
    for (tenant, _, credit_type), total in report.contra.items():
        sides[tenant, credit_type] += total
    for (tenant, credit_type), total in report.posted.items():
        if total + sides[tenant, credit_type] != 0:
            row = f"tenant {tenant}, {credit_type}"
            report.faults.append(
                Fault("zero_sum", None, row, f"posted {-sides[tenant, credit_type]}", f"posted {total}")
            )
