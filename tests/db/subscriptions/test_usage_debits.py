"""Usage that debits credits: an allowance that is due comes before the event that needs it."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.domain.subscriptions import holdings, views
from tallystick.kernel.errors import Fact, InsufficientCredits

from .shop import BEGIN, CREDIT, DAY, Shop, at, monthly

pytestmark = pytest.mark.anyio


@pytest.fixture
async def intake(shop: Shop) -> AsyncIterator[UsageIntake]:
    made = UsageIntake(shop.db, rates_in_force, views.billed, holdings.lead_on)
    await made.start()
    async with shop.db.tx() as tx:
        lines = [Rate("chat", "credits", CREDIT)]
        await catalog.put_rate_card(tx, shop.tenant, rates=lines, by="test")
    yield made
    await made.stop()


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
