"""Charges of saved ways to pay: once whatever happens, declines by their reason, and the further step."""

from collections.abc import Callable

import pytest

from tallystick.domain.payments.port import (
    ChargeAsked,
    Customer,
    DisputeSeen,
    GatewayDown,
    GatewayRefused,
    PaymentSeen,
    RefundSeen,
    Site,
)
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.ids import owned_uuid
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.server import Outage

pytestmark = pytest.mark.anyio
ChargeOf = Callable[..., ChargeAsked]


@pytest.fixture
def card(double: StripeDouble, ada: Customer) -> Callable[[str], str]:
    """The id of a saved card with these last digits."""
    assert ada.ref is not None
    customer = ada.ref
    return lambda last4: double.save_card(customer, last4)


Card = Callable[[str], str]


async def test_a_charge(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("4242"))
    seen = await gateway.charge(site, asked)
    assert (seen.status, seen.amount, seen.currency, seen.payment) == (
        "succeeded",
        2900,
        "USD",
        asked.payment,
    )
    assert seen.at is not None
    assert seen.final
    # the same again is the same charge
    assert await gateway.charge(site, asked) == seen
    assert double.paid() == 2900


@pytest.mark.parametrize(
    ("last4", "code"),
    [
        ("0002", "generic_decline"),
        ("9995", "insufficient_funds"),
        ("9987", "lost_card"),
        ("9979", "stolen_card"),
        ("0069", "expired_card"),
        ("0127", "incorrect_cvc"),
        ("0119", "processing_error"),
        ("0341", "generic_decline"),
    ],
)
async def test_a_decline_says_why(
    gateway: Stripe,
    site: Site,
    double: StripeDouble,
    ada: Customer,
    charge_of: ChargeOf,
    last4: str,
    code: str,
) -> None:
    assert ada.ref is not None
    # most of these can not be saved anew: the card went bad after it was
    method = double.save_card(ada.ref, "4242")
    double.shelf.things[method]["card"]["last4"] = last4
    asked = charge_of(method)
    seen = await gateway.charge(site, asked)
    assert (seen.status, seen.failure_code, seen.final) == ("failed", code, True)
    assert seen.failure_message
    assert seen.payment == asked.payment
    assert await gateway.charge(site, asked) == seen
    assert await gateway.look_payment(site, asked.payment, seen.ref) == [seen]
    assert double.paid() == 0


async def test_a_bank_that_wants_the_customer(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("3220"))
    seen = await gateway.charge(site, asked)
    assert (seen.status, seen.payment) == ("requires_action", asked.payment)
    assert seen.url is not None
    assert seen.url.startswith(double.url)
    assert (await gateway.charge(site, asked)).url == seen.url
    double.customer_steps(seen.ref)
    [done] = await gateway.look_payment(site, asked.payment, seen.ref)
    assert isinstance(done, PaymentSeen)
    assert done.status == "succeeded"
    assert double.paid() == 2900


async def test_a_customer_who_refuses_the_step(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("3220"))
    seen = await gateway.charge(site, asked)
    double.customer_steps(seen.ref, approve=False)
    [done] = await gateway.look_payment(site, asked.payment, seen.ref)
    assert isinstance(done, PaymentSeen)
    assert (done.status, done.failure_code) == ("failed", "payment_intent_authentication_failure")


async def test_the_step_is_asked_for_after_an_outage_between_the_two_calls(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("3220"))
    double.outages.extend([None, "down"])
    with pytest.raises(GatewayDown):
        await gateway.charge(site, asked)
    # nothing that ends the payment is seen meanwhile
    assert await gateway.look_payment(site, asked.payment, None) == []
    assert (await gateway.charge(site, asked)).status == "requires_action"
    assert len(double.intents()) == 1


async def test_a_debit_that_takes_days(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("3000"))
    seen = await gateway.charge(site, asked)
    assert seen.status == "processing"
    double.money_arrives(seen.ref, arrives=False)
    [done] = await gateway.look_payment(site, asked.payment, seen.ref)
    assert isinstance(done, PaymentSeen)
    assert (done.status, done.failure_code) == ("failed", "payment_failed")


async def test_a_step_that_is_given_up(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("3220"))
    seen = await gateway.charge(site, asked)
    assert (await gateway.cancel_payment(site, asked.payment, seen.ref)).status == "cancelled"
    assert (await gateway.cancel_payment(site, asked.payment, seen.ref)).status == "cancelled"


async def test_giving_up_too_late_tells_that_it_was_paid(
    gateway: Stripe, site: Site, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("4242"))
    seen = await gateway.charge(site, asked)
    assert (await gateway.cancel_payment(site, asked.payment, seen.ref)).status == "succeeded"


@pytest.mark.parametrize("outage", ["down", "lost", "500", "500 after", "429", "busy"])
async def test_after_an_outage_the_money_is_taken_once(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card, outage: Outage
) -> None:
    asked = charge_of(card("4242"))
    with double.away(outage), pytest.raises(GatewayDown):
        await gateway.charge(site, asked)
    seen = await gateway.look_payment(site, asked.payment, None) or [await gateway.charge(site, asked)]
    [paid] = seen
    assert isinstance(paid, PaymentSeen)
    assert (paid.status, paid.payment) == ("succeeded", asked.payment)
    assert double.paid() == 2900
    assert len(double.intents()) == 1


@pytest.mark.parametrize("searches", [True, False])
async def test_a_lost_charge_is_found_after_stripe_forgot_the_key(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card, searches: bool
) -> None:
    double.api.searches = searches
    await gateway.charge(site, charge_of(card("4242")))
    asked = charge_of(card("4242"))
    with double.away("lost"), pytest.raises(GatewayDown):
        await gateway.charge(site, asked)
    double.forget_keys()
    [paid] = await gateway.look_payment(site, asked.payment, None)
    assert isinstance(paid, PaymentSeen)
    assert (paid.status, paid.payment) == ("succeeded", asked.payment)
    assert await gateway.look_payment(site, owned_uuid(7), None) == []


async def test_an_answer_that_does_not_come_in_time(
    site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("4242"))
    hasty = Stripe(retries=0, seconds=0.1)
    with double.away("slow"), pytest.raises(GatewayDown):
        await hasty.charge(site, asked)
    await hasty.close()
    double.release.set()
    patient = Stripe(retries=0)
    # the slow call may still be at work: the same key waits for it
    assert (await patient.charge(site, asked)).status == "succeeded"
    assert double.paid() == 2900
    await patient.close()


async def test_a_payment_that_stripe_never_heard_of(gateway: Stripe, site: Site) -> None:
    assert await gateway.look_payment(site, owned_uuid(7), None) == []


async def test_a_payment_is_seen_with_its_refunds_and_its_dispute(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    asked = charge_of(card("4242"))
    paid = await gateway.charge(site, asked)
    refund = double.staff_refunds(paid.ref, 900)
    dispute = double.bank_disputes(paid.ref)
    _, refunded, disputed = await gateway.look_payment(site, asked.payment, paid.ref)
    assert isinstance(refunded, RefundSeen)
    assert (refunded.ref, refunded.amount, refunded.refund) == (refund, 900, None)
    assert isinstance(disputed, DisputeSeen)
    assert (disputed.ref, disputed.status, disputed.reason) == (dispute, "open", "fraudulent")
    assert disputed.evidence_due_at is not None
    double.bank_decides(dispute, won=False)
    *_, closed = await gateway.look_payment(site, asked.payment, paid.ref)
    assert isinstance(closed, DisputeSeen)
    assert closed.status == "lost"


async def test_a_way_to_pay_is_forgotten(
    gateway: Stripe, site: Site, double: StripeDouble, charge_of: ChargeOf, card: Card
) -> None:
    method = card("4242")
    await gateway.forget_method(site, method)
    await gateway.forget_method(site, method)
    await gateway.forget_method(site, "pm_never")
    with pytest.raises(GatewayRefused):
        await gateway.charge(site, charge_of(method))
    assert double.paid() == 0
