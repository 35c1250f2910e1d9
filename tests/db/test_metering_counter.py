"""The request counter: nothing counted is lost while the database comes and goes, and memory stays bounded."""

import asyncio
from collections import Counter
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from tallystick.db.pool import Database, all_rows
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.views import api_keys
from tallystick.domain.metering import counter as module
from tallystick.domain.metering.counter import RequestCounter
from tallystick.domain.metering.jobs import fold
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.errors import Unavailable
from tests import cast

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 11, 21, 12, 0, 30, tzinfo=UTC)


class NoKeys:
    def seen_keys(self) -> dict[UUID, datetime]:
        return {}


class Timer:
    """Seconds since 1970, moved by hand."""

    def __init__(self) -> None:
        self.seconds = NOON.timestamp()

    def __call__(self) -> float:
        return self.seconds


class Row:
    def __init__(self, account_id: int, start: date, route: str, ok: bool, count: int) -> None:
        self.key = (account_id, start, route, ok)
        self.count = count


async def rows(db: Database, table: str, column: str) -> dict[tuple[int, date, str, bool], int]:
    """The table, once what was appended is folded into it."""
    await fold(db)
    async with db.connection() as conn:
        found = await all_rows(
            conn, Row, f"select account_id, {column} as start, route, ok, count from {table}"
        )
    return {row.key: row.count for row in found}


async def minutes(db: Database) -> dict[tuple[int, date, str, bool], int]:
    return await rows(db, "request_count", "minute")


async def days(db: Database) -> dict[tuple[int, date, str, bool], int]:
    return await rows(db, "request_day", "day")


async def test_counts_stand_by_minute_and_by_day(db: Database) -> None:
    timer = Timer()
    counter = RequestCounter(db, NoKeys(), now=timer)
    for _ in range(3):
        counter.count(1, "/a", True)
    counter.count(1, "/a", False)
    counter.count(2, "/a", True)
    assert await counter.flush()
    timer.seconds += 30  # the next minute
    counter.count(1, "/a", True)
    assert await counter.flush()
    timer.seconds += 12 * 3600  # the next day
    counter.count(1, "/a", True)
    assert await counter.flush()
    noon = NOON.replace(second=0)
    assert await minutes(db) == {
        (1, noon, "/a", True): 3,
        (1, noon, "/a", False): 1,
        (2, noon, "/a", True): 1,
        (1, noon.replace(minute=1), "/a", True): 1,
        (1, datetime(2026, 11, 22, 0, 1, tzinfo=UTC), "/a", True): 1,
    }
    assert await days(db) == {
        (1, date(2026, 11, 21), "/a", True): 4,
        (1, date(2026, 11, 21), "/a", False): 1,
        (2, date(2026, 11, 21), "/a", True): 1,
        (1, date(2026, 11, 22), "/a", True): 1,
    }


async def test_a_running_counter_flushes_by_itself_and_once_more_when_it_stops(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "INTERVAL", 0.05)
    counter = RequestCounter(db, NoKeys())
    await counter.start()
    counter.count(1, "/a", True)
    async with asyncio.timeout(10):
        while not await minutes(db):  # noqa: ASYNC110  # the row is the event
            await asyncio.sleep(0.02)
    counter.count(1, "/a", True)
    await counter.stop()
    assert sum((await minutes(db)).values()) == 2


async def test_what_cannot_be_written_waits_and_is_written_once(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter = RequestCounter(db, NoKeys(), now=Timer())
    with monkeypatch.context() as patch:
        patch.setattr(db, "tx", _away)
        counter.count(1, "/a", True)
        assert not await counter.flush()
        counter.count(1, "/a", True)
        counter.count(1, "/b", True)
        assert not await counter.flush()
    assert await minutes(db) == {}
    assert await counter.flush()
    assert await counter.flush()
    assert sorted((await minutes(db)).values()) == [1, 2]


async def test_a_failure_between_chunks_keeps_exactly_the_rest(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 10)
    counter = RequestCounter(db, NoKeys(), now=Timer())
    for number in range(35):
        counter.count(number, "/a", True)
    there, calls = db.tx, 0

    def twice() -> object:
        nonlocal calls
        calls += 1
        return there() if calls <= 2 else _away()

    with monkeypatch.context() as patch:
        patch.setattr(db, "tx", twice)
        assert not await counter.flush()
    assert len(await minutes(db)) == 20
    assert await counter.flush()
    written = await minutes(db)
    assert len(written) == 35
    assert set(written.values()) == {1}


async def test_memory_is_bounded_and_known_kinds_go_on_counting(db: Database) -> None:
    counter = RequestCounter(db, NoKeys(), now=Timer(), most_keys=10)
    for number in range(25):
        counter.count(number, "/a", True)
        counter.count(number, "/a", True)
    assert await counter.flush()
    assert len(await minutes(db)) == 10
    assert set((await minutes(db)).values()) == {2}
    counter.count(24, "/a", True)
    assert await counter.flush()
    assert len(await minutes(db)) == 11


async def test_a_route_that_cannot_be_stored_does_not_keep_others_waiting(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    counter = RequestCounter(db, NoKeys(), now=Timer())
    for route in ("/a\0", "/a\ud800", "/b"):
        counter.count(1, route, True)
    assert await counter.flush()
    assert [key[2] for key in await minutes(db)] == ["/b"]


async def test_many_processes_that_write_the_same_rows_never_deadlock(db: Database) -> None:
    counters = [RequestCounter(db, NoKeys(), now=Timer()) for _ in range(6)]
    expected: Counter[int] = Counter()
    for turn in range(8):
        for index, counter in enumerate(counters):
            # each comes upon the accounts in an order of its own
            for step in range(200):
                account = (step * (2 * index + 1) + turn) % 200
                counter.count(account, "/a", True)
                expected[account] += 1
        flushed = await asyncio.gather(*(counter.flush() for counter in counters), fold(db), fold(db))
        assert all(flushed[: len(counters)])
    assert {key[0]: count for key, count in (await minutes(db)).items()} == expected
    assert {key[0]: count for key, count in (await days(db)).items()} == expected


async def test_the_last_use_of_keys_is_written_with_the_counts(db: Database) -> None:
    made = await cast.first_app(db)
    credentials = Credentials(db, await cast.secrets(db), SystemClock())
    actor = await credentials.actor(f"Bearer {made.live_key}")
    counter = RequestCounter(db, credentials)
    assert await counter.flush()
    async with db.connection() as conn:
        [key] = await api_keys(conn, actor.tenant)
    assert key.last_used_at is not None


async def test_a_last_use_that_cannot_be_written_is_kept(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = await cast.first_app(db)
    credentials = Credentials(db, await cast.secrets(db), SystemClock())
    actor = await credentials.actor(f"Bearer {made.live_key}")
    counter = RequestCounter(db, credentials)
    with monkeypatch.context() as patch:
        patch.setattr(db, "tx", _away)
        assert not await counter.flush()
    assert await counter.flush()
    async with db.connection() as conn:
        [key] = await api_keys(conn, actor.tenant)
    assert key.last_used_at is not None


def _away() -> object:
    raise Unavailable("The database is away.")
