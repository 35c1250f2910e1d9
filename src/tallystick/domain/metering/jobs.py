"""What the worker does for the statistics: safe to run twice, late, or at once with itself."""

from typing import Final

from tallystick.db.pool import Database

from . import actions

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
