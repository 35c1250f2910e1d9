"""Partitions by month of receipt: made ahead, and never missed."""

import asyncio

import psycopg
import pytest

from tallystick.domain.metering import jobs, views

from .conftest import Metering

pytestmark = pytest.mark.anyio

NAMES = (
    "select inhrelid::regclass::text from pg_inherits where inhparent = 'usage_event'::regclass order by 1"
)


async def drop_partitions(url: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as conn:
        for (name,) in await (await conn.execute(NAMES.encode())).fetchall():
            if not name.endswith("default"):
                await conn.execute(f"drop table {name}".encode())


async def test_the_job_makes_this_month_and_two_more(metering: Metering, db_url: str) -> None:
    await jobs.add_partitions(metering.db)  # a run of tests may have begun last month, when others were made
    assert await jobs.add_partitions(metering.db) == 0
    assert len(await metering.rows(NAMES)) in (4, 5)
    await drop_partitions(db_url)
    # an event whose month has no partition is recorded all the same, and moves when it gets one
    made = await metering.recorded("calls", 3, event_id="x")
    assert await metering.rows("select count(*) from only usage_event_default") == [(1,)]
    done = await asyncio.gather(*(jobs.add_partitions(metering.db) for _ in range(3)))
    assert sum(done) == 3
    assert await metering.rows("select count(*) from only usage_event_default") == [(0,)]
    async with metering.db.connection() as conn:
        assert (await views.event(conn, metering.tenant, made.id)).quantity == 3
    assert (await metering.recorded("calls", 3, event_id="x")).duplicate
    await metering.recorded("calls", 4)
    assert await metering.rows("select count(*) from only usage_event_default") == [(0,)]


async def test_one_event_is_looked_for_in_one_partition(metering: Metering) -> None:
    made = await metering.recorded()
    plan = await metering.rows(
        "explain select * from usage_event where account_id = 1"
        f" and id = '{made.id}' and received_at = '2026-11-21T00:00:00Z'"
    )
    assert sum("Scan" in line for (line,) in plan) == 1
