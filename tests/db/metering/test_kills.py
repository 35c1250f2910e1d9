"""A database that goes away at any moment: whatever callers then send again counts exactly once."""

import asyncio
import random

import psycopg
import pytest

from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Unavailable

from .conftest import Metering

pytestmark = pytest.mark.anyio

KILLS = 20
CALLERS = 8


async def kill(url: str, dice: random.Random, done: asyncio.Event) -> int:
    """End the sessions that are in a transaction, at moments that fall between any two of their statements."""
    killed = 0
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        while killed < KILLS and not done.is_set():
            await asyncio.sleep(dice.random() * 0.02)
            cursor = await conn.execute(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity"
                " where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null"
            )
            row = await cursor.fetchone()
            assert row is not None
            killed += row[0]
    done.set()
    return killed


async def test_every_event_counts_once_whatever_is_killed(metering: Metering, db_url: str) -> None:
    metering.plan.debit(metering.account, paid="chat")
    await metering.price(chat=1)
    await metering.grant(1_000_000)
    done = asyncio.Event()
    sent = 0

    async def caller(name: int) -> list[Recorded]:
        """Send batches until the killing ends; each again and again until it is answered whole."""
        nonlocal sent
        dice, mine = random.Random(name), []
        while not done.is_set():
            metrics = dice.choices(("paid", "free"), k=dice.randrange(1, 40))
            events = [
                NewEvent(
                    account=metering.account, metric=metric, event_id=f"{name}-{sent}-{n}", quantity=MICRO
                )
                for n, metric in enumerate(metrics)
            ]
            sent += 1
            while True:
                results = await metering.record(*events)
                if not any(isinstance(one, Unavailable) for one in results):
                    break
            assert all(isinstance(one, Recorded) for one in results), results
            mine += [one for one in results if isinstance(one, Recorded)]
        return mine

    killing = asyncio.create_task(kill(db_url, random.Random(1), done))
    recorded = [one for mine in await asyncio.gather(*map(caller, range(CALLERS))) for one in mine]
    assert await killing >= KILLS
    ids = {one.id for one in recorded}
    assert len(ids) == len(recorded)
    rows = await metering.rows("select id, entry from usage_event")
    assert dict(rows) == {one.id: one.entry for one in recorded}
    assert await metering.rows("select count(*) from usage_key") == [(len(ids),)]
    assert await metering.rows("select sum(count), sum(sum) from usage_hour") == [
        (len(ids), len(ids) * MICRO)
    ]
    paid = [one.entry for one in recorded if one.entry is not None]
    assert await metering.rows("select count(*) from entry where kind = 'debit'") == [(len(paid),)]
    assert len(set(paid)) == len(paid)
    assert await metering.posted() == 1_000_000 - len(paid)
