"""What happens to a customer while their upgrade is being charged."""

import asyncio
from datetime import timedelta

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.domain.subscriptions import actions, views
from tallystick.kernel.errors import Conflict
from tests.db.subscriptions.shop import BEGIN, CREDIT, DAY, calls, flat
from tests.doubles.gateway import SlowGateway

from .dealing import FIRST, UP, Deal, block, charging, credit
from .front import Front

pytestmark = pytest.mark.anyio


async def test_a_cancel_meanwhile(front: Front) -> None:
    """The customer cancels while the bank is asked: what was paid for is given, so the cancel is taken back."""
    deal, slow, task = await charging(front)
    await deal.shop.act(actions.cancel, deal.row, at_period_end=True)
    slow.go.set()
    made = await task
    assert (made.declined, made.subscription.plan_name) == (None, "large")
    assert not made.subscription.cancel_at_period_end
    assert deal.invoices() == [FIRST, UP]


async def test_cancelled_at_once_meanwhile(front: Front) -> None:
    deal, slow, task = await charging(front)
    await deal.shop.act(actions.cancel, deal.row, at_period_end=False)
    slow.go.set()
    with pytest.raises(Conflict) as late:
        await task
    assert late.value.code == "superseded"
    assert (await deal.shop.see(deal.row.id)).status == "cancelled"
    for _ in range(5):
        await deal.front.work()
    assert slow.taken == await deal.front.credit(deal.account)
    assert deal.invoices() == [FIRST]


async def test_the_period_ends_meanwhile(front: Front) -> None:
    """Then it costs more than what was charged if the new period is dearer: and is not done."""
    deal, slow, task = await charging(front)
    await deal.shop.until(BEGIN + timedelta(days=40))
    slow.go.set()
    made = await task
    # the rest of the running month costs less than a whole one: what is too much became credit
    assert (made.declined, made.subscription.plan_name) == (None, "large")
    assert made.invoice is not None
    assert made.invoice.remaining == 0
    assert await deal.front.credit(deal.account) == 3000 - made.invoice.total


async def test_a_higher_one_meanwhile(front: Front) -> None:
    """By another way; what was charged goes back."""
    deal, slow, task = await charging(front)
    await deal.shop.act(actions.change, deal.row, plan=deal.shop.plans["huge"])
    slow.go.set()
    with pytest.raises(Conflict) as late:
        await task
    assert late.value.code == "superseded"
    assert await deal.plan() == "huge"


async def test_another_upgrade_waits_for_the_one_before(front: Front) -> None:
    deal, slow, task = await charging(front)
    higher = asyncio.create_task(deal.up("huge"))
    _, waiting = await asyncio.wait([higher], timeout=0.3)
    assert waiting == {higher}
    slow.go.set()
    first, second = await task, await higher
    assert (first.declined, second.declined) == (None, None)
    assert await deal.plan() == "huge"
    assert slow.taken == 3000 + 90000 - 4000
    assert await deal.shop.balance(deal.account) * CREDIT >= 0


@pytest.mark.parametrize("left", [0, 1500, 2499])
async def test_customer_credit_that_goes_elsewhere_meanwhile(front: Front, left: int) -> None:
    """It was counted on: without it the charge is not enough, and the plan is not given for a part of its price."""
    deal, slow, task = await charging(front, credited=2500)
    await credit(deal, left - 2500)
    slow.go.set()
    with pytest.raises(Conflict) as late:
        await task
    assert late.value.code == "superseded"
    assert await deal.untouched()
    for _ in range(5):
        await deal.front.work()
    assert slow.taken + left == await deal.front.credit(deal.account)


async def test_customer_credit_that_comes_meanwhile_is_used(front: Front) -> None:
    deal, slow, task = await charging(front, credited=1000)
    await credit(deal, 700)
    slow.go.set()
    made = await task
    assert (made.declined, made.subscription.plan_name) == (None, "large")
    assert deal.invoices() == [FIRST, UP]
    assert slow.taken == 2000
    assert await deal.front.credit(deal.account) == 700


async def test_blocked_meanwhile(front: Front) -> None:
    """What was charged goes back."""
    deal, slow, task = await charging(front)
    await block(deal)
    slow.go.set()
    with pytest.raises(Conflict) as late:
        await task
    assert late.value.code == "superseded"
    assert await deal.plan() == "small"
    for _ in range(5):
        await deal.front.work()
    assert slow.taken == await deal.front.credit(deal.account)


async def test_usage_that_is_reported_meanwhile_is_owed_as_usage_is(front: Front) -> None:
    slow = SlowGateway()
    deal = Deal(Front(front.shop, slow))
    shop = deal.shop
    async with shop.tx() as tx:
        await metering.ensure_meter(tx, shop.tenant, "calls", by="test")
    small = await shop.plan("small", flat(1000), calls(), rank=1)
    await shop.plan("large", flat(4000), calls(), rank=2)
    deal.account = await shop.customer()
    deal.row = await shop.subscribe(deal.account, small)
    await deal.front.save(deal.account)
    intake = UsageIntake(shop.db, rates_in_force, views.billed)
    await intake.start()
    try:
        await shop.set_time(BEGIN + 14 * DAY)
        await _use(intake, deal, 100)
        task = asyncio.create_task(deal.up())
        await slow.asked.wait()
        await _use(intake, deal, 50)
        slow.go.set()
        made = await task
    finally:
        await intake.stop()
    # half of the period is left, and a call costs two cents
    assert slow.taken == 2000 - 500 + 200
    assert made.invoice is not None
    assert (made.subscription.plan_name, made.invoice.status, made.invoice.remaining) == (
        "large", "open", 100,
    )  # fmt: skip


async def _use(intake: UsageIntake, deal: Deal, quantity: int) -> None:
    event = NewEvent(
        account=deal.account, metric="calls", quantity=quantity * 10**6, at=BEGIN + DAY, event_id=None,
        metadata={}, subscription=None,
    )  # fmt: skip
    [said] = await intake.record(deal.shop.tenant, "test", [event])
    assert isinstance(said, Recorded)
