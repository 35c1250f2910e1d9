"""Why an entry is what it is: what it burned or brought, in which order, and what belongs to it."""

from dataclasses import dataclass

from tallystick.db import arrays
from tallystick.db.pool import Database, Tx, all_rows, ask

from .books import QUERIES
from .model import Entry, Grant, Head, Hold
from .views import head, lots, stored_entry


@dataclass(frozen=True, slots=True)
class Burned:
    """A part of an entry: credits of a grant (None: of the overdraft, or repaying it)."""

    grant: Grant | None
    amount: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """Where an entry's credits came from or went, and what belongs to it."""

    head: Head
    entry: Entry
    parts: list[Burned]
    hold: Hold | None
    reversals: list[Entry]
    others: list[Grant]
    """Grants of the wallet that were there at the time and were not touched, in burn order."""


async def explain(db: Database, tenant: int, account: int, seq: int) -> Explanation:
    """What an entry burned or brought, in which order, and what belongs to it."""
    async with db.connection() as conn:
        found = await head(conn, tenant, account)
        one = await stored_entry(conn, account, seq)
        numbers = [number for number, _ in one.splits if number]
        grants = await lots(conn, account, numbers)
        parts = [Burned(grants.get(number), amount) for number, amount in one.splits]
        held = None if one.hold is None else await _hold(conn, account, one.hold)
        undone = await all_rows(conn, Entry, QUERIES.reversals, {"account": account, "seq": seq})
        values = {
            "account": account,
            "credit_type": one.credit_type,
            "seq": seq,
            "at": one.effective_at,
            "burned": arrays.int8s(numbers),
        }
        others = await all_rows(conn, Grant, QUERIES.grants_at, values)
        return Explanation(found, one, parts, held, undone, others)


async def _hold(conn: Tx, account: int, number: int) -> Hold | None:
    values = {"accounts": arrays.int8s([account]), "ids": arrays.int8s([number])}
    row = await (await ask(conn, QUERIES.named_holds, values)).fetchone()
    return None if row is None else Hold(*row[1:])
