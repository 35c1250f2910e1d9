"""What goes wrong between us and Stripe: down or refused, and never a secret in what is said of it."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tallystick.domain.payments.port import (
    ChargeAsked,
    CheckoutAsked,
    Customer,
    GatewayDown,
    GatewayRefused,
    Site,
)
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.errors import Invalid
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.server import Outage

from .conftest import site_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("outage", ["down", "lost", "500", "429", "busy"])
async def test_an_outage_is_no_refusal(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Callable[..., CheckoutAsked], outage: Outage
) -> None:
    form = asked()
    with double.away(outage), pytest.raises(GatewayDown):
        await gateway.open_checkout(site, form)
    opened = await gateway.open_checkout(site, form)
    assert [session["id"] for session in double.shelf.all("checkout.session")] == [opened.ref]


async def test_a_call_is_made_again_at_once(site: Site, double: StripeDouble, ada: Customer) -> None:
    patient = Stripe()
    double.outages.append("lost")
    other = Customer(9, ada.uuid, "Grace", "grace@example.org")
    assert (await patient.customer(site, other)).startswith("cus_")
    assert len([one for one in double.shelf.all("customer") if one["name"] == "Grace"]) == 1
    await patient.close()


async def test_a_wrong_key_is_refused_and_not_told(
    gateway: Stripe, double: StripeDouble, ada: Customer
) -> None:
    wrong = site_of(double, secret_key="sk_test_wrongAndSecret")
    with pytest.raises(GatewayRefused) as refused:
        await gateway.history(wrong, ada, 10)
    assert "wrongAndSecret" not in f"{refused.value!r}{refused.value.__cause__!r}"
    assert "wrongAndSecret" not in repr(wrong)


async def test_without_a_key_nothing_is_called(gateway: Stripe, double: StripeDouble, ada: Customer) -> None:
    before = len(double.calls)
    with pytest.raises(GatewayRefused, match="secret_key"):
        await gateway.history(site_of(double, secret_key=""), ada, 10)
    assert len(double.calls) == before


async def test_a_key_that_comes_with_another_call_is_refused(
    gateway: Stripe, site: Site, asked: Callable[..., CheckoutAsked]
) -> None:
    form = asked()
    await gateway.open_checkout(site, form)
    other = asked(checkout=form.checkout, amount=1)
    with pytest.raises(GatewayRefused, match="same parameters"):
        await gateway.open_checkout(site, other)


async def test_stripe_that_is_not_there(gateway: Stripe, double: StripeDouble, ada: Customer) -> None:
    nowhere = replace(site_of(double), options={"api_base": "http://127.0.0.1:1"})
    with pytest.raises(GatewayDown):
        await gateway.history(nowhere, ada, 10)


async def test_an_amount_that_stripe_cannot_take(
    gateway: Stripe, site: Site, double: StripeDouble, ada: Customer, charge_of: Callable[..., ChargeAsked]
) -> None:
    assert ada.ref is not None
    method = double.save_card(ada.ref)
    with pytest.raises(GatewayRefused, match="KWD"):
        await gateway.charge(site, charge_of(method, amount=1001, currency="KWD"))
    assert double.intents() == []


def test_a_tenant_may_not_say_where_stripe_is() -> None:
    assert Stripe().check_options({}) == {}
    with pytest.raises(Invalid, match="api_base"):
        Stripe().check_options({"api_base": "http://169.254.169.254"})
