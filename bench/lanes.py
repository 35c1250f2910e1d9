"""The lanes alone, without HTTP: how many debits a second one process decides and makes durable."""

import asyncio
import random
import time
from collections.abc import Sequence

import uvloop

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger.commands import Debit, order
from tallystick.domain.ledger.lanes import Lanes

IN_FLIGHT = 128


def debits_per_s(url: str, tenant: int, accounts: Sequence[int], seconds: float) -> float:
    """Durable debits a second over these accounts (internal numbers), 128 in flight."""
    return uvloop.run(_run(url, tenant, accounts, seconds))


async def _run(url: str, tenant: int, accounts: Sequence[int], seconds: float) -> float:
    db = Database(url)
    await db.open()
    lanes = Lanes(db, rates_in_force)
    await lanes.start()
    dice = random.Random(1)
    done = 0

    async def client(until: float) -> None:
        nonlocal done
        while time.perf_counter() < until:
            command = Debit(account=dice.choice(accounts), credit_type="credits", amount=1000)
            await lanes.submit(order(command, tenant=tenant, actor="bench"))
            done += 1

    start = time.perf_counter()
    await asyncio.gather(*(client(start + seconds) for _ in range(IN_FLIGHT)))
    elapsed = time.perf_counter() - start
    await lanes.stop()
    await db.close()
    return done / elapsed
