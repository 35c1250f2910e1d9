"""What the worker does for webhooks. Safe to run twice, late, at once with itself, and killed at any point."""

from typing import Final

import msgspec

from tallystick.db.pool import Database, Tx, all_rows, run, value
from tallystick.domain.events import outbox
from tallystick.domain.identity.vault import Vault

from .actions import release
from .model import Receiver, is_wanted
from .port import Sender
from .replays import rows_of
from .sending import Courier
from .views import q

__all__ = ["Courier", "deliver_due", "fan_out", "purge"]

CHUNK: Final = 1000
"""Events that are fanned out together, or forgotten."""
_LOCK: Final = 6_021_884_317_455_093  # arbitrary, ours alone


async def fan_out(db: Database) -> int:
    """Make the deliveries of what happened; give how many events there were.

    One at a time, so that each account's events are asked about in order; a second finds nothing to do.
    """
    total = 0
    while True:
        async with db.tx() as tx:
            count = await _fan_out(tx)
        total += count
        if count < CHUNK:
            return total


async def _fan_out(tx: Tx) -> int:
    if not await value(tx, q.try_fan_out, {"lock": _LOCK}):
        return 0
    found = await outbox.claim_fresh(tx, CHUNK)
    if not found:
        return 0
    tenants = sorted({event.tenant for event in found})
    rows = []
    for one in await all_rows(tx, Receiver, q.receivers, {"tenants": tenants}):
        wanted = [event for event in found if event.tenant == one.tenant and is_wanted(event.type, one.types)]
        rows += rows_of(one.id, one.ordered, wanted)
    if rows:
        rows.sort(key=lambda row: row["event_place"])
        await run(tx, q.insert_deliveries, {"rows": msgspec.json.encode(rows).decode()})
        await release(tx, [(row["endpoint_id"], row["account_id"]) for row in rows if row["ordered"]])
    await outbox.mark_told(tx, [event.place for event in found])
    return len(found)


async def deliver_due(db: Database, sender: Sender, vault: Vault) -> int:
    """Send what is due until nothing is left that is, and all came back; give how many tries there were.

    For a worker that goes on for ever there is `Courier`, which waits for no slow receiver.
    """
    total = 0
    async with Courier(db, sender, vault) as courier:
        while True:
            done = await courier.run()
            total += done
            if not done and not courier.busy:
                return total
            await courier.wait(1.0)


async def purge(db: Database) -> int:
    """Forget events of more than 30 days ago, and what was told of them; give how many events."""
    total = 0
    while True:
        async with db.tx() as tx:
            gone = await outbox.purge(tx, CHUNK)
            if gone:
                await run(tx, q.purge, {"places": gone})
        total += len(gone)
        if len(gone) < CHUNK:
            return total
