"""Many at once on one customer, and many workers on many customers."""

import asyncio
import os
import signal
import sys
from collections import Counter
from random import Random
from typing import Any

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger.verify import verify
from tallystick.domain.subscriptions import actions, jobs
from tallystick.kernel.errors import Fact
from tests.cast import crowd

from .shop import BEGIN, DAY, Shop, at, flat, monthly

pytestmark = pytest.mark.anyio


async def settle(*calls: Any) -> Counter[str]:
    """Run them all, as many at once as the pool has connections: none waits for one so long that it is turned away.

    Gives what they said, by code.
    """
    gate = asyncio.Semaphore(8)

    async def turn(call: Any) -> Any:
        async with gate:
            return await call

    said = await asyncio.gather(*map(turn, calls), return_exceptions=True)
    for one in said:
        if isinstance(one, BaseException) and not isinstance(one, Fact):
            raise one
    return Counter(one.code if isinstance(one, Fact) else "done" for one in said)


async def test_64_subscribe_at_once_and_one_does(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    await crowd(shop.db)
    said = await settle(*(shop.subscribe(account, plan, pay=False) for _ in range(64)))
    assert said == {"done": 1, "already_subscribed": 63}
    (row,) = shop.rows("select count(*) as count from invoice where account_id = %s", account)
    assert row["count"] == 1


@pytest.mark.parametrize("held", [True, False])
async def test_a_plan_is_deleted_or_held_not_both(shop: Shop, held: bool) -> None:
    small = await shop.plan("Small", flat(10_00), rank=1)
    rows = [await shop.subscribe(await shop.customer(), small) for _ in range(8)] if held else []
    plan = await shop.plan("Pro", flat(20_00), rank=2)
    accounts = [await shop.customer() for _ in range(8)]
    await crowd(shop.db)

    async def delete() -> None:
        async with shop.db.tx() as tx:
            await actions.delete_plan(tx, shop.tenant, plan, by="test")

    calls: list[Any] = (
        [shop.act(actions.change, row, plan=plan) for row in rows]
        if held
        else [shop.subscribe(account, plan, pay=False) for account in accounts]
    )
    said = await settle(*calls[:3], delete(), *calls[3:])
    assert said["done"] + said["not_found"] + said["plan_in_use"] == 9
    holders = shop.rows(
        "select 1 from subscription where plan_id = %s and status not in ('cancelled', 'ended')", plan
    )
    (row,) = shop.rows("select deleted_at from plan where id = %s", plan)
    assert (row["deleted_at"] is None) == (len(holders) > 0)


async def test_64_upgrade_at_once_and_one_does(shop: Shop) -> None:
    small = await shop.plan("Small", flat(10_00), allowances=[monthly(100)], rank=1)
    big = await shop.plan("Big", flat(20_00), allowances=[monthly(300)], rank=2)
    account = await shop.customer()
    row = await shop.subscribe(account, small)
    await crowd(shop.db)
    said = await settle(*(shop.act(actions.change, row, plan=big) for _ in range(64)))
    assert said == {"done": 1, "same_plan": 63}
    assert await shop.balance(account) == 300
    assert [bill.total for bill in await shop.bills(row)] == [10_00, 10_00]


@pytest.mark.parametrize("seed", range(3))
async def test_64_subscribe_upgrade_and_cancel_at_once(shop: Shop, seed: int) -> None:
    small = await shop.plan("Small", flat(10_00), allowances=[monthly(100)], rank=1)
    big = await shop.plan("Big", flat(20_00), allowances=[monthly(300)], rank=2)
    account = await shop.customer()
    row = await shop.subscribe(account, small)
    await shop.set_time(at("2027-02-28T10:00"))  # and a renewal is due
    await crowd(shop.db)
    chance = Random(seed)
    calls: list[Any] = []
    for _ in range(64):
        what = chance.choice(["subscribe", "up", "down", "cancel", "end", "work", "pay"])
        match what:
            case "subscribe":
                calls.append(shop.subscribe(account, chance.choice([small, big]), pay=False))
            case "up" | "down":
                calls.append(shop.act(actions.change, row, plan=big if what == "up" else small))
            case "cancel" | "end":
                calls.append(shop.act(actions.cancel, row, at_period_end=what == "end"))
            case "work":
                calls.append(shop.work())
            case "pay":
                calls.append(shop.pay_all(row))
    await settle(*calls)
    alive = shop.rows(
        "select * from subscription where account_id = %s and status not in ('cancelled', 'ended')", account
    )
    assert len(alive) <= 1
    log = shop.rows("select seq, kind from subscription_change where subscription = %s order by seq", row.id)
    assert [one["seq"] for one in log] == [*range(1, len(log) + 1)]
    kinds = Counter(one["kind"] for one in log)
    assert kinds["renewed"] == 1
    assert kinds["cancelled"] <= 1
    numbers = [
        one["number"]
        for one in shop.rows("select number from invoice where tenant_id = %s order by number", shop.tenant)
    ]
    assert numbers == [f"INV-2027-{n:03}" for n in range(1, len(numbers) + 1)]
    assert await _clean(shop)


async def _clean(shop: Shop) -> bool:
    return not (await verify(shop.db)).faults


async def test_workers_at_once_renew_each_once(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), allowances=[monthly(100)])
    rows = [await shop.subscribe(await shop.customer(), plan) for _ in range(40)]
    await shop.set_time(at("2027-02-28T11:00"))
    await crowd(shop.db)
    counts = await asyncio.gather(
        *(jobs.run_due(shop.db, rates_in_force, tenant=shop.tenant, limit=7, at_once=2) for _ in range(3))
    )
    assert sum(counts) == 40
    for row in rows:
        assert [bill.total for bill in await shop.bills(row)] == [999, 999]
        assert await shop.balance(row.account) == 100
    numbers = [one["number"] for one in shop.rows("select number from invoice order by number")]
    assert numbers == [f"INV-2027-{n:03}" for n in range(1, 81)]
    assert await _clean(shop)


async def test_one_that_fails_does_not_stop_the_others_and_is_tried_again(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), allowances=[monthly(100)])
    rows = [await shop.subscribe(await shop.customer(), plan) for _ in range(3)]
    broken = rows[1]
    async with shop.db.tx() as tx:  # its terms cannot be read
        await tx.execute("update subscription set terms = '{\"interval\": 7}' where id = %s", [broken.id])
    await shop.until(at("2027-02-28T11:00"))
    assert await shop.work() == 0  # not at once again
    assert [len(await shop.bills(row)) for row in (rows[0], rows[2])] == [2, 2]
    (row,) = shop.rows("select failures, due_at, retry_at from subscription where id = %s", broken.id)
    assert row["failures"] == 1
    assert row["due_at"] == broken.period_end
    async with shop.db.tx() as tx:
        await tx.execute(
            "update subscription set retry_at = null,"
            " terms = (select terms from subscription where id = %s) where id = %s",
            [rows[0].id, broken.id],
        )
    await shop.until(BEGIN + 40 * DAY)
    bills = await shop.bills(broken)
    assert bills[1].issued_at == broken.period_end
    (row,) = shop.rows("select failures, retry_at from subscription where id = %s", broken.id)
    assert (row["failures"], row["retry_at"]) == (0, None)


WORKER = """
import asyncio, sys
from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.subscriptions import jobs
async def main():
    db = Database(sys.argv[1]); await db.open(); print("up", flush=True)
    while True:
        await jobs.run_due(db, rates_in_force, limit=int(sys.argv[2])); await asyncio.sleep(0.02)
asyncio.run(main())
"""


async def renewal_night(shop: Shop, *, customers: int, kills: int, limit: int) -> None:
    """Workers are killed again and again while all renew at one moment."""
    plan = await shop.plan("Pro", flat(999), allowances=[monthly(100)])
    rows = [await shop.subscribe(await shop.customer(), plan) for _ in range(customers)]
    await shop.set_time(at("2027-02-28T11:00"))
    chance = Random(7)
    for kill in range(kills + 1):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", WORKER, shop.db.url, str(limit), stdout=asyncio.subprocess.PIPE
        )
        assert process.stdout is not None
        await process.stdout.readline()
        if kill < kills:
            await asyncio.sleep(chance.random() * 0.3)
            os.kill(process.pid, signal.SIGKILL)
            await process.wait()
            continue
        due = "select count(*) as count from subscription where due_at <= '2027-02-28T11:00Z'"
        while shop.rows(due)[0]["count"]:  # noqa: ASYNC110 - another process does it
            await asyncio.sleep(0.1)
        process.kill()
        await process.wait()
    counts = shop.rows(
        "select account_id, count(*) as count, sum(total) as sum from invoice group by account_id"
    )
    assert {(row["count"], int(row["sum"])) for row in counts} == {(2, 1998)}
    assert len(counts) == customers
    grants = shop.rows("select account_id, count(*) as count from credit_grant group by account_id")
    assert {row["count"] for row in grants} == {2}
    numbers = [one["number"] for one in shop.rows("select number from invoice order by place")]
    assert sorted(numbers, key=lambda one: int(one.rpartition("-")[2])) == [
        f"INV-2027-{n:03}" for n in range(1, 2 * customers + 1)
    ]
    assert {(await shop.see(row.id)).status for row in rows[:5]} == {"active"}
    assert await _clean(shop)


async def test_killed_in_a_renewal_night_each_renews_once(shop: Shop) -> None:
    await renewal_night(shop, customers=60, kills=5, limit=5)


@pytest.mark.long
async def test_killed_20_times_in_a_renewal_night_of_1000(shop: Shop) -> None:
    await renewal_night(shop, customers=1000, kills=20, limit=100)
