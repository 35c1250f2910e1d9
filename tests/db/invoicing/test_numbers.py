"""Numbers have no gap and no double, whoever issues at the same time, whatever is rolled back or killed."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Sequence

import pytest

from tallystick.db.pool import Database, Tx, value
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import actions, settings
from tallystick.domain.invoicing.model import Settings
from tallystick.domain.invoicing.verify import verify
from tallystick.domain.ledger import actions as ledger
from tests import cast

from .desk import AT, Desk, draft

pytestmark = pytest.mark.anyio


class Dropped(Exception):
    pass


async def numbers_of(db: Database) -> list[str]:
    async with db.connection() as conn:
        cursor = await conn.execute(b"select number from invoice order by seq")
        return [number for (number,) in await cursor.fetchall()]


def sequence(count: int, pattern: str = "INV-2026-{:03d}") -> list[str]:
    return [pattern.format(place) for place in range(1, count + 1)]


async def test_32_at_once(desk: Desk) -> None:
    accounts = [await cast.make_account(desk.db, desk.tenant) for _ in range(32)]
    db = Database(desk.db.url, size=32)
    await db.open()
    crowded = Desk(db, desk.tenant)
    await cast.crowd(db, 32)
    seed = random.Random(7)
    plans = [[seed.random() < 0.3 for _ in range(6)] for _ in accounts]

    async def issuer(account: Account, drops: Sequence[bool]) -> int:
        done = 0
        for drop in drops:
            try:
                async with crowded.locked([account]) as tx:
                    await actions.issue(tx, desk.tenant, draft(account, 100), at=AT)
                    if drop:
                        raise Dropped
                done += 1
            except Dropped:
                pass
        return done

    try:
        done = sum(await asyncio.gather(*map(issuer, accounts, plans)))
    finally:
        await db.close()
    assert done == sum(not drop for plan in plans for drop in plan)
    assert await numbers_of(desk.db) == sequence(done)
    assert await verify(desk.db) == []


KILLED = """
import asyncio, sys
from tallystick.db.pool import Database
from tallystick.domain.identity import views
from tests.db.invoicing.desk import Desk

async def main() -> None:
    url, tenant, account = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    db = Database(url, size=2)
    await db.open()
    async with db.connection() as conn:
        owner = await views.account(conn, tenant, account)
    desk = Desk(db, tenant)
    print("ready", flush=True)
    while True:
        await desk.issue(owner, 100)

asyncio.run(main())
"""


async def test_killed_issuers(desk: Desk) -> None:
    accounts = [await cast.make_account(desk.db, desk.tenant) for _ in range(2)]
    seed = random.Random(11)
    for _ in range(3):
        running = [
            await asyncio.create_subprocess_exec(
                sys.executable, "-c", KILLED, desk.db.url, str(desk.tenant), str(account.account_id),
                stdout=asyncio.subprocess.PIPE,
            )
            for account in accounts
        ]  # fmt: skip
        for one in running:
            assert one.stdout is not None
            assert await one.stdout.readline() == b"ready\n"
        await asyncio.sleep(0.2 + seed.random() / 10)
        for one in running:
            os.kill(one.pid, signal.SIGKILL)
            await one.wait()
    for _ in range(100):
        # what was under way in a killed process ends when its connection is seen to be gone
        async with desk.db.tx() as tx:
            busy = await value(
                tx, "select count(*) from pg_stat_activity where datname = current_database()"
                " and state <> 'idle' and pid <> pg_backend_pid()",
            )  # fmt: skip
        if not busy:
            break
        await asyncio.sleep(0.05)
    given = await numbers_of(desk.db)
    assert len(given) > 6
    assert given == sequence(len(given))
    assert await verify(desk.db) == []


async def put(desk: Desk, pattern: str, zone: str = "UTC") -> None:
    async with desk.db.tx() as tx:
        wanted = Settings(invoice_pattern=pattern, time_zone=zone)
        await settings.put_settings(tx, desk.tenant, wanted, by="test")


async def test_another_pattern_never_repeats_a_number(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    given = []
    for pattern in ("N{SEQ}", "N1{SEQ}", "N{SEQ:2}", "N{SEQ}", "{YYYY}{SEQ}", "{YYYYMM}{SEQ}", "N{SEQ}"):
        await put(desk, pattern)
        given += [(await desk.issue(acme, 1)).number for _ in range(12)]
    assert len(set(given)) == len(given)
    assert await verify(desk.db) == []


async def test_a_wider_sequence_just_grows(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await put(desk, "{SEQ:1}")
    assert [(await desk.issue(acme, 1)).number for _ in range(11)] == [str(n) for n in range(1, 12)]


async def test_tenants_count_apart(desk: Desk) -> None:
    other = Desk(desk.db, (await cast.second_app(desk.db)).live)
    for one in (desk, other, desk):
        await one.issue(await cast.make_account(desk.db, one.tenant), 1)
    assert await numbers_of(desk.db) == ["INV-2026-001", "INV-2026-001", "INV-2026-002"]


async def test_the_zone_of_the_numbers(desk: Desk) -> None:
    acme = await cast.acme(desk.db, desk.tenant)
    await put(desk, "{YYYYMM}-{SEQ}", "Pacific/Kiritimati")
    assert (await desk.issue(acme, 1, at=AT)).number == "202603-1"
    assert (await desk.issue(acme, 1, at=AT.replace(day=31, hour=11))).number == "202604-1"


async def test_a_hundred_with_one_lock(desk: Desk) -> None:
    accounts = [await cast.make_account(desk.db, desk.tenant) for _ in range(100)]

    async def batch(tx: Tx) -> None:
        await ledger.lock(tx, [account.account_id for account in accounts])
        issued = [
            await actions.issue(tx, desk.tenant, draft(account, 1), at=AT, number_now=False)
            for account in accounts
        ]
        await actions.give_numbers(tx, desk.tenant, issued)

    async with desk.db.tx() as tx:
        await batch(tx)
    assert await numbers_of(desk.db) == sequence(100)
