"""Credits that are used while an upgrade is being charged: it begins as of before them, and their buckets add up."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Entry
from tallystick.domain.subscriptions.buckets import Bucket, Buckets
from tests.db.subscriptions.shop import BEGIN, CREDIT, DAY, flat, monthly
from tests.db.subscriptions.test_buckets import adds_up, desk, parts
from tests.doubles.gateway import SlowGateway

from .dealing import Deal
from .front import Front

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("plan", "later", "wanted"),
    [
        ("large", timedelta(hours=5), (500, 0, 0, 17, 0, 483)),
        ("mega", timedelta(0), (900, 0, 0, 17, 0, 883)),
        ("mega", 20 * DAY, (900, 0, 0, 17, 0, 883)),
        # the period has ended meanwhile: what was used before its end is no part of the next
        ("large", 40 * DAY, (500, 0, 0, 7, 0, 493)),
    ],
)
async def test_used_while_it_is_charged(
    front: Front, plan: str, later: timedelta, wanted: tuple[int, ...]
) -> None:
    slow = SlowGateway()
    deal = await Deal(Front(front.shop, slow)).begin()
    shop = deal.shop
    await shop.plan("mega", flat(90000), allowances=[monthly(900)], rank=5, interval="yearly")
    await deal.front.save(deal.account)
    async with desk(shop) as (lanes, balances):
        known = Buckets(shop.db, lanes, balances)
        answered: list[tuple[Entry, Bucket]] = []

        async def use(credits: int) -> Bucket:
            entry = await _debit(deal, lanes, credits)
            answered.append((entry, await known.after(shop.tenant, deal.account, entry)))
            return answered[-1][1]

        await shop.set_time(BEGIN + DAY)
        await use(3)
        task = asyncio.create_task(deal.up(plan))
        await slow.asked.wait()
        await use(7)
        await shop.until(BEGIN + DAY + later)
        await use(5)
        slow.go.set()
        made = await task
        assert (made.declined, made.subscription.plan_name) == (None, plan)
        known.forget(deal.account)
        assert parts(await use(2)) == wanted
        fresh = Buckets(shop.db, lanes, balances)
        assert await known.of(shop.tenant, deal.account) == await fresh.of(shop.tenant, deal.account)
        for entry, bucket in answered:
            adds_up(bucket)
            assert await fresh.after(shop.tenant, deal.account, entry) == bucket


async def _debit(deal: Deal, lanes: Lanes, credits: int) -> Entry:
    asked = command.Debit(account=deal.account, credit_type="credits", amount=credits * CREDIT)
    answer = await lanes.submit(command.order(asked, tenant=deal.shop.tenant, actor="test"))
    assert answer.entry is not None
    return answer.entry
