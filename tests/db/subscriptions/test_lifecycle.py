"""The life of a subscription: what is invoiced, when, and in which state it is."""

from datetime import timedelta

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.subscriptions import actions, views
from tallystick.kernel.errors import Conflict, Invalid, NotFound

from .shop import BEGIN, DAY, Shop, at, calls, flat, monthly

pytestmark = pytest.mark.anyio


async def test_unpaid_it_is_incomplete_and_payment_activates_it(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan, pay=False)
    assert (row.status, row.period_start, row.period_end) == ("incomplete", BEGIN, at("2027-02-28T10:00"))
    (bill,) = await shop.bills(row)
    assert (bill.status, bill.total, bill.issued_at, bill.reason) == ("open", 999, BEGIN, "create")
    assert await shop.balance(account) == 0
    await shop.set_time(BEGIN + 3 * DAY)
    await shop.pay(account, bill)
    row = await shop.see(row.id)
    assert (row.status, row.period_end) == ("active", at("2027-02-28T10:00"))
    assert await shop.balance(account) == 100
    assert await shop.log(row) == ["created", "activated", "allowance_granted"]


async def test_a_free_plan_is_active_at_once_without_an_invoice(shop: Shop) -> None:
    plan, account = await shop.plan("Free", allowances=[monthly(5)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    assert row.status == "active"
    assert await shop.bills(row) == []
    assert await shop.balance(account) == 5


async def test_renewals_keep_the_day_of_the_month(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    for moment in ("2027-02-28T10:00", "2027-03-31T10:00", "2027-04-30T10:00"):
        await shop.until(at(moment))
        await shop.pay_all(row)
        await shop.spend(account, 30)
    bills = await shop.bills(row)
    assert [bill.issued_at for bill in bills] == [
        BEGIN, at("2027-02-28T10:00"), at("2027-03-31T10:00"), at("2027-04-30T10:00"),
    ]  # fmt: skip
    assert [bill.number for bill in bills] == [f"INV-2027-00{n}" for n in (1, 2, 3, 4)]
    assert {bill.total for bill in bills} == {999}
    assert await shop.balance(account) == 70


async def test_a_trial_gives_allowances_and_its_end_the_first_invoice(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), allowances=[monthly(100)], trial_days=14)
    account = await shop.customer()
    row = await shop.subscribe(account, plan)
    assert (row.status, row.trial_end) == ("trialing", BEGIN + 14 * DAY)
    assert await shop.bills(row) == []
    assert await shop.balance(account) == 100
    await shop.spend(account, 60)
    await shop.until(BEGIN + 14 * DAY + timedelta(hours=12))
    row = await shop.see(row.id)
    (bill,) = await shop.bills(row)
    assert (row.status, bill.status, bill.issued_at, bill.total) == ("active", "open", BEGIN + 14 * DAY, 999)
    assert (row.period_start, row.period_end) == (BEGIN + 14 * DAY, at("2027-03-14T10:00"))
    assert await shop.balance(account) == 100


async def test_one_trial_a_customer_ever(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), trial_days=14)
    account = await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.act(actions.cancel, row, at_period_end=False)
    again = await shop.subscribe(account, plan, pay=False)
    assert again.status == "incomplete"
    async with shop.db.connection() as conn:
        assert await views.first_trial(conn, account) == BEGIN
    assert (await shop.subscribe(await shop.customer(), plan)).status == "trialing"


async def test_one_recurring_subscription_a_customer(shop: Shop) -> None:
    plan, once = await shop.plan("Pro", flat(999)), await shop.plan("Setup", flat(5000), interval="one_time")
    account = await shop.customer()
    row = await shop.subscribe(account, plan)
    with pytest.raises(Conflict) as refused:
        await shop.subscribe(account, plan)
    assert refused.value.code == "already_subscribed"
    assert (await shop.subscribe(account, once)).period_end is None
    assert (await shop.subscribe(account, once)).status == "active"
    await shop.act(actions.cancel, row, at_period_end=True)
    await shop.set_time(at("2027-02-28T10:00"))
    # it has ended by now, whether the worker ran or not
    assert (await shop.subscribe(account, plan)).status == "active"
    assert (await shop.see(row.id)).status == "ended"


async def test_an_incomplete_one_ends_with_its_first_period(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999)), await shop.customer()
    row = await shop.subscribe(account, plan, pay=False)
    await shop.until(at("2027-06-01T00:00"))
    row = await shop.see(row.id)
    (bill,) = await shop.bills(row)
    assert (row.status, row.ended_at, bill.status) == ("ended", at("2027-02-28T10:00"), "void")


async def test_a_past_start_is_the_anchor_and_nothing_is_billed_for_the_past(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999)), await shop.customer()
    row = await shop.subscribe(account, plan, start=at("2026-11-15T08:00"))
    assert (row.period_start, row.period_end) == (at("2027-01-15T08:00"), at("2027-02-15T08:00"))
    assert [bill.total for bill in await shop.bills(row)] == [999]


async def test_a_start_to_come_waits(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(10)]), await shop.customer()
    row = await shop.subscribe(account, plan, start=at("2027-03-01T00:00"))
    assert row.status == "incomplete"
    assert await shop.bills(row) == []
    await shop.until(at("2027-03-02T00:00"))
    (bill,) = await shop.bills(row)
    assert (bill.issued_at, bill.status) == (at("2027-03-01T00:00"), "open")
    await shop.pay(account, bill)
    row = await shop.see(row.id)
    assert (row.status, row.period_end) == ("active", at("2027-04-01T00:00"))
    with pytest.raises(Invalid):
        await shop.subscribe(await shop.customer(), plan, start=at("2126-01-01T00:00"))


async def test_calendar_billing_prorates_the_first_period_by_the_second(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(31_00)), await shop.customer(time_zone="Pacific/Kiritimati")
    # UTC+14: the 1st of February begins there on 31 January, 10:00 UTC
    row = await shop.subscribe(account, plan, billing="calendar", start=BEGIN - DAY)
    assert (row.period_start, row.period_end) == (BEGIN, at("2027-02-28T10:00"))
    other = await shop.subscribe(await shop.customer(), plan, billing="calendar")
    assert (other.period_start, other.period_end) == (BEGIN, at("2027-02-01T00:00"))
    assert [bill.total for bill in await shop.bills(other)] == [58]  # 14 of 744 hours
    await shop.until(at("2027-02-01T00:00"))
    assert [bill.total for bill in await shop.bills(other)] == [58, 31_00]


async def test_cancel_at_the_periods_end_can_be_revoked_until_then(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    assert (await shop.act(actions.cancel, row, at_period_end=True)).change == "scheduled"
    await shop.act(actions.revoke_cancel, row)
    with pytest.raises(Conflict) as refused:
        await shop.act(actions.revoke_cancel, row)
    assert refused.value.code == "nothing_scheduled"
    await shop.act(actions.cancel, row, at_period_end=True, reason="too dear")
    await shop.until(at("2027-03-01T00:00"))
    row = await shop.see(row.id)
    assert (row.status, row.ended_at, row.cancel_reason) == ("ended", at("2027-02-28T10:00"), "too dear")
    assert len(await shop.bills(row)) == 1
    assert await shop.balance(account) == 0


async def test_cancel_now_takes_the_rest_back_and_refunds_nothing(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.spend(account, 40)
    made = await shop.act(actions.cancel, row, at_period_end=False)
    assert (made.subscription.status, made.invoice) == ("cancelled", None)
    assert await shop.balance(account) == 0
    with pytest.raises(Conflict) as refused:
        await shop.act(actions.cancel, row, at_period_end=False)
    assert refused.value.code == "subscription_ended"
    await shop.until(at("2028-01-01T00:00"))
    assert len(await shop.bills(row)) == 1


async def test_unpaid_after_the_grace_and_paid_later(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-02-28T12:00"))
    await shop.spend(account, 30)
    assert (await shop.see(row.id)).status == "active"
    await shop.until(at("2027-03-02T00:00"))
    late = await shop.see(row.id)
    assert (late.status, late.past_due_since) == ("past_due", at("2027-03-01T10:00"))
    assert await shop.balance(account) == 0
    await shop.set_time(at("2027-03-10T00:00"))
    await shop.pay_all(row)
    assert (await shop.see(row.id)).status == "active"
    assert await shop.balance(account) == 70
    await shop.until(at("2027-03-31T10:00"))
    assert await shop.balance(account) == 100


async def test_unpaid_for_long_it_ends(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-08-01T00:00"))
    row = await shop.see(row.id)
    assert (row.status, row.ended_at) == ("ended", at("2027-03-31T10:00"))
    assert [bill.status for bill in await shop.bills(row)] == ["paid", "uncollectible"]
    assert await shop.balance(account) == 0


async def test_paid_after_the_next_renewal_the_new_allowance_comes_whole(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-03-31T09:00"))
    assert (await shop.see(row.id)).status == "past_due"
    async with shop.db.tx() as tx:  # 31 days of grace for the next part
        await tx.execute("update subscription set unpaid_until = '2027-05-01'")
    await shop.until(at("2027-04-02T00:00"))
    assert len(await shop.bills(row)) == 3
    await shop.pay_all(row)
    assert await shop.balance(account) == 100


async def test_usage_is_billed_in_arrears_and_late_usage_as_a_correction(shop: Shop) -> None:
    plan, account = await shop.plan("Metered", flat(500), calls(free_units=10 * 10**6)), await shop.customer()
    row = await shop.subscribe(account, plan)
    assert row.status == "active"
    await shop.until(at("2027-03-05T00:00"))
    bills = await shop.bills(row)
    assert [line.kind for line in bills[1].lines] == ["plan"]


async def test_pause_and_resume(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.act(actions.pause, row)
    assert await shop.balance(account) == 100
    await shop.set_time(at("2027-02-10T00:00"))
    resumed = await shop.act(actions.resume, row)
    assert (resumed.invoice, resumed.subscription.period_end) == (None, at("2027-02-28T10:00"))
    await shop.act(actions.pause, row, resume_at=at("2027-04-10T06:30"))
    await shop.until(at("2027-04-10T06:00"))
    assert (await shop.see(row.id)).status == "paused"
    assert await shop.balance(account) == 0
    await shop.until(at("2027-04-11T00:00"))
    row = await shop.see(row.id)
    assert (row.status, row.period_start, row.period_end) == (
        "active", at("2027-04-10T06:30"), at("2027-05-10T06:30"),
    )  # fmt: skip
    assert [bill.issued_at for bill in await shop.bills(row)] == [BEGIN, at("2027-04-10T06:30")]
    assert await shop.balance(account) == 100


async def test_a_voided_first_invoice_ends_it_and_a_failed_one_makes_it_past_due(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan, pay=False)
    (bill,) = await shop.bills(row)
    async with shop.db.tx() as tx:
        await actions.void_invoice(tx, shop.tenant, account, bill.id, rates=rates_in_force, by="test")
    assert (await shop.see(row.id)).status == "ended"
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-02-28T10:00"))
    (_, bill) = await shop.bills(row)
    async with shop.db.tx() as tx:
        await actions.fail_invoice(tx, shop.tenant, account, bill.id, rates=rates_in_force, by="test")
    assert (await shop.see(row.id)).status == "past_due"
    assert await shop.balance(account) == 0
    await shop.pay(account, bill)
    assert (await shop.see(row.id)).status == "active"
    assert await shop.balance(account) == 100


async def test_a_plan_in_use_cannot_be_deleted(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999)), await shop.customer()
    row = await shop.subscribe(account, plan)
    async with shop.db.tx() as tx:
        with pytest.raises(Conflict) as refused:
            await actions.delete_plan(tx, shop.tenant, plan, by="test")
    assert refused.value.code == "plan_in_use"
    await shop.act(actions.cancel, row, at_period_end=False)
    async with shop.db.tx() as tx:
        await actions.delete_plan(tx, shop.tenant, plan, by="test")
    with pytest.raises(NotFound):
        await shop.subscribe(account, plan)


async def test_another_tenants_subscription_is_not_there(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999)), await shop.customer()
    row = await shop.subscribe(account, plan)
    async with shop.db.tx() as tx:
        with pytest.raises(NotFound):
            await views.subscription(tx, shop.tenant + 1, row.id)
        with pytest.raises(NotFound):
            await actions.cancel(
                tx, shop.tenant + 1, account, row.id, at_period_end=True, rates=rates_in_force, by="test"
            )


async def test_the_upcoming_invoice_is_the_one_later_issued(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), flat(1, "extra", name="Extra")), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.set_time(BEGIN + timedelta(hours=5))
    async with shop.db.connection() as conn:
        coming = await views.upcoming(conn, shop.tenant, account, row.id)
    await shop.until(at("2027-03-01T00:00"))
    made = (await shop.bills(row))[1]
    assert (coming.issued_at, coming.total, coming.due_at) == (made.issued_at, made.total, made.due_at)
    assert [(line.kind, line.description, line.amount, line.period_start) for line in coming.lines] == [
        (line.kind, line.description, line.amount, line.period_start) for line in made.lines
    ]
