"""Usage that debits credits: an allowance that is due comes before the event that needs it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger.port import LeadOn, Renewal
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.domain.subscriptions import views
from tallystick.domain.subscriptions.holdings import fallen_due, lead_on
from tallystick.kernel.errors import Fact, InsufficientCredits, Unavailable

from .leading import HeldUp, cut_off
from .shop import BEGIN, CREDIT, DAY, Shop, at, monthly

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def taking(shop: Shop, leading: LeadOn = lead_on) -> AsyncIterator[UsageIntake]:
    """An intake, and the price of a chat: a credit."""
    made = UsageIntake(shop.db, rates_in_force, views.billed, Renewal(fallen_due, leading))
    await made.start()
    async with shop.db.tx() as tx:
        lines = [Rate("chat", "credits", CREDIT)]
        await catalog.put_rate_card(tx, shop.tenant, rates=lines, by="test")
    yield made
    await made.stop()


@pytest.fixture
async def intake(shop: Shop) -> AsyncIterator[UsageIntake]:
    async with taking(shop) as made:
        yield made


async def chat(shop: Shop, intake: UsageIntake, account: int, *quantities: int) -> list[Recorded | Fact]:
    events = [NewEvent(account=account, metric="chat", quantity=one * CREDIT) for one in quantities]
    return await intake.record(shop.tenant, "test", events)


async def test_no_event_waits_for_the_worker(shop: Shop, intake: UsageIntake) -> None:
    plan = await shop.plan("Chat", allowances=[monthly(10)], debits={"chat": "chat"})
    row = await shop.subscribe(await shop.customer(), plan)
    other = await shop.subscribe(await shop.customer(), plan)
    said = await chat(shop, intake, row.account, 4, 6, 1)
    assert [type(one) for one in said] == [Recorded, Recorded, InsufficientCredits]
    await shop.set_time(at("2027-03-31T10:00"))
    said = await chat(shop, intake, row.account, 7, 4, 3)
    assert [type(one) for one in said] == [Recorded, InsufficientCredits, Recorded]
    assert await shop.balance(row.account) == 0
    assert (await shop.log(row)).count("renewed") == 2
    assert (await shop.log(other)).count("renewed") == 0


async def test_at_once_the_allowance_is_granted_once(shop: Shop, intake: UsageIntake) -> None:
    plan = await shop.plan("Chat", allowances=[monthly(10)], debits={"chat": "chat"})
    row = await shop.subscribe(await shop.customer(), plan)
    await chat(shop, intake, row.account, 10)
    await shop.set_time(BEGIN + 40 * DAY)
    said = await asyncio.gather(*(chat(shop, intake, row.account, 1) for _ in range(30)), shop.work())
    kinds = Counter(type(one[0]).__name__ for one in said if isinstance(one, list))
    assert kinds == {"Recorded": 10, "InsufficientCredits": 20}
    assert (await shop.log(row)).count("renewed") == 1


async def test_each_subscription_debits_by_its_own_operation(shop: Shop, intake: UsageIntake) -> None:
    async with shop.db.tx() as tx:
        lines = [Rate("chat", "credits", CREDIT), Rate("deep", "credits", 3 * CREDIT)]
        await catalog.put_rate_card(tx, shop.tenant, rates=lines, by="test")
    plan = await shop.plan("Chat", allowances=[monthly(20)], debits={"chat": "chat"})
    once = await shop.plan("Deep", interval="one_time", debits={"chat": "deep"})
    account = await shop.customer()
    row, deep = await shop.subscribe(account, plan), await shop.subscribe(account, once)
    for _ in range(2):
        events = [
            NewEvent(account=account, metric="chat", quantity=CREDIT, subscription=named)
            for named in (row.id, deep.id, None)
        ]
        said = await intake.record(shop.tenant, "test", events)
        assert [type(one) for one in said] == [Recorded] * 3
    found = shop.rows("select operation, amount from entry where kind = 'debit' order by seq")
    assert [(one["operation"], one["amount"] // CREDIT) for one in found] == [
        ("chat", -1), ("deep", -3), ("chat", -1),
    ] * 2  # fmt: skip


async def test_who_waits_for_an_allowance_delays_no_other_and_takes_no_connection(shop: Shop) -> None:
    held_up = HeldUp()
    async with taking(shop, held_up) as intake:
        plan = await shop.plan("Chat", allowances=[monthly(10)], debits={"chat": "chat"})
        row, other = [await shop.subscribe(await shop.customer(), plan) for _ in range(2)]
        held_up.account = row.account
        for one in (row, other):
            await chat(shop, intake, one.account, 10)
        declined = await asyncio.gather(*(chat(shop, intake, row.account, 1) for _ in range(500)))
        assert {type(one) for [one] in declined} == {InsufficientCredits}
        assert held_up.led == []
        await shop.set_time(BEGIN + 40 * DAY)
        waiting = [asyncio.create_task(chat(shop, intake, row.account, 1)) for _ in range(20)]
        await held_up.begun.wait()
        [served] = await chat(shop, intake, other.account, 1)
        assert isinstance(served, Recorded)
        held_up.may.set()
        kinds = Counter(type(one).__name__ for [one] in await asyncio.gather(*waiting))
    assert kinds == {"Recorded": 10, "InsufficientCredits": 10}
    assert held_up.led[:2] == [[row.account], [other.account]]
    assert len(held_up.led) <= 3


async def test_what_cannot_be_done_is_said_and_uses_up_no_id(shop: Shop, intake: UsageIntake) -> None:
    plan = await shop.plan("Chat", allowances=[monthly(10)], debits={"chat": "chat"})
    row = await shop.subscribe(await shop.customer(), plan)
    await chat(shop, intake, row.account, 10)
    await shop.set_time(BEGIN + 40 * DAY)
    event = NewEvent(account=row.account, metric="chat", quantity=CREDIT, event_id="once")
    async with taking(shop, cut_off) as alone:
        twice = await alone.record(shop.tenant, "test", [event, event])
        assert [type(one) for one in twice] == [Unavailable, Unavailable]
        assert alone.depth == 0
    twice = await intake.record(shop.tenant, "test", [event, event])
    assert [isinstance(one, Recorded) and one.duplicate for one in twice] == [False, True]
    assert await shop.balance(row.account) == 9


async def test_stopping_waits_for_who_is_led_on(shop: Shop) -> None:
    held_up = HeldUp()
    async with taking(shop, held_up) as intake:
        plan = await shop.plan("Chat", allowances=[monthly(10)], debits={"chat": "chat"})
        row = await shop.subscribe(await shop.customer(), plan)
        await chat(shop, intake, row.account, 10)
        await shop.set_time(BEGIN + 40 * DAY)
        asked = asyncio.create_task(chat(shop, intake, row.account, 1))
        await held_up.begun.wait()
        stopping = asyncio.create_task(intake.stop())
        done, _ = await asyncio.wait([stopping, asked], timeout=0.1)
        assert not done
        held_up.may.set()
        await stopping
        [said] = await asked
    assert isinstance(said, Recorded)
