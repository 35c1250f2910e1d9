"""Bringing the books of locked accounts in from the database; `saving` writes back what the rules did to them.

Used by the lanes and by `actions.apply` alike: `Reads` and `assemble` after the heads are locked, `save` before
the commit. Between the two nothing else may write these accounts.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from tallystick.db import arrays
from tallystick.db.pool import Tx, ask
from tallystick.db.sql import Queries

from . import commands as command
from .commands import Order
from .model import (
    Account,
    Answer,
    Entry,
    Grant,
    Head,
    Hold,
    Known,
    Moments,
    Wallet,
    burn_order,
    fact_from_json,
)
from .port import Lines, Prices, Rates

QUERIES: Final = Queries("tallystick.domain.ledger")

Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by the name of their query."""


@dataclass(slots=True)
class Wanted:
    """What a batch of orders needs to see, gathered before anything is read."""

    accounts: list[int] = field(default_factory=list)
    holds: list[tuple[int, int]] = field(default_factory=list)
    entries: list[tuple[int, int]] = field(default_factory=list)
    grants: list[tuple[int, int]] = field(default_factory=list)
    keys: list[tuple[int, str]] = field(default_factory=list)
    operations: list[tuple[int, int, str]] = field(default_factory=list)

    @classmethod
    def of(cls, orders: Iterable[Order]) -> "Wanted":
        wanted = cls()
        accounts = set()
        for order in orders:
            asked = order.command
            accounts.add(asked.account)
            if order.said_key or order.resent:
                wanted.keys.append((asked.account, order.key))
            match asked:
                case command.Debit():
                    if asked.quantity is not None and asked.operation is not None:
                        wanted.operations.append((asked.account, order.tenant, asked.operation))
                case command.Extend() | command.Capture() | command.Report() | command.Release():
                    wanted.holds.append((asked.account, asked.hold))
                case command.Reverse():
                    wanted.entries.append((asked.account, asked.entry))
                case command.Refund():
                    wanted.grants.append((asked.account, asked.grant))
                    wanted.entries.append((asked.account, asked.grant))
                case command.Transfer():
                    accounts.add(asked.to)
        wanted.accounts = sorted(accounts)
        return wanted


def accounts_of(orders: Iterable[Order]) -> list[int]:
    """The accounts that the orders touch, in locking order."""
    accounts = set()
    for order in orders:
        accounts.add(order.command.account)
        if isinstance(order.command, command.Transfer):
            accounts.add(order.command.to)
    return sorted(accounts)


def heads_of(rows: Sequence[tuple[Any, ...]]) -> dict[int, Head]:
    """The heads a locking query gave."""
    return {row[0]: Head(*row) for row in rows}


class Reads:
    """The statements that follow the lock, sent ahead in a pipeline and collected after it.

    They see all that was committed before the lock was granted, since each takes a snapshot of its own.
    """

    def __init__(self, conn: Tx) -> None:
        self._conn = conn
        self._pending: list[tuple[str, Any]] = []
        self._prices: Prices | None = None

    async def ask(self, name: str, **params: Any) -> None:
        cursor = await ask(self._conn, getattr(QUERIES, name), params)
        self._pending.append((name, cursor))

    async def ask_all(self, wanted: Wanted, rates: Rates | None = None) -> None:
        """Everything of the books that can be named before the first row is seen; the clock is asked before."""
        accounts = arrays.int8s(wanted.accounts)
        await self.ask("wallets", accounts=accounts)
        await self.ask("open_grants", accounts=accounts)
        if wanted.keys:
            pairs = {"accounts": arrays.int8s([a for a, _ in wanted.keys])}
            keys = arrays.texts([key for _, key in wanted.keys])
            await self.ask("entries_by_key", keys=keys, **pairs)
            await self.ask("holds_by_key", keys=keys, **pairs)
            await self.ask("outcomes_by_key", keys=keys, **pairs)
        for name, pairs_of in (
            ("named_holds", wanted.holds),
            ("named_entries", wanted.entries),
            ("undone", wanted.entries),
            ("named_grants", wanted.grants),
        ):
            if pairs_of:
                await self.ask(name, **_pairs(pairs_of))
        if wanted.operations and rates is not None:
            operations = sorted({(tenant, name) for _, tenant, name in wanted.operations})
            self._prices = await rates(self._conn, operations)

    async def rows(self) -> Rows:
        """What was asked, by the query's name."""
        return {name: await cursor.fetchall() for name, cursor in self._pending}

    async def collect(self) -> "Seen":
        """The same with the clock, which was asked first, and the prices at its time."""
        rows = await self.rows()
        moments = Moments.of_rows(rows["clock"])
        return Seen(rows, moments, {} if self._prices is None else await self._prices(moments))


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read of books after their lock, the tenants' time then, and what operations cost at that time."""

    rows: Rows
    moments: Moments
    lines: Lines


def _pairs(pairs: Sequence[tuple[int, int]]) -> dict[str, arrays.Int8s]:
    return {
        "accounts": arrays.int8s([account for account, _ in pairs]),
        "ids": arrays.int8s([number for _, number in pairs]),
    }


async def assemble(conn: Tx, heads: dict[int, Head], wanted: Wanted, seen: Seen) -> dict[int, Account]:
    """Make the books of the locked ``heads`` from what was read; read the little that depends on it."""
    rows = seen.rows
    books = {number: Account(head, whole=False) for number, head in heads.items()}
    for number, *columns in rows["wallets"]:
        if number in books:
            wallet = Wallet(*columns)
            if wallet.watches is not None:
                wallet.before = wallet.posted - wallet.held
            books[number].wallets[wallet.credit_type] = wallet
    for number, *columns in rows["open_grants"]:
        if number in books:
            grant = Grant(*columns)
            books[number].grants[grant.id] = grant
            books[number].burn.setdefault(grant.credit_type, []).append(grant)
    for account in books.values():
        for line in account.burn.values():
            if len(line) > 1:
                line.sort(key=burn_order)
    _place_named(books, rows)
    if "entries_by_key" in rows:
        _place_known(books, rows)
    await _read_rest(conn, books, seen.moments)
    for number, tenant, name in wanted.operations:
        # another tenant may name the account too, and is refused: its prices are not this one's
        if number in books and books[number].head.tenant == tenant and (tenant, name) in seen.lines:
            books[number].rates[name] = seen.lines[tenant, name]
    return books


def _place_named(books: dict[int, Account], rows: Rows) -> None:
    for number, *columns in rows.get("named_holds", ()):
        if number in books:
            hold = Hold(*columns)
            books[number].holds.setdefault(hold.id, hold)
    for row in rows.get("named_entries", ()):
        if row[0] in books:
            books[row[0]].named[row[1]] = Entry(*row)
    for number, seq, undone in rows.get("undone", ()):
        if number in books:
            books[number].undone[seq] = undone or 0
    for number, *columns in rows.get("named_grants", ()):
        grant = Grant(*columns)
        if number in books and grant.id not in books[number].grants:
            books[number].add_grant(grant)


def _place_known(books: dict[int, Account], rows: Rows) -> None:
    for row in rows["entries_by_key"]:
        if row[0] in books:
            entry = Entry(*row)
            account = books[row[0]]
            assert entry.op_key is not None
            assert entry.request_hash is not None
            answer = Answer(entry.kind, account.head.uuid, entry, entry.detail or {})
            account.known[entry.op_key] = Known(entry.request_hash, answer)
    for number, key, request_hash, opened in rows["holds_by_key"]:
        if number in books:
            account = books[number]
            answer = Answer("hold", account.head.uuid, None, opened)
            account.known[key] = Known(request_hash, answer)
    for number, key, request_hash, kind, declined, stored in rows["outcomes_by_key"]:
        if number not in books:
            continue
        account = books[number]
        if declined:
            account.known[key] = Known(request_hash, None, fact_from_json(stored))
        else:
            account.known[key] = Known(request_hash, Answer(kind, account.head.uuid, None, stored))


async def _read_rest(conn: Tx, books: dict[int, Account], moments: Moments) -> None:
    """What only the first rows tell: due holds, the grants an undone entry burned."""
    due = _due(books, moments)
    burned = [
        (number, split[0])
        for number, account in books.items()
        for entry in account.named.values()
        for split in ([[entry.seq]] if entry.kind == "grant" else entry.splits)
        if split[0] and split[0] not in account.grants
    ]
    if due or burned:
        reads = Reads(conn)
        if due:
            await reads.ask("active_holds", accounts=arrays.int8s(due))
        if burned:
            await reads.ask("named_grants", **_pairs(sorted(set(burned))))
        rows = await reads.rows()
        _place_named(books, {"named_holds": rows.get("active_holds", [])} | rows)
    for number in due:
        books[number].whole = True


def _due(books: dict[int, Account], moments: Moments) -> list[int]:
    """The accounts where something may be due: by the tenant's time, or by the last moment of any account of it,
    since a transfer takes the giver to the receiver's last."""
    latest: dict[int, datetime] = {}
    for account in books.values():
        head = account.head
        latest[head.tenant] = max(latest.get(head.tenant) or moments.of(head.tenant), head.last_at)
    return [
        number
        for number, account in books.items()
        if account.head.next_due_at is not None and account.head.next_due_at <= latest[account.head.tenant]
    ]
