"""Proving the invoices, as the ledger's books are proved: a chunk of accounts at a time, each on one snapshot.

The numbers of a tenant run over all its accounts, so they are checked once, when all accounts are.
"""

from typing import Final
from uuid import UUID

from tallystick.db.pool import Database, Tx, value
from tallystick.db.sql import Queries
from tallystick.domain.ledger import verify as ledger
from tallystick.domain.ledger.verify import Fault

QUERIES: Final = Queries("tallystick.domain.invoicing", "verify.sql")
CHECKS: Final = [name for name in QUERIES.names() if name.startswith("check_")]
_ALL: Final = 2**62


async def verify(db: Database, account: int | None = None) -> list[Fault]:
    """The faults of all accounts' invoices and of the tenants' numbers, or of one account's invoices."""
    faults: list[Fault] = []
    low, end = (0, _ALL) if account is None else (account - 1, account)
    async with db.connection() as conn:
        while low < end:
            async with conn.transaction():
                await conn.execute(b"set transaction isolation level repeatable read, read only")
                chunk = {"low": low, "high": end, "most": ledger.CHUNK - 1}
                last = await value(conn, ledger.QUERIES.chunk, chunk)
                high = end if last is None else last
                for name in CHECKS:
                    faults += await _faults(conn, name, {"low": low, "high": high})
            low = high
        if account is None:
            faults += await _faults(conn, "numbers", {})
    return faults


async def _faults(conn: Tx, name: str, params: dict[str, int]) -> list[Fault]:
    cursor = await conn.execute(getattr(QUERIES, name).encode(), params)
    found = []
    for owner, row, expected, said in await cursor.fetchall():
        uuid: UUID | None = None
        if name == "numbers":
            row = f"tenant {owner}, {row}"
        else:
            uuid = await value(conn, ledger.QUERIES.uuid, {"account": owner})
        found.append(Fault(name.removeprefix("check_"), uuid, row, expected, said))
    return found
