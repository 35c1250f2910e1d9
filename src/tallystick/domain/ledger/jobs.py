"""What the worker does for the ledger. Each is safe to run twice, late, or at once with itself."""

from tallystick.db.pool import Database

from . import actions
from .port import Rates

SWEEP = 200  # accounts a transaction


async def sweep(db: Database, rates: Rates, *, tenant: int | None = None) -> int:
    """End holds and grants that are due, of one tenant or of all; give how many accounts had any.

    Nothing waits for it: every command ends what is due in its account first. It keeps the books' pages
    true for those who only read.
    """
    total = 0
    while True:
        async with db.tx() as tx:
            count = await actions.end_due(tx, rates, tenant=tenant, most=SWEEP)
        total += count
        if count < SWEEP:
            return total


async def purge_outcomes(db: Database) -> int:
    """Forget declines after 30 days, and acts under server-made keys after one."""
    async with db.tx() as tx:
        return await actions.purge_outcomes(tx)
