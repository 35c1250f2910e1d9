"""Stripe's webhooks: whose signature is taken, and what each event tells."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import stripe

from tallystick.domain.payments.port import (
    BadSignature,
    ChargeAsked,
    CheckoutAsked,
    CheckoutSeen,
    Customer,
    DisputeSeen,
    MethodSeen,
    Notice,
    PaymentSeen,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.gateways.stripe import Stripe
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import uuid7
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.shelf import Refusal

pytestmark = pytest.mark.anyio
Asked = Callable[..., CheckoutAsked]


def _read(
    gateway: Stripe,
    site: Site,
    double: StripeDouble,
    event: Any,
    *,
    late: timedelta = timedelta(0),
    **said: Any,
) -> Notice:
    headers, body = double.signed(event, **said)
    return gateway.read(site, headers, body, datetime.now(UTC) + late)


@pytest.fixture
async def event(gateway: Stripe, site: Site, double: StripeDouble, asked: Asked) -> dict[str, Any]:
    """A payment that succeeded."""
    double.customer_pays((await gateway.open_checkout(site, asked())).ref)
    [event] = [one for one in double.events if one["type"] == "payment_intent.succeeded"]
    return event


async def test_a_good_signature(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    notice = _read(gateway, site, double, event)
    assert (notice.id, notice.type) == (event["id"], "payment_intent.succeeded")
    [seen] = notice.seen
    assert isinstance(seen, PaymentSeen)
    assert seen.status == "succeeded"


async def test_signatures_that_are_not_taken(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    headers, body = double.signed(event)
    stamp = headers["stripe-signature"].partition(",")[0]
    bad = [
        (headers, body.replace(b"2900", b"1")),  # changed on the way
        (headers, body + b" "),
        ({}, body),
        ({"stripe-signature": ""}, body),
        ({"stripe-signature": "nonsense"}, body),
        ({"stripe-signature": "t=soon,v1=00"}, body),
        ({"stripe-signature": stamp}, body),
        ({"stripe-signature": headers["stripe-signature"].replace("v1=", "v0=")}, body),
        (headers, b"\xff\xfe"),
        double.signed(event, secret="whsec_other"),
        double.signed(event, at=now.timestamp() - 301),  # replayed by somebody
        double.signed(event, at=now.timestamp() + 400),
    ]
    for given, said in bad:
        with pytest.raises(BadSignature):
            gateway.read(site, given, said, now)


async def test_a_secret_that_is_not_set_signs_nothing(
    gateway: Stripe, double: StripeDouble, event: dict[str, Any]
) -> None:
    empty = Site(1, uuid7(), Mode.LIVE, "https://bill.example")
    headers, body = double.signed(event, secret="")
    with pytest.raises(BadSignature):
        gateway.read(empty, headers, body, datetime.now(UTC))


async def test_during_a_rotation_either_secret_signs(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    old, body = double.signed(event, secret="whsec_old")
    new, _ = double.signed(event)
    both = old["stripe-signature"] + "," + new["stripe-signature"].partition(",")[2]
    assert gateway.read(site, {"stripe-signature": both}, body, datetime.now(UTC)).id == event["id"]


async def test_an_old_event_that_is_sent_now(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    event["created"] -= 3 * 86400
    notice = _read(gateway, site, double, event)
    assert datetime.now(UTC) - notice.at > timedelta(days=2)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"id":"evt_1","type":"x"}', b"null"])
async def test_what_is_signed_and_no_event(
    gateway: Stripe, site: Site, double: StripeDouble, body: bytes
) -> None:
    header = stripe.WebhookSignature.generate_signature_header(body.decode(), double.secret)
    with pytest.raises(BadSignature):
        gateway.read(site, {"stripe-signature": header}, body, datetime.now(UTC))


async def test_an_event_that_says_nothing_to_us(gateway: Stripe, site: Site, double: StripeDouble) -> None:
    event = {"id": "evt_1", "type": "invoice.paid", "created": 1, "data": {"object": {"id": "in_1"}}}
    assert list(_read(gateway, site, double, event).seen) == []


def _all(gateway: Stripe, site: Site, double: StripeDouble) -> list[tuple[str, Seen]]:
    """What every event since the beginning tells."""
    return [
        (event["type"], seen) for event in double.events for seen in _read(gateway, site, double, event).seen
    ]


async def test_the_events_of_a_page(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked, ada: Customer
) -> None:
    form = asked(save_method=True)
    opened = await gateway.open_checkout(site, form)
    with pytest.raises(Refusal):
        double.customer_pays(opened.ref, "0002")
    double.customer_pays(opened.ref)
    told = _all(gateway, site, double)
    assert [type for type, _ in told] == [
        "payment_intent.payment_failed",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "checkout.session.completed",
    ]
    declined, method, charged, succeeded, completed = (seen for _, seen in told)
    assert isinstance(declined, PaymentSeen)
    assert isinstance(charged, PaymentSeen)
    assert isinstance(succeeded, PaymentSeen)
    assert isinstance(completed, CheckoutSeen)
    assert (declined.status, declined.final, declined.payment) == ("failed", False, form.payment)
    assert isinstance(method, MethodSeen)
    assert (method.last4, method.customer_ref, method.removed) == ("4242", ada.ref, False)
    # each of the three tells the same of the money
    assert (completed.status, completed.checkout, completed.customer_ref) == (
        "completed",
        form.checkout,
        ada.ref,
    )
    assert completed.payment == charged == succeeded
    assert (charged.status, charged.payment, charged.amount) == ("succeeded", form.payment, 2900)


async def test_the_events_of_money_that_comes_later(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    for arrives in (True, False):
        opened = await gateway.open_checkout(site, asked())
        double.customer_pays(opened.ref, "3000")
        double.money_arrives(double.intents()[-1]["id"], arrives=arrives)
    states: dict[str, list[str]] = {}
    for type, seen in _all(gateway, site, double):
        if isinstance(seen, CheckoutSeen):
            assert seen.payment is not None
            seen = seen.payment
        assert isinstance(seen, PaymentSeen)
        states.setdefault(seen.ref, []).append(f"{type.removeprefix('checkout.session.')} {seen.status}")
    assert list(states.values()) == [
        [
            "payment_intent.processing processing",
            "completed processing",
            "charge.succeeded succeeded",
            "payment_intent.succeeded succeeded",
            "async_payment_succeeded succeeded",
        ],
        [
            "payment_intent.processing processing",
            "completed processing",
            "payment_intent.payment_failed failed",
            "async_payment_failed failed",
        ],
    ]


async def test_the_events_of_a_page_that_ran_out(
    gateway: Stripe, site: Site, double: StripeDouble, asked: Asked
) -> None:
    form = asked()
    double.page_expires((await gateway.open_checkout(site, form)).ref)
    [(_, seen)] = _all(gateway, site, double)
    assert isinstance(seen, CheckoutSeen)
    assert (seen.status, seen.checkout, seen.payment) == ("expired", form.checkout, None)


async def test_the_events_of_refunds_disputes_and_a_removed_card(
    gateway: Stripe, site: Site, double: StripeDouble, ada: Customer, charge_of: Callable[..., ChargeAsked]
) -> None:
    assert ada.ref is not None
    method = double.save_card(ada.ref, "5126")
    paid = await gateway.charge(site, charge_of(method))
    refund = double.staff_refunds(paid.ref, 1000)
    double.refund_ends(refund, arrives=False)
    double.bank_decides(double.bank_disputes(paid.ref), won=True)
    await gateway.forget_method(site, method)
    told = _all(gateway, site, double)
    refunds = [seen for _, seen in told if isinstance(seen, RefundSeen)]
    assert [seen.status for seen in refunds] == ["pending", "failed", "failed"]
    assert {(seen.ref, seen.payment_ref, seen.amount) for seen in refunds} == {(refund, paid.ref, 1000)}
    disputes = [(type, seen.status) for type, seen in told if isinstance(seen, DisputeSeen)]
    assert disputes == [
        ("charge.dispute.created", "open"),
        ("charge.dispute.funds_withdrawn", "open"),
        ("charge.dispute.closed", "won"),
        ("charge.dispute.funds_reinstated", "won"),
    ]
    *_, (type, gone) = told
    assert type == "payment_method.detached"
    assert isinstance(gone, MethodSeen)
    assert (gone.ref, gone.removed, gone.customer_ref) == (method, True, ada.ref)


async def test_an_inquiry_is_no_dispute(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    before = len(_all(gateway, site, double))
    dispute = double.bank_disputes(event["data"]["object"]["id"], inquiry=True)
    double.bank_decides(dispute, won=True)
    assert len(_all(gateway, site, double)) == before


async def test_a_bank_that_wants_the_customer_is_no_decline(
    gateway: Stripe, site: Site, double: StripeDouble, ada: Customer, charge_of: Callable[..., ChargeAsked]
) -> None:
    assert ada.ref is not None
    await gateway.charge(site, charge_of(double.save_card(ada.ref, "3220")))
    types = [event["type"] for event in double.events]
    assert "payment_intent.payment_failed" in types
    payments = [seen for _, seen in _all(gateway, site, double) if isinstance(seen, PaymentSeen)]
    assert [(seen.status, bool(seen.url)) for seen in payments] == [("requires_action", True)]


async def test_the_body_is_read_as_it_came(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any]
) -> None:
    # written with other spaces it is another text, which Stripe did not sign
    headers, body = double.signed(event)
    with pytest.raises(BadSignature):
        gateway.read(site, headers, json.dumps(json.loads(body)).encode(), datetime.now(UTC))


@pytest.mark.parametrize(
    "how",
    [
        lambda intent: {"payment_intent": intent},
        lambda intent: {"payments": {"data": [{"payment": {"payment_intent": intent}}]}},
    ],
)
async def test_an_invoice_of_stripes_own_tells_of_its_payment(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any], how: Callable[[str], Any]
) -> None:
    intent = event["data"]["object"]["id"]
    bill = {"id": "in_1", "amount_paid": 2900, "amount_due": 2900, "currency": "usd"} | how(intent)
    told = event | {"type": "invoice.paid", "data": {"object": bill}}
    [paid] = _read(gateway, site, double, told).seen
    assert isinstance(paid, PaymentSeen)
    assert (paid.ref, paid.status, paid.amount, paid.currency) == (intent, "succeeded", 2900, "USD")
    [failed] = _read(gateway, site, double, told | {"type": "invoice.payment_failed"}).seen
    assert isinstance(failed, PaymentSeen)
    assert (failed.ref, failed.status, failed.final) == (intent, "failed", False)


@pytest.mark.parametrize(
    "type",
    [
        "invoice.paid",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.subscription.deleted",
    ],
)
async def test_what_stripe_bills_without_us_says_nothing(
    gateway: Stripe, site: Site, double: StripeDouble, event: dict[str, Any], type: str
) -> None:
    for bill in ({}, {"payment_intent": None, "amount_paid": 0}, {"payment_intent": "pi_1", "amount_due": 0}):
        told = event | {"type": type, "data": {"object": {"id": "x", "currency": "usd"} | bill}}
        assert _read(gateway, site, double, told).seen == []
