"""Pages at Stripe: opened once, paid, declined, given up; and what is seen of them without any webhook."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.payments.port import (
    CheckoutAsked,
    CheckoutSeen,
    Customer,
    GatewayRefused,
    PaymentSeen,
    Site,
)
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import typeid
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.shelf import Refusal

pytestmark = pytest.mark.anyio
Asked = Callable[..., CheckoutAsked]


async def test_a_customer_is_made_once(
    gateway: Stripe, site: Site, ada: Customer, double: StripeDouble
) -> None:
    again = await gateway.customer(site, Customer(ada.account, ada.uuid, ada.name, ada.email))
    assert again == ada.ref == await gateway.customer(site, ada)
    [made] = double.shelf.all("customer")
    assert made["metadata"] == {"tallystick_account": typeid("acct", ada.uuid)}
    assert (made["name"], made["email"]) == ("Ada", "ada@example.org")


async def test_a_page_that_is_paid(gateway: Stripe, site: Site, double: StripeDouble, asked: Asked) -> None:
    form = asked()
    opened = await gateway.open_checkout(site, form)
    assert opened.url.startswith(double.url)
    assert await gateway.look_checkout(site, opened.ref) == []
    # the customer comes back to the address that was given, with the session's id filled in
    assert double.customer_pays(opened.ref) == f"https://shop.example/done?session={opened.ref}"
    [seen] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(seen, CheckoutSeen)
    assert (seen.status, seen.checkout, seen.method) == ("completed", form.checkout, None)
    assert seen.payment is not None
    assert (seen.payment.status, seen.payment.payment) == ("succeeded", form.payment)
    assert (seen.payment.amount, seen.payment.currency) == (2900, "USD")
    assert seen.payment.at is not None


async def test_the_same_checkout_is_opened_once(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked()
    assert await gateway.open_checkout(site, form) == await gateway.open_checkout(site, form)
    assert len(double.shelf.all("checkout.session")) == 1


async def test_a_way_to_pay_is_saved_with_the_payment(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked, ada: Customer
) -> None:
    opened = await gateway.open_checkout(site, asked(save_method=True))
    double.customer_pays(opened.ref, "4444")
    [seen] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(seen, CheckoutSeen)
    method = seen.method
    assert method is not None
    assert (method.kind, method.brand, method.last4) == ("card", "mastercard", "4444")
    assert (method.exp_month, method.exp_year, method.customer_ref) == (12, 2034, ada.ref)


async def test_a_page_where_nothing_is_paid_saves_a_way_to_pay(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    opened = await gateway.open_checkout(site, asked(payment=None, amount=0, save_method=True))
    double.customer_pays(opened.ref)
    [seen] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(seen, CheckoutSeen)
    assert seen.payment is None
    assert seen.method is not None
    assert seen.method.last4 == "4242"
    assert double.intents() == []


async def test_a_decline_on_the_page_is_not_the_end(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    opened = await gateway.open_checkout(site, asked())
    with pytest.raises(Refusal):
        double.customer_pays(opened.ref, "9995")
    [declined] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(declined, PaymentSeen)
    assert (declined.status, declined.failure_code, declined.final) == ("failed", "insufficient_funds", False)
    double.customer_pays(opened.ref)
    [seen] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(seen, CheckoutSeen)
    assert seen.payment is not None
    assert seen.payment.status == "succeeded"
    assert seen.payment.ref == declined.ref


async def test_money_that_comes_later(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    opened = await gateway.open_checkout(site, asked())
    double.customer_pays(opened.ref, "3000")
    assert await _paid(gateway, site, opened.ref) == "processing"
    double.money_arrives(double.intents()[0]["id"])
    assert await _paid(gateway, site, opened.ref) == "succeeded"


async def test_money_that_does_not_come_after_all(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked()
    opened = await gateway.open_checkout(site, form)
    double.customer_pays(opened.ref, "3000")
    [intent] = double.intents()
    double.money_arrives(intent["id"], arrives=False)
    [page] = await gateway.look_checkout(site, opened.ref)
    assert isinstance(page, CheckoutSeen)
    assert form.payment is not None
    # the page is closed: nobody can try another card there
    for seen in (page.payment, *await gateway.look_payment(site, form.payment, intent["id"])):
        assert isinstance(seen, PaymentSeen)
        assert (seen.status, seen.failure_code, seen.final) == ("failed", "payment_failed", True)


async def test_a_declined_payment_may_still_succeed_while_its_page_is_open(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked()
    opened = await gateway.open_checkout(site, form)
    with pytest.raises(Refusal):
        double.customer_pays(opened.ref, "0002")
    assert form.payment is not None
    [seen] = await gateway.look_payment(site, form.payment, double.intents()[0]["id"])
    assert isinstance(seen, PaymentSeen)
    assert (seen.status, seen.final) == ("failed", False)
    await gateway.close_checkout(site, opened.ref)
    [seen] = await gateway.look_payment(site, form.payment, double.intents()[0]["id"])
    assert isinstance(seen, PaymentSeen)
    assert seen.status == "cancelled"


async def test_a_closed_page_takes_no_money(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    opened = await gateway.open_checkout(site, asked())
    for _ in range(2):
        [seen] = await gateway.close_checkout(site, opened.ref)
        assert isinstance(seen, CheckoutSeen)
        assert (seen.status, seen.payment) == ("expired", None)
    with pytest.raises(Refusal):
        double.customer_pays(opened.ref)


async def test_a_page_that_was_paid_before_it_closed(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    opened = await gateway.open_checkout(site, asked())
    double.customer_pays(opened.ref)
    [seen] = await gateway.close_checkout(site, opened.ref)
    assert isinstance(seen, CheckoutSeen)
    assert seen.status == "completed"
    assert seen.payment is not None
    assert seen.payment.status == "succeeded"


async def test_a_page_without_addresses_ends_at_ours(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked(success_url="", cancel_url="")
    opened = await gateway.open_checkout(site, form)
    ours = f"https://bill.example/pay/{typeid('co', form.checkout)}/unguessable/done"
    assert double.customer_pays(opened.ref) == ours


async def test_a_page_ends_with_its_checkout(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked(expires_at=datetime.now(UTC) + timedelta(hours=2))
    opened = await gateway.open_checkout(site, form)
    # a little earlier, for Stripe's clock may differ from ours
    assert double.shelf.things[opened.ref]["expires_at"] == int(form.expires_at.timestamp()) - 300
    # the hour of a test clock is not the hour at Stripe: there it is a day
    ahead = asked(expires_at=datetime.now(UTC) + timedelta(days=400))
    await gateway.open_checkout(replace(site, mode=Mode.TEST), ahead)


async def test_stripe_is_told_whose_money_it_is(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked, ada: Customer
) -> None:
    form = asked(currency="UGX", amount=50_000)
    opened = await gateway.open_checkout(site, form)
    double.customer_pays(opened.ref)
    [intent] = double.intents()
    ours: dict[str, Any] = {
        "tallystick_checkout": typeid("co", form.checkout),
        "tallystick_account": typeid("acct", ada.uuid),
    }
    assert form.payment is not None
    assert intent["metadata"] == ours | {"tallystick_payment": typeid("pay", form.payment)}
    assert (intent["amount"], intent["currency"], intent["description"]) == (
        5_000_000,
        "ugx",
        "1,000 credits",
    )


async def test_a_page_that_stripe_does_not_have(gateway: Stripe, site: Site) -> None:
    with pytest.raises(GatewayRefused, match="No such"):
        await gateway.look_checkout(site, "cs_other")


async def test_the_portal_and_the_history(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked, ada: Customer
) -> None:
    for _ in range(3):
        double.customer_pays((await gateway.open_checkout(site, asked())).ref)
    url = await gateway.portal(site, ada, "https://shop.example/account", "token")
    assert url.startswith(double.url)
    past, more = await gateway.history(site, ada, 2)
    assert more
    assert [(one.amount, one.currency, one.paid, one.status) for one in past] == [
        (2900, "USD", True, "succeeded")
    ] * 2
    assert all(one.hosted_url and one.description == "1,000 credits" for one in past)
    assert await gateway.history(site, Customer(8, ada.uuid, "", ""), 10) == ([], False)


async def _paid(gateway: Stripe, site: Site, ref: str) -> str:
    [seen] = await gateway.look_checkout(site, ref)
    assert isinstance(seen, CheckoutSeen)
    assert seen.payment is not None
    return seen.payment.status
