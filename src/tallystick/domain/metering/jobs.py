"""What the worker does for usage and statistics: safe to run twice, late, or at once with itself."""

from typing import Final

from tallystick.db.pool import Database, value

from . import actions
from .items import USAGE

MOST: Final = 50_000  # rows a transaction


async def fold(db: Database) -> int:
    """Fold what was appended into minutes and days. Reads count both, so nothing waits for it."""
    total = 0
    while True:
        async with db.tx() as tx:
            folded = await actions.fold(tx, most=MOST)
        total += folded
        if folded < MOST:
            return total


async def add_partitions(db: Database) -> int:
    """Make the partitions of usage events for this month and the two that follow; give how many were missing.

    An event whose month has none stands in the default partition, and moves when its own is made.
    """
    async with db.tx() as tx:
        await tx.execute(b"set local lock_timeout to 2000")
        return int(await value(tx, USAGE.add_partitions))
