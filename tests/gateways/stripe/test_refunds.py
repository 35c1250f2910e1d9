"""Refunds at Stripe: once, in parts, and those that fail or come later."""

from collections.abc import Awaitable, Callable

import pytest

from tallystick.domain.payments.port import (
    ChargeAsked,
    Customer,
    GatewayDown,
    GatewayRefused,
    PaymentSeen,
    RefundAsked,
    Site,
)
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.ids import owned_uuid
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.server import Outage

pytestmark = pytest.mark.anyio
Pay = Callable[[str], Awaitable[PaymentSeen]]


@pytest.fixture
def pay(
    gateway: Stripe, site: Site, double: StripeDouble, ada: Customer, charge_of: Callable[..., ChargeAsked]
) -> Pay:
    async def paid(last4: str) -> PaymentSeen:
        assert ada.ref is not None
        return await gateway.charge(site, charge_of(double.save_card(ada.ref, last4)))

    return paid


def _asked(payment: PaymentSeen, amount: int = 900) -> RefundAsked:
    assert payment.payment is not None
    return RefundAsked(owned_uuid(7), payment.payment, payment.ref, amount, "USD", "the customer asked")


async def test_a_refund_happens_once(gateway: Stripe, site: Site, double: StripeDouble, pay: Pay) -> None:
    asked = _asked(await pay("4242"))
    made = await gateway.refund(site, asked)
    assert (made.status, made.amount, made.refund) == ("succeeded", 900, asked.refund)
    assert made.payment_ref == asked.payment_ref
    assert await gateway.refund(site, asked) == made
    assert await gateway.look_refund(site, asked.refund, made.ref) == made
    assert await gateway.look_refund(site, asked.refund, None) == made
    assert len(double.shelf.all("refund")) == 1


async def test_refunds_in_parts_stop_at_the_whole(gateway: Stripe, site: Site, pay: Pay) -> None:
    paid = await pay("4242")
    await gateway.refund(site, _asked(paid, 2000))
    with pytest.raises(GatewayRefused, match="greater"):
        await gateway.refund(site, _asked(paid, 901))
    assert (await gateway.refund(site, _asked(paid, 900))).status == "succeeded"


@pytest.mark.parametrize("outage", ["down", "lost", "500", "500 after"])
async def test_after_an_outage_the_money_goes_back_once(
    gateway: Stripe, site: Site, double: StripeDouble, pay: Pay, outage: Outage
) -> None:
    asked = _asked(await pay("4242"))
    with double.away(outage), pytest.raises(GatewayDown):
        await gateway.refund(site, asked)
    made = await gateway.look_refund(site, asked.refund, None) or await gateway.refund(site, asked)
    assert (made.status, made.refund) == ("succeeded", asked.refund)
    assert len(double.shelf.all("refund")) == 1


async def test_a_refund_is_found_among_more_than_a_page(
    gateway: Stripe, site: Site, double: StripeDouble, pay: Pay
) -> None:
    asked = _asked(await pay("4242"), 1)
    with double.away("lost"), pytest.raises(GatewayDown):
        await gateway.refund(site, asked)
    for _ in range(120):
        double.staff_refunds(asked.payment_ref, 1)
    made = await gateway.look_refund(site, asked.refund, None)
    assert made is not None
    assert made.refund == asked.refund
    assert await gateway.look_refund(site, owned_uuid(7), None) is None


async def test_a_refund_that_comes_later_or_fails(
    gateway: Stripe, site: Site, double: StripeDouble, pay: Pay
) -> None:
    asked = _asked(await pay("7726"))
    made = await gateway.refund(site, asked)
    assert made.status == "pending"
    double.refund_ends(made.ref, arrives=True)
    later = await gateway.look_refund(site, asked.refund, made.ref)
    assert later is not None
    assert later.status == "succeeded"
    double.refund_ends(made.ref, arrives=False)
    failed = await gateway.look_refund(site, asked.refund, made.ref)
    assert failed is not None
    assert (failed.status, failed.failure) == ("failed", "lost_or_stolen_card")
