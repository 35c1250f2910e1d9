"""Proving what was metered, as the ledger's books are proved: a chunk of accounts at a time, each on one snapshot."""

from typing import Final

from tallystick.db.pool import Database
from tallystick.db.sql import Queries
from tallystick.domain.ledger.verify import Fault, faults_of

QUERIES: Final = Queries("tallystick.domain.metering", "verify.sql")


async def verify(db: Database, account: int | None = None) -> list[Fault]:
    """The faults of all accounts' usage, or of one's: sums that are not those of the events, ids, debits."""
    return await faults_of(db, QUERIES, account)
