"""Buying credits: an invoice first, and whatever pays it gives the credits in the same commit, once."""

from datetime import timedelta
from uuid import UUID

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments import purchases, settling, views
from tallystick.domain.payments.checkouts import ForAmount, ForPackage
from tallystick.domain.payments.model import Purchase
from tallystick.kernel.errors import Conflict, Invalid
from tests.db.subscriptions.shop import BEGIN, CREDIT, DAY

from .front import URL, Front

pytestmark = pytest.mark.anyio


async def bought(front: Front, account: int, invoice: UUID | None) -> Purchase:
    assert invoice is not None
    async with front.shop.db.connection() as conn:
        found = await views.purchase_of(conn, account, invoice)
    assert found is not None
    return found


async def issue(front: Front, account: int, **package: int) -> Invoice:
    package_id = await front.package(**package)
    async with front.shop.tx() as tx:
        offer = await purchases.offer_of_package(tx, front.tenant, package_id)
        made, _ = await purchases.issue(
            tx, front.tenant, account, offer, cause="checkout", at=BEGIN, by="test"
        )
    return made


async def test_a_package_is_paid_on_its_page(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    page = await front.buy(account, credits=100, bonus=20 * CREDIT, price=1000)
    assert (page.status, page.amount, page.kind) == ("open", 1000, "invoice")
    assert page.url is not None
    bill = await front.invoice(page.invoice)
    assert (bill.status, bill.reason, bill.total) == ("open", "purchase", 1000)
    assert await front.shop.balance(account) == 0
    await front.pay(page)
    paid = await front.payment(page.payment)
    assert (paid.status, paid.applied, paid.to_credit, paid.to_refund) == ("succeeded", 1000, 0, 0)
    assert (await front.invoice(page.invoice)).status == "paid"
    assert (await front.checkout(page.id)).status == "completed"
    assert await front.shop.balance(account) == 120
    row = await bought(front, account, page.invoice)
    assert row.fulfilled_at == BEGIN
    grants = front.shop.rows(
        "select id, source, paid_minor from credit_grant where account_id = %s order by id", account
    )
    assert [(one["source"], one["paid_minor"]) for one in grants] == [("purchase", 1000), ("bonus", None)]
    assert [one["id"] for one in grants] == [row.grant_id, row.bonus_grant_id]
    events = front.events(account)
    assert [one for one in events if one in ("payment.succeeded", "checkout.completed", "invoice.paid")] == [
        "invoice.paid", "payment.succeeded", "checkout.completed",
    ]  # fmt: skip
    assert front.mails() == ["payment_receipt"]
    assert (await verify(front.shop.db)).ok


async def test_what_is_told_twice_happens_once(front: Front) -> None:
    account = await front.shop.customer(email="ann@example.com")
    page = await front.buy(account)
    seen = await front.pay(page)
    for _ in range(3):
        await front.take(*seen)
    assert await front.shop.balance(account) == 100
    assert len(await front.payments(account)) == 1
    assert front.events(account).count("payment.succeeded") == 1
    assert front.mails() == ["payment_receipt"]


async def test_paid_by_hand_it_gives_the_credits_and_closes_the_page(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account)
    async with front.shop.tx() as tx:
        assert page.invoice is not None
        await settling.pay_invoice(tx, front.tenant, account, page.invoice, rates=rates_in_force, by="test")
    assert await front.shop.balance(account) == 100
    assert (await front.checkout(page.id)).status == "expired"
    assert (await front.payment(page.payment)).status == "cancelled"
    await front.work()
    assert front.bench.pages[page.id].status == "expired"
    assert (await front.checkout(page.id)).due_at is None


async def test_a_credit_note_over_all_of_it_gives_the_credits(front: Front) -> None:
    account = await front.shop.customer()
    bill = await issue(front, account, credits=10, price=500)
    async with front.shop.tx() as tx:
        await settling.credit_invoice(
            tx, front.tenant, account, bill.id, reason="A gift", rates=rates_in_force, by="test"
        )
    assert await front.shop.balance(account) == 10


async def test_credit_of_the_customer_pays_it_at_once(front: Front) -> None:
    account = await front.shop.customer()
    async with front.shop.tx() as tx:
        await invoicing.add_credit(tx, front.tenant, account, "USD", 1500, reason="Sorry", by="test")
    page = await front.buy(account, price=1000)
    assert (page.status, page.amount, page.payment) == ("completed", 0, None)
    assert page.url is not None
    assert page.url.startswith(URL + "/pay/co_")
    assert (await front.invoice(page.invoice)).status == "paid"
    assert await front.shop.balance(account) == 100
    assert await front.credit(account) == 500
    assert front.bench.calls == []


async def test_a_part_of_it_is_paid_by_credit(front: Front) -> None:
    account = await front.shop.customer()
    async with front.shop.tx() as tx:
        await invoicing.add_credit(tx, front.tenant, account, "USD", 300, reason="Sorry", by="test")
    page = await front.buy(account, price=1000)
    assert page.amount == 700
    await front.pay(page)
    assert (await front.invoice(page.invoice)).status == "paid"
    assert await front.shop.balance(account) == 100


async def test_a_package_for_nothing_is_given_at_once(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account, price=0)
    assert page.status == "completed"
    assert await front.shop.balance(account) == 100


async def test_what_is_bought_expires_so_many_days_after_it_was_paid(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.buy(account, expires_after_days=30)
    await front.shop.set_time(BEGIN + timedelta(hours=5))
    await front.pay(page)
    [grant] = front.shop.rows("select expires_at from credit_grant where account_id = %s", account)
    assert grant["expires_at"] == BEGIN + timedelta(hours=5) + 30 * DAY


async def test_a_free_amount_costs_its_unit_price_rounded_once(front: Front) -> None:
    async with front.shop.tx() as tx:
        plain = await purchases.offer_of_amount(tx, front.tenant, "credits", 250 * CREDIT)
        await catalog.set_unit_price(tx, front.tenant, "credits", 333_333, by="test")
        odd = await purchases.offer_of_amount(tx, front.tenant, "credits", 10 * CREDIT)
    assert (plain.price, plain.currency, plain.credits) == (250, "USD", 250 * CREDIT)
    assert odd.price == 3
    async with front.shop.tx() as tx:
        with pytest.raises(Invalid) as small:
            await purchases.offer_of_amount(tx, front.tenant, "credits", CREDIT)
        with pytest.raises(Invalid) as unknown:
            await purchases.offer_of_amount(tx, front.tenant, "gold", CREDIT)
    assert (small.value.field, unknown.value.field) == ("amount", "credit_type")


async def test_a_free_amount_is_bought(front: Front) -> None:
    account = await front.shop.customer()
    page = await front.open(account, ForAmount("credits", 1234 * CREDIT))
    assert page.amount == 1234
    await front.pay(page)
    assert await front.shop.balance(account) == 1234


async def test_who_is_closed_or_blocked_buys_nothing(front: Front) -> None:
    account = await front.shop.customer()
    package = await front.package()
    for status in ("closed", "blocked"):
        async with front.shop.tx() as tx:
            await tx.execute("update account_head set status = %s where account_id = %s", [status, account])
        with pytest.raises(Conflict) as refused:
            await front.open(account, ForPackage(package))
        assert refused.value.code == f"account_{status}"


async def test_a_package_that_is_not_sold(front: Front) -> None:
    account = await front.shop.customer()
    with pytest.raises(Conflict) as refused:
        await front.buy(account, active=False)
    assert refused.value.code == "package_inactive"
