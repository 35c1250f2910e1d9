"""Commands that need an allowance which is due, and which no worker has granted yet."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from tallystick.db.pool import Database, Tx
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand, Order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer
from tallystick.domain.ledger.port import LeadOn, Renewal
from tallystick.domain.subscriptions.holdings import fallen_due, lead_on
from tallystick.domain.subscriptions.model import Subscription
from tallystick.kernel.errors import Fact, InsufficientCredits, Unavailable
from tests.waiting import until

from .leading import HeldUp, cut_off
from .shop import BEGIN, CREDIT, DAY, Shop, monthly

pytestmark = pytest.mark.anyio

KILL_WHO_WAITS = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and wait_event_type = 'Lock'
"""


class Till:
    """Lanes that see to what is due, and how often they looked for it."""

    def __init__(self, shop: Shop, leading: LeadOn = lead_on) -> None:
        self.shop = shop
        self.looked = 0
        self.lanes = Lanes(shop.db, rates_in_force, Renewal(self._due, leading))

    async def _due(self, conn: Tx, accounts: Collection[int]) -> set[int]:
        self.looked += 1
        return await fallen_due(conn, accounts)

    def order(self, asked: AnyCommand, key: str | None = None) -> Order:
        return command.order(asked, tenant=self.shop.tenant, actor="test", key=key)

    async def ask(self, asked: AnyCommand, key: str | None = None) -> Result:
        try:
            return await self.lanes.submit(self.order(asked, key))
        except Fact as fact:
            return fact

    async def debit(self, account: int, credits: int, key: str | None = None) -> Result:
        return await self.ask(debit(account, credits), key)


def debit(account: int, credits: int) -> command.Debit:
    return command.Debit(account=account, credit_type="credits", amount=credits * CREDIT)


@asynccontextmanager
async def serving(till: Till) -> AsyncIterator[Till]:
    await till.lanes.start()
    yield till
    await till.lanes.stop()


@pytest.fixture
async def till(shop: Shop) -> AsyncIterator[Till]:
    async with serving(Till(shop)) as made:
        yield made


async def subscriber(shop: Shop) -> Subscription:
    """On a plan that gives ten credits a month."""
    plan = shop.plans.get("Ten") or await shop.plan("Ten", allowances=[monthly(10)])
    return await shop.subscribe(await shop.customer(), plan)


async def test_no_debit_waits_for_the_worker(till: Till) -> None:
    row, other = await subscriber(till.shop), await subscriber(till.shop)
    assert isinstance(await till.debit(row.account, 10), Answer)
    assert till.looked == 0
    assert isinstance(await till.debit(row.account, 1), InsufficientCredits)
    assert till.looked == 1
    await till.shop.set_time(BEGIN + 30 * DAY)
    paid = await till.debit(row.account, 7, "mine")
    assert isinstance(paid, Answer)
    assert paid.entry is not None
    assert paid.entry.posted_after == 3 * CREDIT
    assert isinstance(again := await till.debit(row.account, 7, "mine"), Answer)
    assert again.replayed
    assert isinstance(await till.debit(row.account, 4), InsufficientCredits)
    assert (await till.shop.log(row)).count("renewed") == 1
    assert (await till.shop.log(other)).count("renewed") == 0
    assert till.shop.rows("select kind from outcome") == []


async def test_a_refusal_that_was_answered_stays_one(till: Till) -> None:
    row = await subscriber(till.shop)
    await till.debit(row.account, 10)
    assert isinstance(await till.debit(row.account, 5, "first"), InsufficientCredits)
    await till.shop.set_time(BEGIN + 30 * DAY)
    again = await till.debit(row.account, 5, "first")
    assert isinstance(again, InsufficientCredits)
    assert again.replayed
    assert (await till.shop.log(row)).count("renewed") == 0
    assert isinstance(await till.debit(row.account, 5, "second"), Answer)
    assert (await till.shop.log(row)).count("renewed") == 1


async def test_too_little_for_all_that_is_due_is_refused_once(till: Till) -> None:
    row = await subscriber(till.shop)
    await till.shop.set_time(BEGIN + 30 * DAY)
    refused = await till.debit(row.account, 11, "much")
    assert isinstance(refused, InsufficientCredits)
    assert (refused.needed, refused.available) == (11 * CREDIT, 10 * CREDIT)
    assert (await till.shop.log(row)).count("renewed") == 1
    assert [found["kind"] for found in till.shop.rows("select kind from outcome")] == ["decline"]


@pytest.mark.parametrize("kind", ["hold", "transfer", "adjust", "extend", "capture"])
async def test_whatever_takes_credits(till: Till, kind: str) -> None:
    row = await subscriber(till.shop)
    me: dict[str, Any] = {"account": row.account, "credit_type": "credits"}
    if kind in ("extend", "capture"):
        year = 365 * 86_400
        opened = await till.ask(command.Hold(**me, amount=10 * CREDIT, expires_in=year))
        assert isinstance(opened, Answer)
        hold = opened.facts["hold"]
    await till.debit(row.account, 10)
    await till.shop.set_time(BEGIN + 30 * DAY)
    asked: AnyCommand
    match kind:
        case "hold":
            asked = command.Hold(**me, amount=10 * CREDIT, expires_in=60)
        case "transfer":
            asked = command.Transfer(**me, to=await till.shop.customer(), amount=10 * CREDIT)
        case "adjust":
            asked = command.Adjust(**me, direction="debit", amount=10 * CREDIT, reason="A mistake")
        case "extend":
            asked = command.Extend(account=row.account, hold=hold, amount=10 * CREDIT)
        case _:
            asked = command.Capture(account=row.account, hold=hold, amount=20 * CREDIT, overage="debit")
    assert isinstance(await till.ask(asked), Answer)
    assert (await till.shop.log(row)).count("renewed") == 1


async def test_at_once_the_allowance_is_granted_once(till: Till) -> None:
    rows = [await subscriber(till.shop) for _ in range(4)]
    for row in rows:
        await till.debit(row.account, 10)
    await till.shop.set_time(BEGIN + 30 * DAY)
    said = await asyncio.gather(
        *(till.debit(row.account, 1, f"{row.account}-{n}") for n in range(25) for row in rows),
        till.shop.work(),
    )
    kinds = Counter(type(one).__name__ for one in said if not isinstance(one, int))
    assert kinds == {"Answer": 40, "InsufficientCredits": 60}
    for row in rows:
        assert (await till.shop.log(row)).count("renewed") == 1
        assert await till.shop.balance(row.account) == 0


async def test_a_batch_is_decided_again_whole(till: Till) -> None:
    row, other = await subscriber(till.shop), await subscriber(till.shop)
    await till.debit(row.account, 10)
    await till.shop.set_time(BEGIN + 30 * DAY)
    orders = [till.order(debit(one.account, 6), key) for one, key in ((other, "a"), (row, "b"))]
    said = await till.lanes.submit_batch(orders, atomic=True)
    assert [type(one) for one in said] == [Answer, Answer]
    mixed = await till.lanes.submit_batch([till.order(debit(row.account, n)) for n in (3, 2, 1)])
    assert [type(one) for one in mixed] == [Answer, InsufficientCredits, Answer]


async def test_what_cannot_be_done_is_said_and_nothing_is_recorded(shop: Shop) -> None:
    async with serving(Till(shop, cut_off)) as till:
        row = await subscriber(shop)
        await till.debit(row.account, 10)
        await shop.set_time(BEGIN + 30 * DAY)
        assert type(await till.debit(row.account, 1, "now")) is Unavailable
        assert till.lanes.depth == 0
        assert shop.rows("select kind from outcome") == []
    async with serving(Till(shop)) as till:
        assert isinstance(await till.debit(row.account, 1, "now"), Answer)


async def test_a_connection_lost_meanwhile_refuses_nobody(shop: Shop) -> None:
    async def lost(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
        with psycopg.connect(shop.db.url) as holder:
            holder.execute("select from account_head for update")
            leading = asyncio.create_task(lead_on(db, tenant, accounts))
            await until(lambda: bool(shop.rows(KILL_WHO_WAITS)))
            await asyncio.wait([leading])
        return await leading

    async with serving(Till(shop, lost)) as till:
        row = await subscriber(shop)
        await till.debit(row.account, 10)
        await shop.set_time(BEGIN + 30 * DAY)
        assert type(await till.debit(row.account, 1, "now")) is Unavailable
        assert shop.rows("select kind from outcome") == []
    async with serving(Till(shop)) as till:
        assert isinstance(await till.debit(row.account, 1, "now"), Answer)


@pytest.mark.timeout(60)
async def test_who_waits_for_one_account_delays_no_other(shop: Shop) -> None:
    held_up = HeldUp()
    async with serving(Till(shop, held_up)) as till:
        row, other = await subscriber(shop), await subscriber(shop)
        held_up.account = row.account
        for one in (row, other):
            await till.debit(one.account, 10)
        await shop.set_time(BEGIN + 30 * DAY)
        first = asyncio.create_task(till.debit(row.account, 1))
        await held_up.begun.wait()
        more = [asyncio.create_task(till.debit(row.account, 1)) for _ in range(19)]
        await asyncio.sleep(0)  # all of them are in the lane
        assert isinstance(await till.debit(other.account, 1), Answer)
        held_up.may.set()
        said = Counter(type(one).__name__ for one in await asyncio.gather(first, *more))
    assert said == {"Answer": 10, "InsufficientCredits": 10}
    assert held_up.led == [[row.account], [other.account], [row.account]]


async def test_a_fault_of_ours_costs_nobody_an_answer(shop: Shop) -> None:
    async def broken(db: Database, tenant: int, accounts: Collection[int]) -> set[int]:
        raise ZeroDivisionError

    async with serving(Till(shop, broken)) as till:
        row = await subscriber(shop)
        await till.debit(row.account, 10)
        await shop.set_time(BEGIN + 30 * DAY)
        assert isinstance(await till.debit(row.account, 1), InsufficientCredits)


async def test_stopping_waits_for_who_is_led_on(shop: Shop) -> None:
    held_up = HeldUp()
    async with serving(Till(shop, held_up)) as till:
        row = await subscriber(shop)
        await till.debit(row.account, 10)
        await shop.set_time(BEGIN + 30 * DAY)
        asked = asyncio.create_task(till.debit(row.account, 1))
        await held_up.begun.wait()
        stopping = asyncio.create_task(till.lanes.stop())
        done, _ = await asyncio.wait([stopping, asked], timeout=0.1)
        assert not done
        held_up.may.set()
        await stopping
        assert isinstance(await asked, Answer)
