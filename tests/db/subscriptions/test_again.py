"""Subscribed again and again, a customer gets no more credits than are paid for."""

import pytest

from tallystick.domain.ledger.verify import verify
from tallystick.domain.subscriptions import actions
from tallystick.domain.subscriptions.model import Subscription

from .shop import BEGIN, CREDIT, DAY, Shop, at, flat, monthly

pytestmark = pytest.mark.anyio


async def cancel(shop: Shop, row: Subscription) -> None:
    await shop.act(actions.cancel, row, at_period_end=False)


def granted(shop: Shop, account: int) -> int:
    (row,) = shop.rows(
        "select coalesce(sum(amount), 0) as sum from credit_grant where account_id = %s", account
    )
    return int(row["sum"]) // CREDIT


async def test_a_free_plan_gives_its_allowance_once_a_period(shop: Shop) -> None:
    plan, account = await shop.plan("Free", allowances=[monthly(100)]), await shop.customer()
    for day, spent, left in ((0, 40, 60), (1, 50, 10), (2, 10, 0), (3, 0, 0)):
        await shop.set_time(BEGIN + day * DAY)
        row = await shop.subscribe(account, plan)
        await shop.spend(account, spent)
        assert await shop.balance(account) == left
        await cancel(shop, row)
        assert await shop.balance(account) == 0
    row = await shop.subscribe(account, plan)
    await shop.until(BEGIN + 3 * DAY + 28 * DAY)
    assert await shop.balance(account) == 100  # the next period's
    assert (await verify(shop.db)).ok


async def test_so_does_a_month_of_the_calendar(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(30_00), allowances=[monthly(1000)]), await shop.customer()
    total = 0
    for _ in range(5):  # on the month's last afternoon
        row = await shop.subscribe(account, plan, billing="calendar")
        (bill,) = await shop.bills(row)
        total += bill.total
        assert not await shop.balance(account) or granted(shop, account) == 1000
        await shop.spend(account, 1000)
        await cancel(shop, row)
    assert 0 < total < 5_00
    assert granted(shop, account) == 1000
    row = await shop.subscribe(account, plan, billing="calendar")
    await shop.until(at("2027-02-01T00:00"))
    assert await shop.balance(account) == 1000


async def test_what_is_given_once_a_subscription_is_not_given_again_by_another(shop: Shop) -> None:
    plan = await shop.plan("Free", allowances=[monthly(100, reset="never")])
    account = await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.spend(account, 30)
    await cancel(shop, row)
    await shop.set_time(BEGIN + 400 * DAY)
    await shop.subscribe(account, plan)
    assert await shop.balance(account) == 70


async def test_what_is_paid_again_is_given_again(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(10_00), allowances=[monthly(100)]), await shop.customer()
    free = await shop.plan("Free", allowances=[monthly(5)])
    for _ in range(3):
        row = await shop.subscribe(account, plan)
        assert await shop.balance(account) == 100
        await shop.spend(account, 100)
        await cancel(shop, row)
    await shop.subscribe(account, free)
    assert await shop.balance(account) == 5


async def test_an_upgrade_of_a_free_plan_taken_again_gives_the_difference(shop: Shop) -> None:
    free = await shop.plan("Free", allowances=[monthly(100)], rank=1)
    pro = await shop.plan("Pro", flat(10_00), allowances=[monthly(300)], rank=2)
    account = await shop.customer()
    row = await shop.subscribe(account, free)
    await shop.spend(account, 100)
    await cancel(shop, row)
    await shop.set_time(BEGIN + DAY)
    row = await shop.subscribe(account, free)
    await shop.act(actions.change, row, plan=pro)
    assert await shop.balance(account) == 200


async def test_a_trial_comes_once(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(10_00), allowances=[monthly(100)], trial_days=14)
    account = await shop.customer()
    for _ in range(3):
        row = await shop.subscribe(account, plan, pay=False)
        await cancel(shop, row)
    assert granted(shop, account) == 100
