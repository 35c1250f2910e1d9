"""Stripe away, slow, deaf, or the process killed at the worst moment: money is taken once, credits are given once."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import get_args

import psycopg
import pytest

from tallystick.db.pool import Database
from tallystick.domain.payments import charging, checkouts
from tallystick.domain.payments.checkouts import ForInvoice, ForPackage
from tallystick.domain.payments.port import ChargeAsked, PaymentSeen, Site
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.errors import Conflict, Unavailable
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.server import Outage

from .stripe_shop import StripeShop, open_shop

pytestmark = pytest.mark.anyio


class Killed(BaseException):
    """The process is no more."""


class Dies(Stripe):
    """Charges, and the process is killed before anybody hears of it."""

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        await super().charge(site, asked)
        raise Killed


@pytest.fixture
def stripe() -> Iterator[StripeDouble]:
    with StripeDouble() as double:
        yield double


@pytest.fixture
async def shop(db: Database, stripe: StripeDouble) -> AsyncIterator[StripeShop]:
    """Whatever a test does to it, its books are right in the end."""
    async with open_shop(db, stripe) as shop:
        yield shop
        await shop.prove()


def later(shop: StripeShop) -> None:
    """The pause after a failure, and the time that somebody else had a row in hand, are over."""
    with psycopg.connect(shop.db.url) as conn:
        for table in ("payment", "checkout", "refund"):
            conn.execute(f"update {table} set retry_at = null".encode())


def once(shop: StripeShop, account: int) -> None:
    """Money was taken once, credits were given once, and this was told once."""
    [customer] = shop.rows("select ref from gateway_customer where account_id = %s", account)
    paid = [intent for intent in shop.stripe.intents() if intent["customer"] == customer["ref"]]
    assert [intent["amount_received"] for intent in paid] == [2900]
    assert shop.balance(account) == 1000
    told = shop.rows("select type from event where account_id = %s", account)
    assert [row["type"] for row in told].count("payment.succeeded") == 1


async def test_a_charge_during_an_outage_waits_and_is_made_good(
    shop: StripeShop, stripe: StripeDouble
) -> None:
    for outage in get_args(Outage):
        if outage == "slow":  # `test_charges` has it, by a client that waits less
            continue
        account = await shop.customer()
        await shop.saved_card(account)
        payment = await shop.charge(account, await shop.bill(account))
        with stripe.away(outage):
            assert (await shop.perform(payment)).status == "pending", outage
            later(shop)
            assert (await shop.perform(payment)).status == "pending", outage
        later(shop)
        await shop.work()
        assert (await shop.see(payment)).status == "succeeded", outage
        once(shop, account)
    # what Stripe tells of it in the end changes nothing
    await shop.hear(stripe.events)
    once(shop, account)


async def test_a_kill_between_the_charge_and_its_commit_charges_once(
    shop: StripeShop, stripe: StripeDouble
) -> None:
    for days in (0, 3):
        account = await shop.customer()
        await shop.saved_card(account)
        payment = await shop.charge(account, await shop.bill(account))
        dies = Dies(retries=0)
        with pytest.raises(Killed):
            await charging.perform(replace(shop.till, gateways={"stripe": dies}), account, payment.id)
        await dies.close()
        assert (await shop.see(payment)).status == "pending"
        if days:  # the server was away so long that Stripe has forgotten the key
            stripe.forget_keys()
        later(shop)
        await shop.work()
        assert (await shop.see(payment)).status == "succeeded"
        once(shop, account)


async def test_the_event_comes_before_the_answer(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    await shop.saved_card(account)
    payment = await shop.charge(account, await shop.bill(account))
    dies = Dies(retries=0)
    with pytest.raises(Killed):
        await charging.perform(replace(shop.till, gateways={"stripe": dies}), account, payment.id)
    await dies.close()
    await shop.hear(stripe.events)
    assert (await shop.see(payment)).status == "succeeded"
    later(shop)
    await shop.work()
    once(shop, account)


async def test_a_page_that_could_not_be_opened_is_opened_by_the_same_key(
    shop: StripeShop, stripe: StripeDouble
) -> None:
    account = await shop.customer()
    outages: tuple[Outage, ...] = ("down", "lost", "500")
    for outage in outages:
        with stripe.away(outage), pytest.raises(Unavailable):
            await shop.checkout(account, key=("buy-1", b"asked"))
    page = await shop.checkout(account, key=("buy-1", b"asked"))
    assert page == await shop.checkout(account, key=("buy-1", b"asked"))
    assert len(stripe.shelf.all("checkout.session")) == 1
    assert page.ref is not None
    stripe.customer_pays(page.ref)
    await shop.hear(stripe.events)
    once(shop, account)


async def test_a_page_of_which_no_event_came_is_looked_at(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    page = await shop.checkout(account)
    assert page.ref is not None
    stripe.customer_pays(page.ref)
    with psycopg.connect(shop.db.url) as conn:
        conn.execute("update checkout set due_at = now() where id = %s", [page.id])
    with stripe.away("down"):
        await shop.work()
    assert shop.balance(account) == 0
    later(shop)
    await shop.work()
    once(shop, account)


async def test_two_pages_of_one_invoice_that_are_both_paid(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    first = await shop.checkout(account)
    assert first.invoice is not None
    second = await shop.checkout(account, ForInvoice(first.invoice))
    for page in (first, second):
        assert page.ref is not None
        stripe.customer_pays(page.ref)
    await shop.hear(stripe.events)
    await shop.work()
    assert shop.balance(account) == 1000
    rows = shop.rows("select applied, to_refund, refunded from payment where account_id = %s", account)
    assert sorted(tuple(row.values()) for row in rows) == [(0, 2900, 2900), (2900, 0, 0)]
    [refund] = stripe.shelf.all("refund")
    assert refund["amount"] == 2900
    [row] = shop.rows("select status, cause from refund where account_id = %s", account)
    assert row == {"status": "succeeded", "cause": "duplicate"}
    # which Stripe tells, too
    await shop.hear(stripe.events)
    assert len(shop.rows("select 1 from refund where account_id = %s", account)) == 1


async def test_a_refund_during_an_outage_goes_back_once(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    first = await shop.checkout(account)
    assert first.invoice is not None
    second = await shop.checkout(account, ForInvoice(first.invoice))
    for page in (first, second):
        assert page.ref is not None
        stripe.customer_pays(page.ref)
    await shop.hear(stripe.events)
    with stripe.away("lost"):
        await shop.work()
    stripe.forget_keys()
    later(shop)
    with psycopg.connect(shop.db.url) as conn:
        conn.execute("update refund set due_at = now() where status = 'pending'")
    await shop.work()
    assert len(stripe.shelf.all("refund")) == 1
    [row] = shop.rows("select status from refund where account_id = %s", account)
    assert row == {"status": "succeeded"}


async def test_a_charge_for_which_the_bank_wants_the_customer(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    await shop.saved_card(account, "3220")
    payment = await shop.perform(await shop.charge(account, await shop.bill(account)))
    assert payment.status == "requires_action"
    assert payment.action_url is not None
    assert payment.action_url.startswith(stripe.url)
    await shop.hear(stripe.events)
    assert (await shop.see(payment)).status == "requires_action"
    assert payment.ref is not None
    stripe.customer_steps(payment.ref)
    await shop.hear(stripe.events)
    once(shop, account)


async def test_what_stripe_refuses_is_not_tried_for_ever(shop: StripeShop, stripe: StripeDouble) -> None:
    account = await shop.customer()
    method = await shop.saved_card(account)
    [row] = shop.rows("select ref from payment_method where id = %s", method)
    stripe.shelf.things[row["ref"]]["customer"] = None  # taken away at Stripe's dashboard
    payment = await shop.perform(await shop.charge(account, await shop.bill(account)))
    assert (payment.status, payment.failure_code) == ("failed", "gateway_refused")
    assert stripe.paid() == 0


async def test_a_wrong_secret_opens_no_page_and_leaves_nothing_to_pay(
    shop: StripeShop, stripe: StripeDouble
) -> None:
    account = await shop.customer()
    said = {**shop.till.defaults["stripe"], "secret_key": "sk_wrongKey"}
    wrong = replace(shop.till, defaults={"stripe": said})
    with pytest.raises(Conflict) as refused:
        await checkouts.open_checkout(
            wrong, shop.tenant, account, ForPackage(shop.package), gateway="stripe", by="test"
        )
    assert refused.value.code == "gateway_refused"
    assert "sk_wrongKey" not in str(refused.value)
    bills = shop.rows("select status from invoice where account_id = %s", account)
    assert [bill["status"] for bill in bills] == ["void"]
