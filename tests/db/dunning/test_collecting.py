"""Invoices are collected by themselves, and that we are late costs nobody anything."""

import pytest

from tallystick.domain.invoicing import drafts
from tallystick.domain.invoicing.model import ONE, Draft, NewLine
from tallystick.kernel.clock import iso
from tests.db.subscriptions.shop import BEGIN, DAY, at

from .desk import Desk

pytestmark = pytest.mark.anyio


async def test_a_year_with_a_good_card_is_paid_at_each_renewal(desk: Desk) -> None:
    row = await desk.customer("ok")
    done = await desk.until(BEGIN + 365 * DAY)
    assert not done.unfinished
    bills = await desk.shop.bills(row)
    assert len(bills) == 13
    assert [bill.status for bill in bills] == ["paid"] * 13
    assert [bill.paid_at for bill in bills] == [bill.issued_at for bill in bills]
    assert desk.front.bench.count("charge") == 12
    assert "past_due" not in await desk.shop.log(row)
    assert "allowance_withdrawn" not in await desk.shop.log(row)
    assert desk.reminders(row) == []
    assert await desk.shop.balance(row.account) == 100


async def test_a_worker_away_for_three_days_over_a_renewal_costs_no_allowance(desk: Desk) -> None:
    row = await desk.customer("ok")
    await desk.away(at("2027-03-03T11:00"))
    await desk.work_off()
    assert (await desk.paid(row))[1] == ("paid", "28 Feb 10")
    log = await desk.shop.log(row)
    assert "past_due" not in log
    assert "allowance_withdrawn" not in log
    assert (await desk.shop.see(row.id)).status == "active"
    assert await desk.shop.balance(row.account) == 100


async def test_a_gateway_that_is_away_for_days_costs_no_allowance(desk: Desk) -> None:
    row = await desk.customer("ok")
    await desk.away(at("2027-02-28T10:00"))
    desk.front.bench.trouble("down", "down", "down", "down", "down", "down")
    for day in range(5):
        await desk.away(at("2027-02-28T10:00") + day * DAY)
        await desk.work()
    assert (await desk.paid(row))[1] == ("open", None)
    assert (await desk.shop.see(row.id)).status == "active"
    await desk.work_off()
    assert [status for status, _ in await desk.paid(row)] == ["paid", "paid"]
    assert desk.front.bench.count("charge") == 1
    assert "past_due" not in await desk.shop.log(row)


async def test_a_card_that_is_declined_is_tried_on_the_days_and_its_customer_reminded(desk: Desk) -> None:
    row = await desk.customer("decline")
    await desk.until(BEGIN + 120 * DAY)
    assert await desk.tries(row) == [
        (f"{day} 10", "failed") for day in ("28 Feb", "01 Mar", "03 Mar", "05 Mar", "07 Mar")
    ]
    assert desk.reminders(row) == [("28 Feb 10", 0), ("01 Mar 10", 1), ("07 Mar 10", 7)]
    assert desk.mails(row) == [
        "TEST: Invoice INV-2027-002 is due today",
        "TEST: Invoice INV-2027-002 is 1 day overdue",
        "TEST: Invoice INV-2027-002 is 7 days overdue",
    ]
    assert len(desk.mails(row, "payment_failed")) == 5
    changes = desk.shop.rows(
        "select kind, at from subscription_change where account_id = %s and kind in ('past_due', 'ended') order by seq",
        row.account,
    )
    assert [(one["kind"], iso(one["at"])[:13]) for one in changes] == [
        ("past_due", "2027-03-01T10"),
        ("ended", "2027-03-31T10"),
    ]
    assert await desk.shop.balance(row.account) == 0


async def test_a_decline_for_good_is_not_tried_again_until_another_way_to_pay_is_saved(desk: Desk) -> None:
    row = await desk.customer("stolen")
    await desk.until(at("2027-03-09T12:00"))
    assert await desk.tries(row) == [("28 Feb 10", "failed")]
    assert (await desk.shop.see(row.id)).status == "past_due"
    await desk.switch(row, "ok")
    await desk.work_off()
    assert await desk.tries(row) == [("28 Feb 10", "failed"), ("09 Mar 12", "succeeded")]
    assert (await desk.shop.see(row.id)).status == "active"
    assert await desk.shop.balance(row.account) == 100


async def test_without_a_way_to_pay_there_are_only_reminders(desk: Desk) -> None:
    row = await desk.customer(None)
    await desk.until(BEGIN + 60 * DAY)
    assert await desk.tries(row) == []
    assert desk.front.bench.calls == []
    assert [day for _, day in desk.reminders(row)] == [0, 1, 7]


async def test_what_a_renewal_issues_comes_before_a_later_reminder_of_an_earlier_invoice(desk: Desk) -> None:
    """The clock is moved over both at once: the end of the subscription, between them, ends the reminding."""
    await desk.front.policy(retry_days=(5,), reminder_days=(25, 35))
    row = await desk.customer("decline")
    await desk.until(BEGIN + 30 * DAY)
    await desk.shop.pay_all(row)
    await desk.until(BEGIN + 130 * DAY)
    assert [status for status, _ in await desk.paid(row)] == [
        "paid",
        "paid",
        "uncollectible",
        "uncollectible",
    ]
    assert desk.reminders(row) == [("25 Apr 10", 25)]


async def test_what_happens_by_itself_is_dated_when_it_would_have_happened(desk: Desk) -> None:
    row = await desk.customer("decline")
    await desk.until(BEGIN + 60 * DAY)
    tries = [one for one in await desk.front.payments(row.account) if one.cause == "dunning"]
    assert len(tries) == 5
    assert [(one.created_at, one.ended_at) for one in tries] == [(one.wanted_at,) * 2 for one in tries]
    told = desk.shop.rows("select at from event where type = 'payment.failed' order by place")
    assert [one["at"] for one in told] == [one.wanted_at for one in tries]


async def test_an_invoice_by_hand_is_reminded_of_and_charged_by_nobody(desk: Desk) -> None:
    row = await desk.customer("ok")
    line = NewLine(kind="one_time", description="Setup", amount=500, quantity=ONE)
    async with desk.shop.tx() as tx:
        draft = Draft(account=row.account, currency="USD", lines=[line], due_at=BEGIN + 10 * DAY)
        made = await drafts.create(tx, desk.front.tenant, draft, by="test")
        await drafts.finalize(tx, desk.front.tenant, row.account, made.id, by="test")
    await desk.until(BEGIN + 20 * DAY)
    assert [day for _, day in desk.reminders(row)] == [-3, 0, 1, 7]
    assert desk.front.bench.count("charge") == 0
    assert (await desk.front.invoice(made.id)).status == "open"
