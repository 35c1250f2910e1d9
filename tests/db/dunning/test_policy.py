"""Details of collecting: other states of the invoice, pages that are open, payments under way, steps that fail."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from tallystick.domain.dunning import jobs
from tallystick.domain.identity import actions as identity
from tallystick.domain.payments import checkouts
from tests.db.subscriptions.shop import BEGIN, DAY, at, flat
from tests.doubles.gateway import Killed

from .desk import PRICE, Desk

pytestmark = pytest.mark.anyio

RENEWAL = at("2027-02-28T10:00")
HOUR = timedelta(hours=1)


async def test_nothing_is_collected_of_what_is_paid_void_or_given_up(desk: Desk) -> None:
    row = await desk.customer("decline")
    await desk.until(RENEWAL + HOUR)
    bills = await desk.shop.bills(row)
    await desk.shop.pay(row.account, bills[1])
    columns = desk.shop.rows("select collect_at, collect_after, remind_at from invoice")
    assert all(value is None for one in columns for value in one.values())
    await desk.until(RENEWAL + 10 * DAY)
    assert len(await desk.tries(row)) == 1
    assert len(desk.reminders(row)) == 1


async def test_a_way_to_pay_that_is_saved_is_charged_at_once_and_at_later_renewals(desk: Desk) -> None:
    row = await desk.customer(None)
    await desk.until(RENEWAL + 12 * HOUR)
    await desk.front.save(row.account, "ok")
    await desk.work_off()
    assert await desk.paid(row) == [("paid", "31 Jan 10"), ("paid", "28 Feb 22")]
    await desk.until(BEGIN + 70 * DAY)
    assert (await desk.paid(row))[2] == ("paid", "31 Mar 10")


async def test_a_way_to_pay_that_is_removed_is_charged_no_more_and_nothing_waits_for_it(desk: Desk) -> None:
    row = await desk.customer("ok")
    async with desk.shop.tx() as tx:  # by somebody who told nobody
        await tx.execute("update payment_method set removed_at = clock_timestamp(), standard = false")
    await desk.until(RENEWAL + 2 * DAY)
    assert await desk.tries(row) == []
    assert (await desk.shop.see(row.id)).status == "past_due"


async def test_the_first_invoice_is_charged_where_a_way_to_pay_is_saved(desk: Desk) -> None:
    plan = await desk.shop.plan("Pro", flat(PRICE))
    account = await desk.shop.customer()
    await desk.front.save(account, "ok")
    row = await desk.shop.subscribe(account, plan, pay=False)
    assert row.status == "incomplete"
    await desk.work_off()
    assert (await desk.shop.see(row.id)).status == "active"


async def test_while_the_customer_has_a_page_open_nothing_is_charged(desk: Desk) -> None:
    row = await desk.customer(None)
    await desk.away(RENEWAL)
    await desk.work_off()
    bills = await desk.shop.bills(row)
    await desk.front.open(row.account, checkouts.ForInvoice(bills[1].id))
    await desk.front.save(row.account, "ok")
    await desk.work_off()
    assert await desk.tries(row) == []
    await desk.until(RENEWAL + 3 * DAY)  # the page is over by then
    assert ("paid", "01 Mar 10") in await desk.paid(row)


async def test_a_payment_under_way_is_waited_for_and_the_allowance_stays(desk: Desk) -> None:
    row = await desk.customer("later")
    await desk.away(RENEWAL)
    for hours in range(0, 60, 5):
        await desk.away(RENEWAL + hours * HOUR)
        await desk.work()
    assert await desk.tries(row) == [("28 Feb 10", "processing")]
    assert (await desk.shop.see(row.id)).status == "active"
    assert await desk.shop.balance(row.account) == 100
    [payment] = [one for one in await desk.front.payments(row.account) if one.cause == "dunning"]
    await desk.front.take(*desk.front.bench.finish(payment.id, succeeded=False))
    await desk.work_off()
    assert await desk.tries(row) == [("28 Feb 10", "failed"), ("01 Mar 10", "processing")]
    [_, payment] = [one for one in await desk.front.payments(row.account) if one.cause == "dunning"]
    await desk.front.take(*desk.front.bench.finish(payment.id))
    assert (await desk.paid(row))[1] == ("paid", "01 Mar 10")
    assert "past_due" not in await desk.shop.log(row)


async def test_renewals_and_allowances_go_on_while_a_payment_is_under_way(desk: Desk) -> None:
    row = await desk.customer("later")
    await desk.away(RENEWAL)
    await desk.work()
    await desk.work()
    await desk.away(at("2027-03-31T11:00"))
    await desk.work()
    assert [bill.issued_at for bill in await desk.shop.bills(row)][1:] == [RENEWAL, at("2027-03-31T10:00")]
    assert await desk.shop.balance(row.account) == 100


async def test_a_closed_account_is_neither_charged_nor_reminded(desk: Desk) -> None:
    row = await desk.customer("ok")
    await desk.away(RENEWAL)
    await desk.shop.work()
    async with desk.shop.tx() as tx:
        await tx.execute("update account_head set status = 'closed' where account_id = %s", [row.account])
    await desk.work_off()
    assert await desk.tries(row) == []
    assert desk.reminders(row) == []


async def test_a_customer_of_whom_a_step_fails_stops_nobody_else(desk: Desk) -> None:
    rows = [await desk.customer("ok", time_zone=zone) for zone in ("UTC", "UTC", "UTC")]
    async with desk.shop.tx() as tx:  # what cannot be read
        await tx.execute("update invoice set taxes = '7' where account_id = %s", [rows[1].account])
    await desk.away(RENEWAL)
    await desk.shop.work()
    async with desk.shop.tx() as tx:
        await tx.execute(
            "update subscription set terms = '{\"interval\": 7}', due_at = %s where id = %s",
            [RENEWAL - DAY, rows[1].id],
        )
    await desk.work_off()
    paid = [[status for status, _ in await desk.paid(row)] for row in rows]
    assert paid == [["paid", "paid"], ["paid", "open"], ["paid", "paid"]]


async def test_workers_at_once_charge_and_remind_once(desk: Desk) -> None:
    rows = [await desk.customer("decline", external_id=f"c{number}") for number in range(12)]
    await desk.away(RENEWAL)
    await desk.shop.work()
    till, tenant = desk.front.till, desk.front.tenant
    for _ in range(4):
        await asyncio.gather(*(jobs.run_due(till, tenant=tenant, limit=3) for _ in range(4)))
        await desk.front.work()
    for row in rows:
        assert await desk.tries(row) == [("28 Feb 10", "failed")]
        assert len(desk.mails(row)) == 1
    assert desk.front.bench.count("charge") == 12


async def test_what_is_written_down_and_not_committed_is_done_again(desk: Desk) -> None:
    """Killed before the commit: nothing was charged, no one was told, and the next worker does it."""
    row = await desk.customer("decline")
    await desk.away(RENEWAL)
    await desk.shop.work()

    with contextlib.suppress(Killed):
        async with desk.shop.tx() as tx:
            assert await jobs.run_chunk(tx, desk.front.till, desk.front.tenant, 10) == 1
            raise Killed
    assert await desk.tries(row) == []
    await desk.work_off()
    assert await desk.tries(row) == [("28 Feb 10", "failed")]
    assert len(desk.mails(row)) == 1


async def test_reminders_are_counted_from_the_day_it_is_due(desk: Desk) -> None:
    async with desk.shop.tx() as tx:
        await tx.execute(
            "insert into billing_settings (tenant_id, seller, invoice_pattern, credit_note_pattern, days_until_due,"
            " grace_seconds, end_unpaid_after_days, locale, time_zone, footer, updated_at)"
            ' values (%s, \'{"name": "", "address": [], "email": "", "tax_id": "", "logo": ""}\','
            " 'INV-{SEQ}', 'CN-{SEQ}', 14, 86400, 30, 'en', 'UTC', '', now())",
            [desk.front.tenant],
        )
    row = await desk.customer(None)
    await desk.until(RENEWAL + 13 * DAY)
    assert desk.reminders(row) == [("11 Mar 10", -3)]
    assert desk.mails(row) == ["TEST: Invoice INV-2 is due on 14 March 2027"]
    await desk.until(RENEWAL + 40 * DAY)
    assert [day for _, day in desk.reminders(row)] == [-3, 0, 1, 7]


async def test_mail_goes_to_who_reads_it_once_for_an_invoice_and_day(desk: Desk) -> None:
    row = await desk.customer(None)
    async with desk.shop.tx() as tx:
        await identity.patch_account(tx, desk.front.tenant, row.account, {"email": ""})
    await desk.until(RENEWAL + HOUR)
    assert desk.mails(row) == []
    assert len(desk.reminders(row)) == 1  # others may tell the customer by what they hear of it
