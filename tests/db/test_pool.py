"""The pool: which of the driver's errors become which facts, and how it comes back after an outage."""

import asyncio
import time
from typing import Any

import psycopg
import pytest

from tallystick.db.pool import (
    Contended,
    Database,
    Lost,
    Rejected,
    all_rows,
    classified,
    one_row,
    run,
    value,
)
from tallystick.db.sql import Queries
from tallystick.domain.ledger.model import RateLine
from tallystick.kernel.errors import Busy, Unavailable

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (psycopg.errors.DeadlockDetected, Contended),
        (psycopg.errors.LockNotAvailable, Contended),
        (psycopg.errors.SerializationFailure, Contended),
        (psycopg.errors.AdminShutdown, Lost),
        (psycopg.errors.TooManyConnections, Lost),
        (psycopg.errors.DiskFull, Lost),
        (psycopg.errors.QueryCanceled, Lost),
        (psycopg.errors.ReadOnlySqlTransaction, Lost),
        (psycopg.InterfaceError, Lost),
        (psycopg.OperationalError, Lost),
        (ConnectionResetError, Lost),
        (psycopg.errors.UniqueViolation, Rejected),
        (psycopg.errors.CheckViolation, Rejected),
        (psycopg.errors.RestrictViolation, Rejected),
        (psycopg.errors.NumericValueOutOfRange, Rejected),
        (psycopg.errors.CharacterNotInRepertoire, Rejected),
        (KeyError, KeyError),
    ],
)
def test_what_a_lane_can_act_on(error: type[Exception], becomes: type[Exception]) -> None:
    with pytest.raises(becomes), classified():
        raise error("so")


async def test_a_lock_that_does_not_come_is_busy(db: Database) -> None:
    async with db.tx() as one:
        await one.execute(b"lock table tenant")
        with pytest.raises(Busy):
            await lock_too(db)


async def lock_too(db: Database) -> None:
    async with db.tx() as other:
        await other.execute(b"set local lock_timeout to 50")
        await other.execute(b"lock table tenant")


async def test_a_transaction_is_undone_by_an_error(db: Database) -> None:
    async def fail() -> None:
        async with db.tx() as tx:
            await tx.execute(b"create temporary table kept (n int)")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    async with db.connection() as conn:
        assert await value(conn, "select to_regclass('pg_temp.kept')") is None


async def test_other_errors_pass_as_they_are(db: Database) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        async with db.connection() as conn:
            await conn.execute(b"select 1/0")


async def test_nobody_there() -> None:
    db = Database("host=127.0.0.1 port=1 dbname=nowhere")
    with pytest.raises(Unavailable, match="does not answer"):
        await db.open()
    with pytest.raises(Lost):
        await db.dedicated()
    await db.close()


async def test_a_closed_pool_is_unavailable(db_url: str) -> None:
    db = Database(db_url)
    await db.open()
    await db.close()
    with pytest.raises(Unavailable):
        async with db.connection():
            pass


async def test_no_connection_left_is_unavailable_in_two_seconds(db_url: str) -> None:
    db = Database(db_url, size=1)
    await db.open()
    async with db.connection():
        began = time.monotonic()
        with pytest.raises(Unavailable):
            async with db.connection():
                pass
        assert 1.5 < time.monotonic() - began < 10
    await db.close()


async def test_broken_connections_cost_one_error_each_at_most(db: Database, db_url: str) -> None:
    async with asyncio.TaskGroup() as tasks:
        for _ in range(8):
            tasks.create_task(sleep_in(db, 0.1))
    with psycopg.connect(db_url, autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    failed = 0
    for _ in range(20):
        try:
            await sleep_in(db, 0)
        except Unavailable:
            failed += 1
            await asyncio.sleep(0.2)
    assert failed <= 1
    await asyncio.gather(*[sleep_in(db, 0.05) for _ in range(8)])


async def sleep_in(db: Database, seconds: float) -> None:
    async with db.connection() as conn:
        await conn.execute(b"select pg_sleep(%s)", [seconds])


async def test_sessions_are_set_up(db: Database) -> None:
    lane = await db.dedicated()
    try:
        async with db.connection() as pooled:
            for conn in (lane, pooled):
                assert await value(conn, "show timezone") == "UTC"
                assert await value(conn, "show synchronous_commit") == "on"
                assert await value(conn, "select current_user") == "tallystick_app"
            assert await value(pooled, "show enable_seqscan") == "on"
        assert await value(lane, "show enable_seqscan") == "off"
        assert await value(lane, "show plan_cache_mode") == "force_generic_plan"
    finally:
        await lane.close()


async def test_rows(db: Database) -> None:
    query = "select n as version, 'credits' as credit_type, 5 as cost from generate_series(1, %(most)s) n order by n"
    none: dict[str, Any] = {"most": 0}
    async with db.connection() as conn:
        assert await all_rows(conn, RateLine, query, {"most": 2}) == [
            RateLine(1, "credits", 5),
            RateLine(2, "credits", 5),
        ]
        assert await one_row(conn, RateLine, query, {"most": 2}) == RateLine(1, "credits", 5)
        assert await one_row(conn, RateLine, query, none) is None
        assert await value(conn, "select 1 where false") is None
        assert await run(conn, "update tenant set currency = 'USD' where false") == 0


def test_named_queries() -> None:
    queries = Queries("tallystick.domain.ledger")
    assert (
        queries.which_exist == "-- Which of the accounts that could not be locked are there at all.\n"
        "select account_id from account_head where account_id = any(%(accounts)s)"
    )
    assert "lock_heads" in queries.names()
    with pytest.raises(AttributeError, match="no query named nothing"):
        _ = queries.nothing
