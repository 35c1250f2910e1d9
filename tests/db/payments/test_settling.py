"""What is seen is worked in once, in one commit with all that follows, in any order."""

import random
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tallystick.domain.payments import checkouts, settling
from tallystick.domain.payments.checkouts import ForMethod, ForPackage, ForPlan
from tallystick.domain.payments.port import CheckoutSeen, Notice, PaymentSeen, Seen
from tallystick.domain.subscriptions import actions as subscriptions
from tests.db.subscriptions.shop import flat
from tests.doubles.gateway import Killed, Trouble

from .front import Front

pytestmark = pytest.mark.anyio


class Crash(Exception):
    """The commit does not come about."""


async def crash(front: Front, told: Notice) -> None:
    async with front.shop.tx() as tx:
        assert await settling.notice(tx, front.till, front.tenant, "sandbox", told, by="test")
        raise Crash


async def test_all_of_it_or_nothing(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    page = await front.buy(account)
    seen = front.bench.pay(page.id)
    told = Notice("evt_1", "paid", datetime.now(UTC), seen)
    before = front.events(account)
    with pytest.raises(Crash):
        await crash(front, told)
    assert front.events(account) == before
    assert (await front.payment(page.payment)).status == "pending"
    assert (await front.invoice(page.invoice)).status == "open"
    assert await front.shop.balance(account) == 0
    assert front.mails() == []
    for new in (True, False, False):
        async with front.shop.tx() as tx:
            assert await settling.notice(tx, front.till, front.tenant, "sandbox", told, by="test") == new
    assert await front.shop.balance(account) == 100
    assert front.mails() == ["payment_receipt"]


@pytest.mark.parametrize("call", ["customer", "open_checkout"])
@pytest.mark.parametrize("point", ["killed", "died"])
async def test_killed_between_every_two_steps_of_a_purchase(front: Front, call: str, point: Trouble) -> None:
    account, package = await front.shop.customer(email="ann@example.com"), await front.package()
    front.bench.trouble(*[None] * ["customer", "open_checkout"].index(call), point)
    with pytest.raises(Killed):
        await front.open(account, ForPackage(package), key=("k", b"1"))
    page = await front.open(account, ForPackage(package), key=("k", b"1"))
    front.bench.pay(page.id)  # and who would tell us dies
    front.bench.trouble(point)
    async with front.shop.tx() as tx:
        await tx.execute("update checkout set due_at = created_at")
    while not await front.worked():
        pass
    await front.work()
    assert (await front.checkout(page.id)).status == "completed"
    assert (front.bench.taken, len(front.bench.pages)) == (1000, 1)
    assert await front.shop.balance(account) == 100
    assert len(front.shop.rows("select 1 from invoice")) == 1
    assert front.events(account).count("payment.succeeded") == 1
    assert front.mails() == ["payment_receipt"]


async def test_a_decline_and_money_in_some_orders(front: Front) -> None:
    for order in list(permutations(range(4)))[::5]:
        account = await front.shop.customer()
        page = await front.buy(account)
        [declined] = front.bench.pay(page.id, "decline")
        [done] = front.bench.pay(page.id)
        assert isinstance(declined, PaymentSeen)
        assert isinstance(done, CheckoutSeen)
        assert done.payment is not None
        told: list[Seen] = [declined, replace(declined, status="processing"), done, done.payment]
        for index in order:
            await front.take(told[index])
        row = await front.payment(page.payment)
        assert (row.status, row.applied, row.failure_code) == ("succeeded", 1000, None)
        assert (await front.checkout(page.id)).status == "completed"
        assert await front.shop.balance(account) == 100


@pytest.mark.long
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32))
async def test_random_orders(front: Front, seed: int) -> None:
    chance = random.Random(seed)
    account = await front.shop.customer()
    page = await front.buy(account)
    told = [*front.bench.pay(page.id, "decline"), *front.bench.pay(page.id, "later")]
    assert page.payment is not None
    told += front.bench.finish(page.payment)
    told += [one for one in told if chance.random() < 0.5]
    chance.shuffle(told)
    for one in told:
        await front.take(one)
    assert (await front.payment(page.payment)).status == "succeeded"
    assert await front.shop.balance(account) == 100


async def test_a_page_whose_money_failed_in_the_end_is_over(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    await front.pay(page, "later")
    assert page.payment is not None
    await front.take(*front.bench.finish(page.payment, succeeded=False))
    assert (await front.payment(page.payment)).status == "failed"
    assert (await front.checkout(page.id)).status == "expired"
    assert (await front.invoice(page.invoice)).status == "void"


async def test_a_page_of_a_subscription_that_was_cancelled_is_closed(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    waiting = await front.shop.subscribe(account, plan, pay=False)
    page = await front.open(account, ForPlan(plan))
    await front.shop.act(subscriptions.cancel, waiting, at_period_end=False)
    async with front.shop.tx() as tx:
        await tx.execute("update checkout set due_at = created_at")
    await front.work()
    assert (await front.checkout(page.id)).status == "expired"
    await front.work()
    assert front.bench.pages[page.id].status == "expired"


async def test_an_unknown_payment_of_a_customer_of_ours_goes_back(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    seen = front.bench.pay(page.id)
    assert page.payment is not None
    async with front.shop.tx() as tx:  # as after an old backup was played back
        await tx.execute("delete from checkout")
        await tx.execute("delete from payment")
    await front.take(*seen)
    [row] = await front.payments(account)
    assert (row.id, row.status, row.to_refund) == (page.payment, "succeeded", 1000)
    await front.work()
    assert front.bench.taken == 0


async def test_an_expired_page_says_so_by_hand(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.open(account, ForMethod())
    for _ in range(2):
        row = await checkouts.expire_checkout(front.till, front.tenant, account, page.id, by="key:1")
        assert row.status == "expired"
    assert front.events(account).count("checkout.expired") == 1
    actions = [row["action"] for row in front.shop.rows("select action from audit_log order by id")]
    assert actions.count("checkout.expire") == 1
