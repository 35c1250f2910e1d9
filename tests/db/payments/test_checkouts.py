"""Checkouts: opened once for a key, paid once, expired in time; and what happens when the gateway is away."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing.model import Draft, Invoice, NewLine
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.payments import checkouts
from tallystick.domain.payments.checkouts import ForInvoice, ForMethod, ForPackage, ForPlan
from tallystick.domain.payments.port import PaymentSeen
from tallystick.kernel.errors import Conflict, KeyReused, NotFound, Unavailable
from tests.db.subscriptions.shop import BEGIN, flat
from tests.doubles.gateway import Trouble

from .front import Front

pytestmark = pytest.mark.anyio


async def bill(front: Front, account: int, amount: int = 1000) -> Invoice:
    """An open invoice of a tool."""
    line = NewLine(kind="one_time", description="Work", amount=amount)
    async with front.shop.tx() as tx:
        await ledger.lock(tx, [account])
        draft = Draft(account=account, currency="USD", lines=[line])
        return await invoicing.issue(tx, front.tenant, draft, at=BEGIN)


async def test_one_key_opens_one_page(front: Front) -> None:
    account, package = await front.shop.customer(), await front.package()
    first = await front.open(account, ForPackage(package), key=("k", b"1"))
    again = await front.open(account, ForPackage(package), key=("k", b"1"))
    assert again == first
    assert front.bench.count("open_checkout") == 1
    with pytest.raises(KeyReused):
        await front.open(account, ForPackage(package), key=("k", b"2"))
    assert len(front.shop.rows("select 1 from invoice")) == 1


@pytest.mark.parametrize("trouble", ["down", "lost"])
async def test_a_gateway_that_does_not_answer(front: Front, trouble: Trouble) -> None:
    account, package = await front.shop.customer(), await front.package()
    await front.open(account, ForMethod())  # the customer is known
    front.bench.trouble(trouble)
    with pytest.raises(Unavailable):
        await front.open(account, ForPackage(package), key=("k", b"1"))
    page = await front.open(account, ForPackage(package), key=("k", b"1"))
    assert (page.status, page.url is not None) == ("open", True)
    assert len(front.shop.rows("select 1 from invoice")) == 1
    await front.pay(page)
    assert await front.shop.balance(account) == 100


async def test_without_a_key_what_was_made_is_taken_back(front: Front) -> None:
    account, package = await front.shop.customer(), await front.package()
    front.bench.trouble("down")
    with pytest.raises(Unavailable):
        await front.open(account, ForPackage(package))
    [row] = front.shop.rows("select status from invoice")
    assert row["status"] == "void"


async def test_a_gateway_that_refuses(front: Front) -> None:
    account, package = await front.shop.customer(), await front.package()
    for _ in range(2):
        front.bench.trouble("refused")
        with pytest.raises(Conflict) as refused:
            await front.open(account, ForPackage(package), key=("k", b"1"))
        assert refused.value.code == "gateway_refused"
    assert [row["status"] for row in front.shop.rows("select status from invoice")] == ["void"]


async def test_a_page_expires_after_a_day_with_its_invoice(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    await front.shop.set_time(BEGIN + timedelta(hours=23, minutes=59))
    await front.work()
    assert (await front.checkout(page.id)).status == "open"
    await front.shop.set_time(BEGIN + timedelta(hours=24))
    await front.work()
    assert (await front.checkout(page.id)).status == "expired"
    assert front.bench.pages[page.id].status == "expired"
    assert (await front.invoice(page.invoice)).status == "void"
    assert (await front.payment(page.payment)).status == "cancelled"
    assert front.events(account).count("checkout.expired") == 1
    assert await front.work() == 0


async def test_an_invoice_that_was_there_before_stays(front: Front) -> None:
    account = await front.shop.customer()
    owed = await bill(front, account)
    await front.open(account, ForInvoice(owed.id))
    await front.shop.set_time(BEGIN + timedelta(days=2))
    await front.work()
    assert (await front.invoice(owed.id)).status == "open"


async def test_paid_at_the_last_moment_it_counts_though_nobody_told(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    front.bench.pay(page.id)
    await front.shop.set_time(BEGIN + timedelta(days=3))
    await front.work()
    assert (await front.checkout(page.id)).status == "completed"
    assert await front.shop.balance(account) == 100


async def test_a_lost_notice_is_made_up_for_by_looking(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    await front.shop.set_time(BEGIN + timedelta(seconds=30))
    await front.work()
    front.bench.pay(page.id)
    await front.shop.set_time(BEGIN + timedelta(seconds=91))
    await front.work()
    assert await front.shop.balance(account) == 100
    assert front.bench.count("look_checkout") == 2


async def test_what_is_under_way_keeps_the_page_from_expiring(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    await front.pay(page, "later")
    assert (await front.payment(page.payment)).status == "processing"
    await front.shop.set_time(BEGIN + timedelta(days=2))
    await front.work()
    assert (await front.checkout(page.id)).status == "open"
    assert (await front.invoice(page.invoice)).status == "open"
    assert page.payment is not None
    front.bench.finish(page.payment)
    await front.shop.set_time(BEGIN + timedelta(days=3))
    await front.work()
    assert (await front.checkout(page.id)).status == "completed"
    assert await front.shop.balance(account) == 100


async def test_a_gateway_that_is_away_when_a_page_expires(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    front.bench.pay(page.id)
    front.bench.trouble("down", "lost")
    await front.shop.set_time(BEGIN + timedelta(days=1))
    for status in ("open", "open", "completed"):
        await front.work()
        assert (await front.checkout(page.id)).status == status
    assert await front.shop.balance(account) == 100


async def test_declined_on_the_page_the_customer_tries_again(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    page = await front.buy(account)
    await front.pay(page, "decline")
    row = await front.payment(page.payment)
    assert (row.status, row.failure_code, row.ended_at) == ("failed", "card_declined", None)
    assert (await front.checkout(page.id)).status == "open"
    await front.pay(page)
    row = await front.payment(page.payment)
    assert (row.status, row.failure_code, row.ended_at) == ("succeeded", None, BEGIN)
    assert await front.shop.balance(account) == 100
    assert front.mails() == ["payment_receipt"]


@pytest.mark.parametrize("policy", ["refund", "credit"])
async def test_of_two_pages_for_one_invoice_the_second_goes_on(front: Front, policy: str) -> None:
    account = await front.shop.customer()
    await front.policy(duplicates=policy)
    owed = await bill(front, account)
    one = await front.open(account, ForInvoice(owed.id))
    two = await front.open(account, ForInvoice(owed.id))
    first, second = front.bench.pay(one.id), front.bench.pay(two.id)
    await front.take(*first)
    assert (await front.checkout(two.id)).status == "expired"
    await front.take(*second)
    rows = [await front.payment(page.payment) for page in (one, two)]
    assert [(row.status, row.applied, row.to_credit, row.to_refund) for row in rows] == [
        ("succeeded", 1000, 0, 0),
        ("succeeded", 0, 1000 if policy == "credit" else 0, 1000 if policy == "refund" else 0),
    ]
    assert await front.credit(account) == (1000 if policy == "credit" else 0)
    await front.work()
    assert front.bench.taken == (2000 if policy == "credit" else 1000)
    assert (await front.invoice(owed.id)).amount_paid == 1000


async def test_money_twice_for_one_page_is_seen_and_goes_back(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    await front.pay(page)
    await front.take(*front.bench.pay_twice(page.id))
    first, second = await front.payments(account)
    assert (first.applied, second.applied, second.to_refund) == (1000, 0, 1000)
    await front.work()
    assert front.bench.taken == 1000
    assert await front.shop.balance(account) == 100


async def test_money_for_what_was_void_by_then_goes_back(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    seen = front.bench.pay(page.id)
    await checkouts.expire_checkout(front.till, front.tenant, account, page.id, by="test")
    assert (await front.checkout(page.id)).status == "completed"  # it was paid before it was closed
    await front.take(*seen)
    assert await front.shop.balance(account) == 100


async def test_money_for_a_closed_account_goes_back(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    async with front.shop.tx() as tx:
        await tx.execute("update account_head set status = 'closed' where account_id = %s", [account])
    await front.pay(page)
    row = await front.payment(page.payment)
    assert (row.status, row.applied, row.to_refund) == ("succeeded", 0, 1000)
    await front.work()
    assert front.bench.taken == 0


async def test_a_way_to_pay_is_saved(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.open(account, ForMethod())
    assert (page.kind, page.amount, page.payment) == ("method", 0, None)
    await front.pay(page)
    assert (await front.checkout(page.id)).status == "completed"
    [method] = front.shop.rows("select standard, last4 from payment_method")
    assert method == {"standard": True, "last4": "4242"}
    assert front.events(account)[-2:] == ["payment_method.saved", "checkout.completed"]


async def test_a_page_that_pays_saves_a_way_to_pay_where_asked(front: Front) -> None:
    account, package = await front.shop.customer(), await front.package()
    plain = await front.open(account, ForPackage(package))
    await front.pay(plain)
    assert front.shop.rows("select 1 from payment_method") == []
    page = await front.open(account, ForPackage(package), save_method=True)
    await front.pay(page)
    [method] = front.shop.rows("select id from payment_method")
    assert (await front.payment(page.payment)).method == method["id"]


async def test_only_what_is_open_is_paid(front: Front) -> None:
    account, other = await front.shop.customer(), await front.shop.customer()
    owed = await bill(front, account)
    with pytest.raises(NotFound):
        await front.open(other, ForInvoice(owed.id))
    page = await front.open(account, ForInvoice(owed.id))
    await front.pay(page)
    with pytest.raises(Conflict) as refused:
        await front.open(account, ForInvoice(owed.id))
    assert refused.value.code == "invoice_state"


async def test_what_another_system_does_at_the_provider_is_left_alone(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    [seen] = front.bench.pay(page.id)
    stranger = type(front.bench)()
    there = Front(front.shop, stranger)
    other = await there.buy(await front.shop.customer())
    assert seen.ref != other.ref
    for one in stranger.pay(other.id):
        # the page is unknown here, and so is its customer
        async with front.shop.tx() as tx:
            await tx.execute("delete from gateway_customer")
            await tx.execute("delete from payment where checkout_id = %s", [other.id])
            await tx.execute("delete from checkout where id = %s", [other.id])
        await front.take(one)
    assert len(front.shop.rows("select 1 from payment")) == 1


async def test_each_decline_on_a_page_is_told_once(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    first = await front.pay(page, "decline")
    await front.take(*first)
    second = await front.pay(page, "stolen")
    await front.take(*second)
    await front.take(*first)
    assert front.events(account).count("payment.failed") == 2
    timed = [replace(one, at=BEGIN) for one in second if isinstance(one, PaymentSeen)]
    await front.take(*timed)
    assert front.events(account).count("payment.failed") == 2, "the same try, told with its time"
    await front.take(*(replace(one, at=BEGIN + timedelta(minutes=1)) for one in timed))
    assert front.events(account).count("payment.failed") == 3
    await front.pay(page)
    assert front.events(account).count("payment.failed") == 3


async def test_a_plan_that_goes_on_keeps_the_way_to_pay(front: Front) -> None:
    account = await front.shop.customer()
    plan = await front.shop.plan("Pro", flat(999))
    once = await front.shop.plan("Once", flat(999), interval="one_time")
    assert (await front.open(account, ForPlan(plan))).save_method
    assert not (await front.open(account, ForPlan(plan), save_method=False)).save_method
    assert not (await front.open(account, ForPlan(once))).save_method
    assert not (await front.buy(account)).save_method


async def test_a_decline_that_turns_out_to_be_for_good_ends_the_page(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    seen = await front.pay(page, "decline")
    assert (await front.checkout(page.id)).status == "open"
    await front.take(*(replace(one, final=True) for one in seen if isinstance(one, PaymentSeen)))
    assert (await front.checkout(page.id)).status == "expired"
    assert front.events(account).count("payment.failed") == 1
