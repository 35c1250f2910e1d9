"""Proving the invoices, as the ledger's books are proved: a chunk of accounts at a time, each on one snapshot.

The numbers of a tenant run over all its accounts, so they are checked once, when all accounts are.
"""

from typing import Final

from tallystick.db.pool import Database, value
from tallystick.db.sql import Queries
from tallystick.domain.ledger.verify import Fault, faults_of

QUERIES: Final = Queries("tallystick.domain.invoicing", "verify.sql")
CHECKS: Final = [name for name in QUERIES.names() if name.startswith("check_")]


async def verify(db: Database, account: int | None = None) -> list[Fault]:
    """The faults of all accounts' invoices and of the tenants' numbers, or of one account's invoices."""
    faults = await faults_of(db, QUERIES, account)
    if account is None:
        async with db.connection() as conn:
            cursor = await conn.execute(QUERIES.numbers.encode())
            faults += [
                Fault("numbers", None, f"tenant {tenant}, {row}", expected, found)
                for tenant, row, expected, found in await cursor.fetchall()
            ]
    return faults


async def count(db: Database, account: int | None = None) -> int:
    """How many invoices there are to prove."""
    async with db.connection() as conn:
        found: int = await value(conn, QUERIES.count, {"account": account})
        return found
