"""Checkouts of plans: the subscription begins when its money came, in the same commit."""

from datetime import timedelta

import msgspec
import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog import views as plans
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments.checkouts import ForPlan
from tallystick.domain.subscriptions import views
from tallystick.domain.subscriptions.model import Subscription
from tallystick.kernel.errors import Conflict
from tests.db.subscriptions.shop import BEGIN, flat, monthly

from .front import Front

pytestmark = pytest.mark.anyio


async def current(front: Front, account: int) -> Subscription:
    async with front.shop.db.connection() as conn:
        found = await views.current(conn, front.tenant, account)
    assert found is not None
    return found


async def test_a_plan_begins_with_its_money(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    plan = await front.shop.plan("Pro", flat(999), allowances=[monthly(100)])
    page = await front.open(account, ForPlan(plan))
    assert (page.kind, page.amount, page.invoice) == ("plan", 999, None)
    assert front.shop.rows("select 1 from subscription") == []
    assert front.shop.rows("select 1 from invoice") == []
    await front.shop.set_time(BEGIN + timedelta(hours=2))
    await front.pay(page)
    row = await current(front, account)
    assert (row.status, row.started_at) == ("active", BEGIN + timedelta(hours=2))
    assert await front.shop.balance(account) == 100
    [bill] = await front.shop.bills(row)
    assert (bill.status, bill.number) == ("paid", "INV-2027-001")
    paid = await front.payment(page.payment)
    assert (paid.invoice, paid.applied) == (bill.id, 999)
    page = await front.checkout(page.id)
    assert (page.status, page.invoice) == ("completed", bill.id)
    assert front.mails() == ["payment_receipt"]
    assert (await verify(front.shop.db)).ok


async def test_a_higher_plan_takes_the_place_of_a_lower(front: Front) -> None:
    account = await front.shop.customer()
    small = await front.shop.plan("Small", flat(10_00), allowances=[monthly(100)], rank=1)
    big = await front.shop.plan("Big", flat(20_00), allowances=[monthly(300)], rank=2)
    await front.shop.subscribe(account, small)
    page = await front.open(account, ForPlan(big))
    assert (await current(front, account)).plan == small
    await front.shop.set_time(BEGIN + timedelta(days=14))
    await front.work()
    assert (await front.checkout(page.id)).status == "expired"
    page = await front.open(account, ForPlan(big))
    assert page.amount == 5_00
    await front.shop.set_time(BEGIN + timedelta(days=14, hours=20))
    await front.pay(page)
    row = await current(front, account)
    assert (row.plan, row.status) == (big, "active")
    paid = await front.payment(page.payment)
    # less is due by then: what was paid above it is the customer's
    assert paid.applied < 5_00
    assert paid.applied + paid.to_credit == 5_00
    assert await front.credit(account) == paid.to_credit


async def test_a_lower_plan_costs_nothing_now(front: Front) -> None:
    account = await front.shop.customer()
    small = await front.shop.plan("Small", flat(10_00), rank=1)
    big = await front.shop.plan("Big", flat(20_00), rank=2)
    await front.shop.subscribe(account, big)
    for plan, code in ((small, "not_an_upgrade"), (big, "same_plan")):
        with pytest.raises(Conflict) as refused:
            await front.open(account, ForPlan(plan))
        assert refused.value.code == code
    assert (await current(front, account)).scheduled is None


async def test_a_trial_asks_for_a_way_to_pay_alone(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999), allowances=[monthly(100)], trial_days=14)
    page = await front.open(account, ForPlan(plan))
    assert (page.amount, page.payment, page.save_method) == (0, None, True)
    await front.pay(page)
    assert (await current(front, account)).status == "trialing"
    assert await front.shop.balance(account) == 100
    assert len(front.shop.rows("select 1 from payment_method")) == 1
    assert (await front.checkout(page.id)).status == "completed"


async def test_another_page_for_a_plan_takes_the_first_away(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    other = await front.shop.plan("Max", flat(1999))
    first = await front.open(account, ForPlan(plan))
    second = await front.open(account, ForPlan(other))
    assert (await front.checkout(first.id)).status == "expired"
    await front.work()
    assert front.bench.pages[first.id].status == "expired"
    await front.pay(second)
    assert (await current(front, account)).plan == other


async def test_both_paid_the_second_goes_back(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    first = await front.open(account, ForPlan(plan))
    seen = front.bench.pay(first.id)
    second = await front.open(account, ForPlan(plan))
    await front.pay(second)
    await front.take(*seen)
    rows = await front.payments(account)
    assert [(row.applied, row.to_refund) for row in rows] == [(0, 999), (999, 0)]
    await front.work()
    assert front.bench.taken == 999
    assert len(front.shop.rows("select 1 from subscription")) == 1


async def test_a_subscription_that_never_was_paid_gives_way(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    other = await front.shop.plan("Max", flat(1999))
    waiting = await front.shop.subscribe(account, plan, pay=False)
    page = await front.open(account, ForPlan(other))
    assert (await front.shop.see(waiting.id)).status == "incomplete"
    await front.pay(page)
    assert (await front.shop.see(waiting.id)).status == "ended"
    assert (await current(front, account)).plan == other


async def test_the_first_invoice_of_that_very_plan_is_what_is_paid(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999), allowances=[monthly(100)])
    waiting = await front.shop.subscribe(account, plan, pay=False)
    [bill] = await front.shop.bills(waiting)
    page = await front.open(account, ForPlan(plan))
    assert (page.kind, page.invoice, page.own_invoice) == ("invoice", bill.id, False)
    await front.pay(page)
    assert (await front.shop.see(waiting.id)).status == "active"
    assert await front.shop.balance(account) == 100


async def test_a_plan_that_is_gone_when_the_money_comes(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    page = await front.open(account, ForPlan(plan))
    async with front.shop.tx() as tx:
        await catalog.update_plan(tx, front.tenant, plan, status="archived", by="test")
    await front.pay(page)
    row = await front.payment(page.payment)
    assert (row.status, row.applied, row.to_refund) == ("succeeded", 0, 999)
    assert front.shop.rows("select 1 from subscription") == []
    assert "checkout.completed" not in front.events(account)
    await front.work()
    assert front.bench.taken == 0


async def test_what_costs_more_by_then_stays_due(front: Front) -> None:
    account = await front.shop.customer()
    async with front.shop.tx() as tx:
        await invoicing.add_credit(tx, front.tenant, account, "USD", 400, reason="Sorry", by="test")
    plan = await front.shop.plan("Pro", flat(999), allowances=[monthly(100)])
    page = await front.open(account, ForPlan(plan))
    assert page.amount == 599
    await front.open(account, ForPlan(plan))  # looks alone: nothing of the credit is used
    assert await front.credit(account) == 400
    async with front.shop.tx() as tx:
        await invoicing.add_credit(tx, front.tenant, account, "USD", -400, reason="Spent", by="test")
    await front.take(*front.bench.pay(page.id))
    row = await current(front, account)
    assert row.status == "incomplete"
    [bill] = await front.shop.bills(row)
    assert (bill.amount_paid, bill.remaining) == (599, 400)


async def test_a_plan_that_is_paid_once(front: Front) -> None:
    account = await front.shop.customer()
    monthly_plan = await front.shop.plan("Pro", flat(999))
    await front.shop.subscribe(account, monthly_plan)
    once = await front.shop.plan("Pass", flat(500), interval="one_time")
    page = await front.open(account, ForPlan(once))
    await front.pay(page)
    rows = front.shop.rows("select status from subscription order by id")
    assert [row["status"] for row in rows] == ["active", "active"]


async def test_what_was_offered_is_what_an_upgrade_comes_to(front: Front) -> None:
    account = await front.shop.customer()
    small = await front.shop.plan("Small", flat(10_00), rank=1)
    big = await front.shop.plan("Big", flat(20_00), rank=2)
    await front.shop.subscribe(account, small)
    page = await front.open(account, ForPlan(big))
    async with front.shop.tx() as tx:
        found = await plans.plan(tx, front.tenant, big)
        terms = msgspec.structs.replace(found.terms, components=(flat(90_00),))
        await catalog.update_plan(tx, front.tenant, big, terms=terms, by="test")
    await front.pay(page)
    row = await current(front, account)
    assert (row.plan, row.version) == (big, 1)
    assert [bill.remaining for bill in await front.shop.bills(row)] == [0, 0]
    assert (await front.payment(page.payment)).applied == page.amount
