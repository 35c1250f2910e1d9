"""Changes of plan: a higher one now, by the second; a lower one or another interval at the period's end."""

import pytest

from tallystick.domain.catalog.terms import Allowance
from tallystick.domain.subscriptions import actions, views
from tallystick.kernel.errors import Conflict

from .shop import BEGIN, CREDIT, DAY, Shop, at, calls, flat, monthly

pytestmark = pytest.mark.anyio


async def two(shop: Shop) -> None:
    await shop.plan("Basic", flat(10_00), allowances=[monthly(100)], rank=1)
    await shop.plan("Pro", flat(30_00), allowances=[monthly(500)], rank=2)


async def test_a_higher_plan_applies_now_with_credit_and_charge_by_the_second(shop: Shop) -> None:
    await two(shop)
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Basic"])
    await shop.spend(account, 60)
    await shop.until(BEGIN + 7 * DAY)  # a quarter of the 28 days
    async with shop.db.connection() as conn:
        seen = await views.preview_change(conn, shop.tenant, account, row.id, plan=shop.plans["Pro"])
    made = await shop.act(actions.change, row, plan=shop.plans["Pro"])
    assert made.invoice is not None
    assert seen.invoice is not None
    assert seen.applies == "now"
    assert [line.amount for line in made.invoice.lines] == [-7_50, 22_50]
    assert [line.amount for line in seen.invoice.lines] == [-7_50, 22_50]
    assert (made.invoice.total, made.invoice.reason) == (15_00, "change")
    assert made.subscription.period_end == at("2027-02-28T10:00")
    assert await shop.balance(account) == 440  # 40 left, and 400 more
    await shop.pay(account, made.invoice)
    await shop.until(at("2027-02-28T10:00"))
    assert await shop.balance(account) == 500
    assert [bill.total for bill in await shop.bills(row)] == [10_00, 15_00, 30_00]


async def test_a_lower_plan_waits_and_may_be_revoked(shop: Shop) -> None:
    await two(shop)
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Pro"])
    made = await shop.act(actions.change, row, plan=shop.plans["Basic"])
    assert (made.change, made.invoice) == ("scheduled", None)
    await shop.act(actions.revoke_change, row)
    with pytest.raises(Conflict) as refused:
        await shop.act(actions.revoke_change, row)
    assert refused.value.code == "nothing_scheduled"
    await shop.act(actions.change, row, plan=shop.plans["Basic"])
    async with shop.db.connection() as conn:
        coming = await views.upcoming(conn, shop.tenant, account, row.id)
    assert coming.total == 10_00
    await shop.until(at("2027-02-28T12:00"))
    row = await shop.see(row.id)
    assert (row.plan, row.scheduled) == (shop.plans["Basic"], None)
    assert [bill.total for bill in await shop.bills(row)] == [30_00, 10_00]
    assert await shop.balance(account) == 100


async def test_a_longer_interval_of_a_higher_plan_begins_the_period_anew(shop: Shop) -> None:
    await two(shop)
    await shop.plan("Pro yearly", flat(300_00), allowances=[monthly(500)], rank=2, interval="yearly")
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Basic"])
    await shop.until(BEGIN + 14 * DAY)
    made = await shop.act(actions.change, row, plan=shop.plans["Pro yearly"])
    assert made.invoice is not None
    assert [line.amount for line in made.invoice.lines] == [-5_00, 300_00]
    assert (made.subscription.period_start, made.subscription.period_end) == (
        BEGIN + 14 * DAY, at("2028-02-14T10:00"),
    )  # fmt: skip
    await shop.pay(account, made.invoice)
    assert await shop.balance(account) == 500
    # the allowance goes on by its own months
    await shop.spend(account, 500)
    await shop.until(at("2027-02-28T10:00"))
    assert await shop.balance(account) == 500
    assert len(await shop.bills(row)) == 2


async def test_only_another_interval_waits(shop: Shop) -> None:
    await two(shop)
    await shop.plan("Basic yearly", flat(100_00), allowances=[monthly(100)], rank=1, interval="yearly")
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Basic"])
    assert (await shop.act(actions.change, row, plan=shop.plans["Basic yearly"])).change == "scheduled"
    await shop.until(at("2027-03-01T00:00"))
    row = await shop.see(row.id)
    assert (row.period_start, row.period_end) == (at("2027-02-28T10:00"), at("2028-02-28T10:00"))


async def test_without_ranks_the_price_a_year_decides(shop: Shop) -> None:
    small, big = await shop.plan("Small", flat(10_00)), await shop.plan("Big", flat(99_00), interval="yearly")
    row = await shop.subscribe(await shop.customer(), small)
    assert (await shop.act(actions.change, row, plan=big)).change == "scheduled"
    other = await shop.subscribe(await shop.customer(), big)
    assert (await shop.act(actions.change, other, plan=small)).change == "applied"


async def test_an_upgrade_in_the_trial_keeps_the_trial(shop: Shop) -> None:
    await two(shop)
    trial = await shop.plan("Trial", flat(5_00), allowances=[monthly(50)], rank=0, trial_days=10)
    account = await shop.customer()
    row = await shop.subscribe(account, trial)
    made = await shop.act(actions.change, row, plan=shop.plans["Pro"])
    assert (made.invoice, made.subscription.status) == (None, "trialing")
    assert await shop.balance(account) == 500
    await shop.until(BEGIN + 10 * DAY)
    assert [bill.total for bill in await shop.bills(row)] == [30_00]
    assert await shop.balance(account) == 500


async def test_more_credit_than_charge_becomes_the_customers(shop: Shop) -> None:
    await shop.plan("Yearly", flat(120_00), rank=1, interval="yearly")
    await shop.plan("Pro", flat(30_00), rank=2)
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Yearly"])
    made = await shop.act(actions.change, row, plan=shop.plans["Pro"])
    assert made.invoice is not None
    assert (made.invoice.status, made.invoice.total, made.invoice.carried) == ("paid", 0, 90_00)
    await shop.until(at("2027-06-01T00:00"))
    assert [bill.status for bill in await shop.bills(row)][:5] == ["paid"] * 5


async def test_what_cannot_be_changed(shop: Shop) -> None:
    await two(shop)
    once = await shop.plan("Once", flat(1_00), interval="one_time")
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Basic"], pay=False)
    with pytest.raises(Conflict) as refused:
        await shop.act(actions.change, row, plan=shop.plans["Pro"])
    assert refused.value.code == "subscription_state"
    await shop.pay_all(row)
    for plan, code in ((shop.plans["Basic"], "same_plan"), (once, "not_recurring")):
        with pytest.raises(Conflict) as refused:
            await shop.act(actions.change, row, plan=plan)
        assert refused.value.code == code


async def test_overrides_are_one_customers(shop: Shop) -> None:
    await two(shop)
    overrides = {"components": {"base": {"amount": 8_00}}, "allowances": {"credits": {"amount": 7 * 10**6}}}
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Basic"], overrides=overrides)
    assert [bill.total for bill in await shop.bills(row)] == [8_00]
    assert await shop.balance(account) == 7
    made = await shop.act(actions.change, row, plan=shop.plans["Basic"], overrides={})
    assert made.change == "applied"
    assert await shop.balance(account) == 100


async def test_a_change_that_waited_for_the_resume_gives_its_allowances_once(shop: Shop) -> None:
    await shop.plan("Pro", flat(30_00), allowances=[monthly(500)], rank=2)
    boosts = Allowance(credit_type="credits", amount=9 * CREDIT, reset="weekly")
    basic = await shop.plan("Basic", flat(10_00), allowances=[boosts], rank=1)
    account = await shop.customer()
    row = await shop.subscribe(account, shop.plans["Pro"])
    await shop.act(actions.change, row, plan=basic)
    await shop.act(actions.pause, row)
    await shop.set_time(at("2027-03-15T00:00"))
    made = await shop.act(actions.resume, row)
    assert made.invoice is not None
    assert (made.invoice.total, made.subscription.plan) == (10_00, basic)
    assert await shop.balance(account) == 9


async def test_another_subscription_does_not_bill_again_what_one_did(shop: Shop) -> None:
    plan = await shop.plan("Metered", flat(5_00), calls())
    account = await shop.customer()
    first = await shop.subscribe(account, plan)
    await shop.set_time(BEGIN + 2 * DAY)
    await shop.act(actions.cancel, first, at_period_end=False)
    second = await shop.subscribe(account, plan, start=BEGIN)
    assert (second.period_start, second.usage_since) == (BEGIN, BEGIN + 2 * DAY)


async def test_what_is_due_and_not_done_yet_counts_in_previews(shop: Shop) -> None:
    small = await shop.plan("Small", flat(10_00), allowances=[monthly(100)], rank=1)
    big = await shop.plan("Big", flat(20_00), allowances=[monthly(300)], rank=2)
    row = await shop.subscribe(await shop.customer(), small)
    await shop.set_time(at("2027-02-28T12:00"))  # nobody has renewed it
    async with shop.db.tx() as tx:
        seen = await views.preview_change(tx, shop.tenant, row.account, row.id, plan=big)
    async with shop.db.connection() as conn:
        coming = await views.upcoming(conn, shop.tenant, row.account, row.id)
    assert await shop.see(row.id) == row
    assert len(await shop.bills(row)) == 1
    assert coming.issued_at == at("2027-03-31T10:00")
    await shop.work()
    async with shop.db.tx() as tx:
        after = await views.preview_change(tx, shop.tenant, row.account, row.id, plan=big)
        later = await views.upcoming(tx, shop.tenant, row.account, row.id)
    assert (seen, coming) == (after, later)


async def test_what_waits_is_revoked_by_its_opposite_and_the_log_says_so(shop: Shop) -> None:
    await two(shop)
    row = await shop.subscribe(await shop.customer(), shop.plans["Pro"])
    await shop.act(actions.cancel, row, at_period_end=True)
    made = await shop.act(actions.change, row, plan=shop.plans["Basic"])
    assert (made.change, made.subscription.cancel_at_period_end) == ("scheduled", False)
    made = await shop.act(actions.cancel, row, at_period_end=True)
    assert made.subscription.scheduled is None
    async with shop.db.connection() as conn:
        kinds = [one.kind for one in await views.changes(conn, shop.tenant, row.id)]
    assert kinds[:5] == [
        "cancel_scheduled", "change_revoked", "change_scheduled", "cancel_revoked", "cancel_scheduled",
    ]  # fmt: skip
