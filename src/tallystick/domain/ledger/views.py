"""Reading the books. What is due but not swept yet is shown as ended, by the same rules that will end it.

Every function takes the tenant and raises NotFound for an account that is not its own.
"""

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tallystick.db import arrays
from tallystick.db.pool import Database, Tx, all_rows, ask, one_row, value
from tallystick.kernel.errors import NotFound
from tallystick.kernel.page import Page, page_of

from .books import QUERIES, Reads, Wanted, assemble
from .commands import Order, Report, order
from .model import Account, Entry, Grant, Head, Hold, Wallet
from .rules import end_due

_END: Final = 2**62


@dataclass(frozen=True, slots=True)
class Balances:
    """An account's wallets at a moment, by credit type."""

    head: Head
    wallets: list[Wallet]
    at: datetime
    due: bool = False
    """Something is due that these rows still count (only inside `reads`)."""
    unwritten: Sequence[Entry] = ()
    """The account's last entries, where what was due is ended here and not swept yet."""

    def wallet(self, credit_type: str) -> Wallet | None:
        """The wallet of a credit type; None before its first credit."""
        return next((one for one in self.wallets if one.credit_type == credit_type), None)


async def head(conn: Tx, tenant: int, account: int) -> Head:
    found = await one_row(conn, Head, QUERIES.head, {"account": account, "tenant": tenant})
    if found is None:
        raise NotFound("account")
    return found


async def anything_due(conn: Tx, tenant: int) -> bool:
    """Whether a hold or grant of the tenant is due and not swept yet, locked by somebody or not."""
    return bool(await value(conn, QUERIES.due_heads, {"tenant": tenant}))


async def balances(db: Database, tenant: int, account: int) -> Balances:
    """The account's wallets with what is due ended. `reads.BalanceReader` is the quick way."""
    async with _snapshot(db) as conn:
        books, now = await _books(conn, tenant, account)
        wallets = sorted(books.wallets.values(), key=lambda w: w.credit_type)
        return Balances(books.head, wallets, now, unwritten=books.posted)


async def hold(db: Database, tenant: int, account: int, number: int) -> tuple[Head, Hold, Wallet]:
    """A hold and its wallet."""
    async with _snapshot(db) as conn:
        # the command is not carried out: naming the hold brings it in
        naming = order(Report(account=account, hold=number, amount=0), tenant=tenant, actor="")
        books, _ = await _books(conn, tenant, account, naming)
        found = books.holds.get(number)
        if found is None:
            raise NotFound("hold")
        return books.head, found, books.wallets[found.credit_type]


@contextlib.asynccontextmanager
async def _snapshot(db: Database) -> AsyncIterator[Tx]:
    """A transaction that only reads, and sees one moment in all its statements."""
    async with db.tx() as tx:
        await tx.execute(b"set transaction isolation level repeatable read, read only")
        yield tx


async def _books(tx: Tx, tenant: int, account: int, *naming: Order) -> tuple[Account, datetime]:
    """The account's books in a snapshot, with what is due ended, unwritten; and the moment it was ended at."""
    found = await head(tx, tenant, account)
    wanted = Wanted.of(naming)
    wanted.accounts = [account]
    reads = Reads(tx)
    await reads.ask("clock")
    await reads.ask_all(wanted)
    seen = await reads.collect()
    books = await assemble(tx, {account: found}, wanted, seen)
    return books[account], end_due(books[account], seen.moments.of(tenant))


@dataclass(frozen=True, slots=True)
class Span:
    """Filters of a list: a half-open span of time, and equal values."""

    start: datetime | None = None
    end: datetime | None = None
    credit_type: str | None = None
    kind: str | None = None
    """An entry's kind, a grant's source or a hold's state."""


async def bounds(conn: Tx, account: int, start: datetime | None, end: datetime | None) -> tuple[int, int]:
    """The sequence numbers [low, high) of the entries that took effect in [start, end)."""
    low = 1 if start is None else await _seq_from(conn, account, start)
    high = _END if end is None else await _seq_from(conn, account, end)
    return low, high


async def _seq_from(conn: Tx, account: int, moment: datetime) -> int:
    seq: int = await value(conn, QUERIES.seq_from, {"account": account, "moment": moment})
    return seq


async def entries(
    db: Database, tenant: int, account: int, span: Span, *, limit: int, before: int | None = None
) -> tuple[Head, Page[Entry]]:
    """The account's entries, newest first; a page goes on before the sequence number ``before``."""
    async with db.connection() as conn:
        found = await head(conn, tenant, account)
        low, high = await bounds(conn, account, span.start, span.end)
        rows = await all_rows(
            conn,
            Entry,
            QUERIES.entries,
            {
                "account": account,
                "before": min(high, before or _END),
                "low": low,
                "kind": span.kind,
                "credit_type": span.credit_type,
                "limit": limit + 1,
            },
        )
        return found, page_of(rows, limit, lambda entry: entry.seq)


async def grants(
    db: Database, tenant: int, account: int, span: Span, *, limit: int, before: int | None = None
) -> tuple[Head, Page[Grant], datetime]:
    """The account's grants, newest first, and the moment (a grant past its expiry has only what holds pin)."""
    async with _snapshot(db) as conn:
        books, now = await _books(conn, tenant, account)
        rows = await all_rows(conn, Grant, QUERIES.grants, _lots(account, span, "source", limit, before))
    ended = [books.grants.get(grant.id, grant) for grant in rows]
    return books.head, page_of(ended, limit, lambda grant: grant.id), now


async def holds(
    db: Database, tenant: int, account: int, span: Span, *, limit: int, before: int | None = None
) -> tuple[Head, Page[Hold]]:
    """The account's holds, newest first."""
    async with _snapshot(db) as conn:
        books, now = await _books(conn, tenant, account)
        params = _lots(account, span, "state", limit, before) | {"now": now}
        rows = await all_rows(conn, Hold, QUERIES.holds, params)
    ended = [books.holds.get(hold.id, hold) for hold in rows]
    return books.head, page_of(ended, limit, lambda hold: hold.id)


def _lots(account: int, span: Span, kind: str, limit: int, before: int | None) -> dict[str, object]:
    return {
        "account": account,
        "before": before or _END,
        kind: span.kind,
        "credit_type": span.credit_type,
        "from": span.start,
        "to": span.end,
        "limit": limit + 1,
    }


async def entry(db: Database, tenant: int, account: int, seq: int) -> tuple[Head, Entry]:
    async with db.connection() as conn:
        found = await head(conn, tenant, account)
        return found, await stored_entry(conn, account, seq)


async def stored_entry(conn: Tx, account: int, seq: int) -> Entry:
    """An entry as it stands. That the account is the caller's tenant's, it has checked."""
    page = {
        "account": account,
        "before": seq + 1,
        "low": seq,
        "kind": None,
        "credit_type": None,
        "limit": 1,
    }
    found = await one_row(conn, Entry, QUERIES.entries, page)
    if found is None:
        raise NotFound("entry")
    return found


@dataclass(frozen=True, slots=True)
class History:
    """A page by offset of one wallet's entries, newest first, and how many there are in all."""

    entries: list[Entry]
    total: int


async def history(
    db: Database,
    tenant: int,
    account: int,
    span: Span,
    kinds: list[str] | None,
    *,
    limit: int,
    offset: int,
) -> History:
    """One wallet's entries by offset. ``span.credit_type`` names the wallet."""
    async with db.connection() as conn:
        # what is posted meanwhile is in neither: the total is of the rows
        last = (await head(conn, tenant, account)).seq
        low, high = await bounds(conn, account, span.start, span.end)
        params: dict[str, object] = {
            "account": account,
            "credit_type": span.credit_type,
            "low": low,
            "high": min(high, last + 1),
            "kinds": kinds,
        }
        total: int = await value(conn, QUERIES.history_total, params)
        page = params | {"limit": limit, "offset": offset}
        return History(await all_rows(conn, Entry, QUERIES.history, page), total)


async def usage_total(
    db: Database, tenant: int, account: int, credit_type: str, start: datetime | None, end: datetime | None
) -> int:
    """Microcredits spent by usage in [start, end), less what was given back of usage."""
    async with db.connection() as conn:
        await head(conn, tenant, account)
        low, high = await bounds(conn, account, start, end)
        # a sum of spending has no bound, as balances have: it comes as a numeric
        total = await value(
            conn,
            QUERIES.usage_total,
            {"account": account, "credit_type": credit_type, "low": low, "high": high},
        )
        return int(total)


async def lots(conn: Tx, account: int, numbers: Sequence[int]) -> dict[int, Grant]:
    """Grants of an account by number, as they are stored. That the account is the caller's tenant's, it has checked."""
    if not numbers:
        return {}
    values = {"accounts": arrays.int8s([account] * len(numbers)), "ids": arrays.int8s(numbers)}
    cursor = await ask(conn, QUERIES.named_grants, values)
    return {row[1]: Grant(*row[1:]) for row in await cursor.fetchall()}


@dataclass(frozen=True, slots=True)
class Standing:
    """What stands of an entry that spent: microcredits that were not reversed."""

    seq: int
    credit_type: str
    amount: int


async def standing(conn: Tx, account: int, entries: Sequence[int]) -> list[Standing]:
    """What stands of these spendings, the oldest first. That the account is the caller's tenant's, it has checked."""
    if not entries:
        return []
    return await all_rows(conn, Standing, QUERIES.standing, {"account": account, "seqs": list(entries)})


async def lapsed(
    conn: Tx, account: int, numbers: Sequence[int], start: datetime, end: datetime
) -> dict[int, int]:
    """Microcredits of each of these grants that expired in [start, end]; those of which none did are absent."""
    low, high = await bounds(conn, account, start, end + timedelta(microseconds=1))
    rows = await all_rows(
        conn, _Lapse, QUERIES.lapsed, {"account": account, "low": low, "high": high, "ids": list(numbers)}
    )
    return {row.id: int(row.amount) for row in rows}


@dataclass(slots=True)
class _Lapse:
    id: int
    amount: int
