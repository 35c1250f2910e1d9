"""Proving the payments, as the ledger's books are proved: a chunk of accounts at a time, each on one snapshot."""

from typing import Final

from tallystick.db.pool import Database, value
from tallystick.db.sql import Queries
from tallystick.domain.ledger.verify import Fault, faults_of

QUERIES: Final = Queries("tallystick.domain.payments", "verify.sql")
CHECKS: Final = [name for name in QUERIES.names() if name.startswith("check_")]


async def verify(db: Database, account: int | None = None) -> list[Fault]:
    """The faults of all accounts' payments, refunds and purchases, or of one account's."""
    return await faults_of(db, QUERIES, account)


async def count(db: Database, account: int | None = None) -> int:
    """How many payments there are to prove."""
    async with db.connection() as conn:
        found: int = await value(conn, QUERIES.count, {"account": account})
        return found
