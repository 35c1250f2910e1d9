"""Charging a saved way to pay: the row first, then money, then what follows; whatever dies in between, once."""

import asyncio
from datetime import timedelta
from itertools import product

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments import charging, purchases, settling
from tallystick.kernel.errors import Conflict, NotFound
from tests.db.subscriptions.shop import BEGIN, at, flat, monthly
from tests.doubles.gateway import Killed, Trouble

from .front import URL, Front

pytestmark = pytest.mark.anyio


async def owed(front: Front, account: int, price: int = 1000) -> Invoice:
    """An open invoice that buys a hundred credits."""
    package = await front.package(price=price)
    async with front.shop.tx() as tx:
        offer = await purchases.offer_of_package(tx, front.tenant, package)
        made, _ = await purchases.issue(
            tx, front.tenant, account, offer, cause="checkout", at=BEGIN, by="test"
        )
    return made


async def test_a_saved_card_pays(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    card, bill = await front.save(account), await owed(front, account)
    row = await front.charge(bill)
    assert (row.status, row.applied, row.method, row.due_at) == ("succeeded", 1000, card.id, None)
    assert await front.shop.balance(account) == 100
    assert front.mails() == ["payment_receipt"]
    assert await front.work() == 0


async def test_a_declined_card(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    await front.save(account, "decline")
    bill = await owed(front, account)
    row = await front.charge(bill)
    assert (row.status, row.failure_code, row.ended_at) == ("failed", "card_declined", BEGIN)
    assert (await front.invoice(bill.id)).status == "open"
    assert front.events(account)[-1] == "payment.failed"
    assert front.mails() == []
    automatic = await front.charge(bill, cause="dunning")
    assert automatic.status == "failed"
    assert front.mails() == ["payment_failed"]
    [mail] = front.shop.rows("select body from mail")
    assert "The card was declined" in mail["body"]
    assert f"{URL}/portal/acct_" in mail["body"]


async def test_a_card_that_needs_its_owner(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    await front.save(account, "action")
    bill = await owed(front, account)
    row = await front.charge(bill)
    assert row.status == "requires_action"
    assert row.action_url is not None
    assert front.mails() == ["payment_action_required"]
    with pytest.raises(Conflict) as refused:
        await front.request(bill)
    assert refused.value.code == "payment_in_flight"
    await front.take(*front.bench.finish(row.id))
    row = await front.payment(row.id)
    assert (row.status, row.action_url) == ("succeeded", None)
    assert await front.shop.balance(account) == 100


async def test_an_owner_who_does_not_come_is_not_waited_for(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "action")
    bill = await owed(front, account)
    row = await front.charge(bill, cause="dunning")
    await front.shop.set_time(BEGIN + timedelta(hours=24))
    await front.work()
    assert (await front.payment(row.id)).status == "cancelled"
    assert front.events(account)[-1] == "payment.failed"
    await front.save(account)
    assert (await front.request(bill)).status == "pending"


async def test_paid_otherwise_what_waits_is_taken_back(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "action")
    bill = await owed(front, account)
    row = await front.charge(bill)
    async with front.shop.tx() as tx:
        await settling.pay_invoice(tx, front.tenant, account, bill.id, rates=rates_in_force, by="test")
    await front.work()
    assert (await front.payment(row.id)).status == "cancelled"
    assert front.bench.count("cancel_payment") == 1
    assert await front.work() == 0


async def test_paid_otherwise_before_it_was_charged_it_never_is(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    row = await front.request(bill)
    async with front.shop.tx() as tx:
        await settling.pay_invoice(tx, front.tenant, account, bill.id, rates=rates_in_force, by="test")
    await front.work()
    assert (await front.payment(row.id)).status == "cancelled"
    assert front.bench.taken == 0


async def test_paid_in_part_before_it_was_charged_the_rest_is(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    row = await front.request(bill)
    async with front.shop.tx() as tx:
        await settling.pay_invoice(
            tx, front.tenant, account, bill.id, amount=400, rates=rates_in_force, by="test"
        )
    await front.work()
    row = await front.payment(row.id)
    assert (row.status, row.amount, row.applied) == ("succeeded", 600, 600)
    assert front.bench.taken == 600
    assert await front.shop.balance(account) == 100


async def test_what_succeeds_later_is_looked_at(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account, "later")
    bill = await owed(front, account)
    row = await front.charge(bill)
    assert row.status == "processing"
    assert await front.work() == 0
    await front.shop.set_time(BEGIN + timedelta(minutes=2))
    await front.work()
    assert (await front.payment(row.id)).status == "processing"
    front.bench.finish(row.id)
    await front.shop.set_time(BEGIN + timedelta(minutes=10))
    await front.work()
    assert (await front.payment(row.id)).status == "succeeded"
    assert await front.shop.balance(account) == 100


async def test_an_outage_leaves_it_pending_and_it_reconciles(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    front.bench.trouble(None, "lost")  # the charge is made, and nobody hears of it
    row = await front.charge(bill)
    assert (row.status, row.retry_at is not None) == ("pending", True)
    front.bench.trouble("down", "down")
    for _ in range(2):
        await front.work()
        assert (await front.payment(row.id)).status == "pending"
    await front.work()
    assert (await front.payment(row.id)).status == "succeeded"
    assert (front.bench.taken, front.bench.count("charge")) == (1000, 1)
    assert await front.shop.balance(account) == 100


async def test_while_it_is_not_known_what_came_of_it_a_refusal_fails_nothing(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    front.bench.trouble(None, "lost")
    row = await front.charge(bill)
    front.bench.trouble("refused")
    await front.work()
    assert (await front.payment(row.id)).status == "pending"
    await front.work()
    assert (await front.payment(row.id)).status == "succeeded"
    assert front.bench.taken == 1000


async def test_a_gateway_that_refuses_fails_it(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    front.bench.trouble(None, "refused")
    row = await front.charge(bill)
    assert (row.status, row.failure_code) == ("failed", "gateway_refused")
    assert (await front.charge(bill)).status == "succeeded"


async def test_what_cannot_be_charged(front: Front) -> None:
    account, other = await front.shop.customer(), await front.shop.customer()
    bill = await owed(front, account)
    with pytest.raises(Conflict) as nothing:
        await front.request(bill)
    assert nothing.value.code == "no_payment_method"
    strange = await front.save(other)
    with pytest.raises(NotFound):
        await front.request(bill, method=strange.id)
    await front.save(account)
    async with front.shop.tx() as tx:
        await settling.void_invoice(tx, front.tenant, account, bill.id, rates=rates_in_force, by="test")
    with pytest.raises(Conflict) as void:
        await front.request(bill)
    assert void.value.code == "invoice_state"


POINTS: list[Trouble] = ["killed", "died"]


@pytest.mark.parametrize(("call", "point"), list(product(["customer", "charge"], POINTS)))
async def test_killed_between_every_two_steps_of_a_charge(front: Front, call: str, point: Trouble) -> None:
    account = await front.shop.customer(email="ann@example.com")
    await front.save(account)
    bill = await owed(front, account)
    row = await front.request(bill)
    before: list[Trouble | None] = [None] * ["customer", "charge"].index(call)
    front.bench.trouble(*before, point)
    with pytest.raises(Killed):
        await charging.perform(front.till, account, row.id)
    assert (await front.payment(row.id)).status == "pending"
    await front.work()
    assert await front.work() == 0
    assert (await front.payment(row.id)).status == "succeeded"
    assert (front.bench.taken, len(front.bench.charges)) == (1000, 1)
    assert await front.shop.balance(account) == 100
    assert front.events(account).count("payment.succeeded") == 1
    assert front.mails() == ["payment_receipt"]
    assert (await verify(front.shop.db)).ok


@pytest.mark.parametrize(("calls", "point"), list(product([0, 1, 2], POINTS)))
async def test_killed_while_it_is_reconciled(front: Front, calls: int, point: Trouble) -> None:
    """The look and the second charge die too."""
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    front.bench.trouble(None, "killed")
    with pytest.raises(Killed):
        await front.charge(bill)
    front.bench.trouble(*[None] * calls, point)
    while not await front.worked():
        pass
    await front.work()
    [row] = await front.payments(account)
    assert row.status == "succeeded"
    assert (front.bench.taken, len(front.bench.charges)) == (1000, 1)


async def test_two_workers_charge_once(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    row = await front.request(bill)
    await asyncio.gather(*(charging.perform(front.till, account, row.id) for _ in range(4)))
    assert (front.bench.taken, front.bench.count("charge")) == (1000, 1)
    assert (await front.payment(row.id)).status == "succeeded"


async def test_on_a_clock_that_was_moved_it_is_paid_when_it_was_wanted(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999), allowances=[monthly(100)])
    row = await front.shop.subscribe(account, plan)
    await front.save(account)
    wanted = at("2027-02-28T10:00")
    await front.shop.until(wanted + timedelta(hours=10))
    bill = (await front.shop.bills(row))[-1]
    paid = await front.charge(bill, cause="dunning", wanted_at=wanted)
    assert paid.ended_at == wanted
    assert (await front.invoice(bill.id)).paid_at == wanted


async def test_a_reload_is_paid_when_it_was_wanted(front: Front) -> None:
    account = await front.shop.customer()
    await front.save(account)
    bill = await owed(front, account)
    await front.shop.set_time(BEGIN + timedelta(days=5))
    await front.charge(bill, cause="reload", wanted_at=BEGIN + timedelta(days=1))
    [row] = front.shop.rows("select fulfilled_at from purchase")
    assert row["fulfilled_at"] == BEGIN + timedelta(days=1)
    assert await front.shop.balance(account) == 100
