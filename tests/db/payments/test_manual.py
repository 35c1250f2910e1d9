"""Bank transfers: people say whether the money came."""

from datetime import timedelta
from typing import Any

import pytest

from tallystick.domain.payments import settling
from tallystick.domain.payments.checkouts import ForMethod, ForPackage, ForPlan
from tallystick.domain.payments.model import Payment
from tallystick.kernel.errors import Conflict
from tests.db.subscriptions.shop import BEGIN, flat, monthly
from tests.doubles.gateway import BenchGateway

from .front import Front

pytestmark = pytest.mark.anyio


@pytest.fixture
def desk(front: Front) -> Front:
    """A front whose gateway is people."""
    return Front(front.shop, BenchGateway(features=frozenset({"checkout", "staff"})))


async def say(front: Front, row: Payment, what: Any, **more: Any) -> Payment:
    async with front.shop.tx() as tx:
        made: Payment = await what(tx, front.till, front.tenant, row.account, row.id, by="test", **more)
    return made


async def test_approved_it_is_as_if_paid_by_card(desk: Front) -> None:
    account = await desk.shop.customer()
    page = await desk.buy(account)
    row = await desk.payment(page.payment)
    assert row.status == "pending"
    await desk.shop.set_time(BEGIN + timedelta(days=3))
    await desk.work()
    assert (await desk.checkout(page.id)).status == "open"  # a transfer takes longer than a card
    row = await say(desk, row, settling.approve, reference="TT 42")
    assert (row.status, row.applied, row.reference) == ("succeeded", 1000, "TT 42")
    assert await desk.shop.balance(account) == 100
    assert (await desk.checkout(page.id)).status == "completed"
    with pytest.raises(Conflict) as twice:
        await say(desk, row, settling.approve)
    assert twice.value.code == "payment_state"
    [audit] = desk.shop.rows("select details from audit_log where action = 'payment.approve'")
    assert audit["details"] == {"amount": "10.00", "currency": "USD", "reference": "TT 42"}


async def test_less_leaves_the_invoice_open_and_more_goes_on(desk: Front) -> None:
    account = await desk.shop.customer()
    page = await desk.buy(account)
    await say(desk, await desk.payment(page.payment), settling.approve, amount=400)
    bill = await desk.invoice(page.invoice)
    assert (bill.status, bill.remaining) == ("open", 600)
    assert await desk.shop.balance(account) == 0
    await desk.policy(duplicates="credit")
    other = await desk.buy(account)
    row = await say(desk, await desk.payment(other.payment), settling.approve, amount=1500)
    assert (row.applied, row.to_credit) == (1000, 500)


async def test_rejected_its_invoice_is_void(desk: Front) -> None:
    account = await desk.shop.customer()
    page = await desk.buy(account)
    row = await say(desk, await desk.payment(page.payment), settling.reject, reason="Nothing came")
    assert (row.status, row.failure_code, row.failure_message) == ("failed", "rejected", "Nothing came")
    assert (await desk.invoice(page.invoice)).status == "void"
    assert (await desk.checkout(page.id)).status == "expired"
    late = await say(desk, row, settling.approve)
    assert (late.status, late.to_refund) == ("succeeded", 1000)


async def test_a_plan_waits_for_the_money_as_an_invoice(desk: Front) -> None:
    account = await desk.shop.customer()
    plan = await desk.shop.plan("Pro", flat(999), allowances=[monthly(100)])
    page = await desk.open(account, ForPlan(plan))
    assert (page.kind, page.own_invoice) == ("invoice", True)
    [row] = desk.shop.rows("select id, status from subscription")
    assert row["status"] == "incomplete"
    await say(desk, await desk.payment(page.payment), settling.approve)
    assert (await desk.shop.see(row["id"])).status == "active"
    assert await desk.shop.balance(account) == 100


async def test_a_plan_that_nobody_paid_ends(desk: Front) -> None:
    account = await desk.shop.customer()
    plan = await desk.shop.plan("Pro", flat(999))
    await desk.open(account, ForPlan(plan))
    await desk.shop.set_time(BEGIN + timedelta(days=14))
    await desk.work()
    [row] = desk.shop.rows("select status from subscription")
    assert row["status"] == "ended"


async def test_people_save_no_way_to_pay_and_say_nothing_of_cards(desk: Front, front: Front) -> None:
    account = await desk.shop.customer()
    with pytest.raises(Conflict) as refused:
        await desk.open(account, ForMethod())
    assert refused.value.code == "gateway_unsupported"
    page = await front.open(account, ForPackage(await front.package()))
    with pytest.raises(Conflict) as by_card:
        await say(front, await front.payment(page.payment), settling.approve)
    assert by_card.value.code == "not_by_hand"
