"""What becomes of a subscription when its invoices are credited, or paid one after another."""

from datetime import timedelta

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger.verify import verify
from tallystick.domain.subscriptions import actions
from tallystick.kernel.errors import Conflict

from .shop import BEGIN, DAY, Shop, at, flat, monthly

pytestmark = pytest.mark.anyio


async def credit(shop: Shop, invoice: Invoice, amount: int | None = None) -> None:
    async with shop.db.tx() as tx:
        await actions.credit_invoice(
            tx, shop.tenant, invoice.account, invoice.id, amount=amount, reason="goodwill", rates=rates_in_force,
            by="test",
        )  # fmt: skip


async def test_a_credit_note_over_the_first_invoice_activates(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan, pay=False)
    (bill,) = await shop.bills(row)
    await credit(shop, bill, 500)
    assert (await shop.see(row.id)).status == "incomplete"
    await credit(shop, bill)
    assert (await shop.see(row.id)).status == "active"
    assert await shop.balance(account) == 100
    assert (await verify(shop.db)).ok


async def test_a_credit_note_over_what_is_overdue_restores(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-02-28T10:00"))
    await shop.spend(account, 40)
    await shop.until(at("2027-03-02T10:00"))
    assert (await shop.see(row.id)).status == "past_due"
    assert await shop.balance(account) == 0
    first, second = await shop.bills(row)
    await credit(shop, first)
    assert (await shop.see(row.id)).status == "past_due"  # that one was paid
    await credit(shop, second)
    assert (await shop.see(row.id)).status == "active"
    assert await shop.balance(account) == 60


async def test_a_credit_note_on_another_invoice_restores_nothing(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(at("2027-02-28T10:00"))
    first, second = await shop.bills(row)
    async with shop.db.tx() as tx:
        await actions.fail_invoice(tx, shop.tenant, account, second.id, rates=rates_in_force, by="test")
    await credit(shop, first)
    assert (await shop.see(row.id)).status == "past_due"


async def test_the_grace_is_that_of_the_oldest_invoice_left(shop: Shop) -> None:
    small = await shop.plan("Small", flat(10_00), allowances=[monthly(100)], rank=1)
    big = await shop.plan("Big", flat(20_00), allowances=[monthly(300)], rank=2)
    row = await shop.subscribe(await shop.customer(), small)
    renewed = at("2027-02-28T10:00")
    await shop.until(renewed)
    upgraded = renewed + timedelta(hours=20)
    await shop.until(upgraded)
    await shop.act(actions.change, row, plan=big)
    _, second, _third = await shop.bills(row)
    await shop.pay(row.account, second)
    assert (await shop.see(row.id)).grace_until == upgraded + DAY
    await shop.until(renewed + timedelta(hours=30))
    assert (await shop.see(row.id)).status == "active"
    await shop.until(upgraded + DAY)
    assert (await shop.see(row.id)).status == "past_due"


async def test_unpaid_to_the_end_its_invoices_are_given_up_then(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999)), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.until(BEGIN + 90 * DAY)
    row = await shop.see(row.id)
    assert (row.status, row.ended_at) == ("ended", at("2027-03-31T10:00"))
    first, second = await shop.bills(row)
    assert (first.status, second.status) == ("paid", "uncollectible")
    assert second.updated_at == row.ended_at


async def test_a_change_takes_back_a_cancel_that_waited(shop: Shop) -> None:
    small = await shop.plan("Small", flat(10_00), rank=1)
    big = await shop.plan("Big", flat(20_00), rank=2)
    row = await shop.subscribe(await shop.customer(), small)
    await shop.act(actions.cancel, row, at_period_end=True, reason="too dear")
    await shop.act(actions.change, row, plan=big)
    row = await shop.see(row.id)
    assert (row.cancel_at_period_end, row.cancel_reason, row.cancelled_at) == (False, None, None)


async def test_resumed_after_its_period_it_is_counted_from_a_whole_second(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(10_00), allowances=[monthly(100)])
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.act(actions.pause, row)
    resumed = BEGIN + 60 * DAY
    await shop.set_time(resumed + timedelta(milliseconds=700))
    await shop.act(actions.resume, row)
    row = await shop.see(row.id)
    assert (row.anchor, row.period_start, row.usage_since) == (resumed, resumed, resumed)
    bill = (await shop.bills(row))[-1]
    assert (bill.total, bill.issued_at) == (10_00, resumed + timedelta(milliseconds=700))


async def test_a_closed_account_changes_nothing(shop: Shop) -> None:
    small = await shop.plan("Small", flat(10_00), rank=1)
    big = await shop.plan("Big", flat(20_00), rank=2)
    row = await shop.subscribe(await shop.customer(), small)
    async with shop.db.tx() as tx:
        await tx.execute("update account_head set status = 'closed' where account_id = %s", [row.account])
    with pytest.raises(Conflict) as refused:
        await shop.act(actions.change, row, plan=big)
    assert refused.value.code == "account_closed"
    assert len(await shop.bills(row)) == 1
