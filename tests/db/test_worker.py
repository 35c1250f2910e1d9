"""The worker does what is due, tells of it, and stops when it is told to."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tallystick import worker
from tallystick.config import Settings
from tallystick.db.pool import Database, value
from tallystick.domain.identity import actions as identity
from tests.db.subscriptions.shop import Shop, flat

pytestmark = pytest.mark.anyio

DEADLINE = 30


async def until(condition: Any) -> None:
    async with asyncio.timeout(DEADLINE):
        while not await condition():  # noqa: ASYNC110 - others do it
            await asyncio.sleep(0.05)


async def test_an_open_invoice_is_told_of_and_the_worker_stops(db: Database, tmp_path: Path) -> None:
    async with db.tx() as tx:
        app = await identity.create_app(tx, "A shop")
    shop = Shop(db, app.test)
    account = await shop.customer(email="ada@example.com", name="Ada")
    await shop.subscribe(account, await shop.plan("Pro", flat(2900)), pay=False)
    stop = asyncio.Event()
    working = asyncio.create_task(worker.work(Settings(data=tmp_path), db.url, stop))

    async def told() -> bool:
        async with db.connection() as conn:
            fresh = await value(conn, "select count(*) from event where fresh")
            sent = await value(conn, "select count(*) from mail where sent_at is not null")
        return bool(fresh == 0 and sent == 1)

    try:
        await until(told)
    finally:
        stop.set()
        async with asyncio.timeout(DEADLINE):
            await working
    [letter] = (tmp_path / "mail").glob("*.eml")
    assert b"is due today" in letter.read_bytes()


async def test_a_worker_that_is_told_to_stop_waits_for_no_database(tmp_path: Path) -> None:
    stop = asyncio.Event()
    url = "postgresql://nobody@127.0.0.1:1/none"
    working = asyncio.create_task(worker.work(Settings(data=tmp_path), url, stop))
    await asyncio.sleep(0)
    stop.set()
    async with asyncio.timeout(DEADLINE):
        await working
