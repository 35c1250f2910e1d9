"""The double itself, spoken to through the official SDK: it keeps what it is told, as Stripe does."""

from collections.abc import AsyncIterator

import pytest
import stripe

from tallystick.domain.payments.port import Customer, Site
from tallystick.gateways.stripe import Stripe
from tallystick.gateways.stripe.client import Wire
from tests.doubles.stripe import StripeDouble

pytestmark = pytest.mark.anyio


@pytest.fixture
async def sdk(double: StripeDouble) -> AsyncIterator[stripe.StripeClient]:
    wire = Wire(10)
    yield stripe.StripeClient(
        double.key, base_addresses={"api": double.url}, http_client=wire, max_network_retries=0
    )
    await wire.close_async()


async def test_customers(sdk: stripe.StripeClient) -> None:
    made = await sdk.v1.customers.create_async({"name": "Ada", "metadata": {"plan": "gold", "a[b]": "&="}})
    await sdk.v1.customers.update_async(made.id, {"email": "ada@example.org"})
    found = await sdk.v1.customers.retrieve_async(made.id)
    assert (found.name, found.email) == ("Ada", "ada@example.org")
    assert found.metadata is not None
    assert found.metadata.to_dict()["plan"] == "gold"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        await sdk.v1.customers.retrieve_async("cus_nobody")
    assert missing.value.code == "resource_missing"


async def test_products_and_prices_in_a_session(sdk: stripe.StripeClient, double: StripeDouble) -> None:
    product = await sdk.v1.products.create_async({"name": "Credits"})
    price = await sdk.v1.prices.create_async({"product": product.id, "currency": "eur", "unit_amount": 250})
    assert (await sdk.v1.prices.retrieve_async(price.id)).unit_amount == 250
    session = await sdk.v1.checkout.sessions.create_async(
        {
            "mode": "payment",
            "success_url": "https://shop.example/{CHECKOUT_SESSION_ID}",
            "line_items": [{"price": price.id, "quantity": 3}],
        }
    )
    assert (session.amount_total, session.currency, session.status) == (750, "eur", "open")
    assert double.customer_pays(session.id) == f"https://shop.example/{session.id}"
    paid = await sdk.v1.checkout.sessions.retrieve_async(
        session.id, {"expand": ["payment_intent.latest_charge"]}
    )
    assert paid.to_dict()["payment_intent"]["latest_charge"]["amount"] == 750


async def test_a_key_is_honoured(sdk: stripe.StripeClient, double: StripeDouble) -> None:
    once = await sdk.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "k"})
    again = await sdk.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "k"})
    assert once.id == again.id
    with pytest.raises(stripe.IdempotencyError):
        await sdk.v1.customers.create_async({"name": "Bob"}, {"idempotency_key": "k"})
    assert len(double.shelf.all("customer")) == 1
    double.forget_keys()
    assert (await sdk.v1.customers.create_async({"name": "Ada"}, {"idempotency_key": "k"})).id != once.id


async def test_a_decline_is_answered_again_by_its_key(sdk: stripe.StripeClient, double: StripeDouble) -> None:
    customer = await sdk.v1.customers.create_async({})
    card = double.save_card(customer.id, "0341")
    for _ in range(2):
        with pytest.raises(stripe.CardError) as declined:
            await sdk.v1.payment_intents.create_async(
                {
                    "amount": 500, "currency": "usd", "customer": customer.id, "payment_method": card, "confirm": True,
                    "off_session": True,
                },
                {"idempotency_key": "pay-1"},
            )  # fmt: skip
        assert declined.value.code == "card_declined"
    assert len(double.intents()) == 1


async def test_lists_go_page_by_page(sdk: stripe.StripeClient, double: StripeDouble) -> None:
    customer = await sdk.v1.customers.create_async({})
    for last4 in ("4242", "4444", "0341"):
        double.save_card(customer.id, last4)
    page = await sdk.v1.payment_methods.list_async({"customer": customer.id, "limit": 2})
    assert page.has_more
    found = [one.to_dict()["card"]["last4"] async for one in page.auto_paging_iter()]
    assert found == ["0341", "4444", "4242"]


async def test_events_are_told(sdk: stripe.StripeClient, double: StripeDouble) -> None:
    customer = await sdk.v1.customers.create_async({"name": "Ada"})
    [told] = (await sdk.v1.events.list_async({"type": "customer.created"})).data
    headers, body = double.signed(double.events[0])
    heard = sdk.construct_event(body, headers["stripe-signature"], double.secret)
    assert heard.id == told.id
    assert heard.data.object["id"] == customer.id


async def test_a_wrong_key_is_nobody(double: StripeDouble) -> None:
    wire = Wire(10)
    stranger = stripe.StripeClient("sk_test_no", base_addresses={"api": double.url}, http_client=wire)
    with pytest.raises(stripe.AuthenticationError):
        await stranger.v1.customers.create_async({})
    await wire.close_async()


async def test_nothing_is_reported_to_stripe(
    gateway: Stripe, site: Site, ada: Customer, double: StripeDouble
) -> None:
    for _ in range(2):  # a second call would tell how long the first took
        await gateway.history(site, ada, 1)
    assert "x-stripe-client-telemetry" not in double.headers
    assert "platform" not in double.headers["x-stripe-client-user-agent"]
    assert double.headers["stripe-version"]
