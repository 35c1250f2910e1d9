"""Paying with Stripe from end to end: the page of the contract, the customer at Stripe, its events at the contract's
own address, and what the workspace then has."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.native.payments.paying import made
from tests.contract.served import Api, House
from tests.doubles.stripe import StripeDouble
from tests.doubles.stripe.scenes import declined_and_left, declined_then_paid

from .selling import (
    CHECKOUT,
    CREDITS,
    HISTORY,
    INVOICES,
    ORIGINS,
    PORTAL,
    WEBHOOK,
    Customer,
    credit_types,
    customer,
    paid_by_stripe,
    tier,
)

pytestmark = pytest.mark.holds(
    "appvector",
    "POST /api/billing/stripe/checkout/",
    "POST /api/billing/stripe/checkout/credits/",
    "GET /api/billing/stripe/portal/",
    "GET /api/billing/stripe/payment-history/",
    "POST /api/billing/webhooks/stripe/",
)

SUCCESS = f"{ORIGINS[0]}/billing/success?session_id={{CHECKOUT_SESSION_ID}}"
CANCEL = f"{ORIGINS[0]}/billing/cancel"


@pytest.fixture(scope="module")
def house(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    with paid_by_stripe(server, template, stripe) as house:
        yield house


@pytest.fixture(scope="module")
def professional(house: House) -> str:
    with house.client("admin") as api:
        credit_types(api)
        return tier(api, "PROFESSIONAL", "149.00", 20)


@pytest.fixture
def acme(api: Api, professional: str) -> Customer:
    return customer(api)


@pytest.fixture
def told(house: House, stripe: StripeDouble) -> Callable[[], list[int]]:
    """Have Stripe send what happened since the last time, to the contract's own address."""
    sent = len(stripe.events)

    def send() -> list[int]:
        nonlocal sent
        events, sent = stripe.events[sent:], len(stripe.events)
        return stripe.send(house.url + WEBHOOK, events)

    return send


def available(acme: Customer) -> str:
    rows = acme.api.get(f"/v2/accounts/{acme.account}/balance").json()["balances"]
    return str(next((row["available"] for row in rows if row["credit_type"] == "api_calls"), "0"))


def test_a_plan_begins_with_its_money(
    acme: Customer, stripe: StripeDouble, professional: str, told: Callable[[], list[int]]
) -> None:
    page = acme.buy(CHECKOUT, plan_id=professional, success_url=SUCCESS, cancel_url=CANCEL)
    session = page["session_id"]
    assert list(page) == ["checkout_url", "session_id"]
    assert page["checkout_url"] == f"{stripe.url}/c/pay/{session}"
    assert stripe.shelf.things[session]["cancel_url"] == CANCEL
    assert stripe.customer_pays(session) == f"{ORIGINS[0]}/billing/success?session_id={session}"
    assert available(acme) == "0"
    assert set(told()) == {200}
    assert available(acme) == "5000"
    [row] = made(acme.api.get("/v2/subscriptions", account=acme.account), 200)["data"]
    assert (row["status"], row["plan"]["name"]) == ("active", "Professional")
    [bill] = acme.shown(INVOICES)["invoices"]
    assert (bill["total_amount"], bill["status"]) == ("149.00", "PAID")


def test_credits_arrive_with_their_money(
    acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    page = acme.buy(CREDITS, feature_key="api_calls", amount=1000, success_url=SUCCESS, cancel_url=CANCEL)
    assert list(page) == ["checkout_url", "session_id", "amount"]
    assert page["amount"] == 1000
    assert stripe.shelf.things[page["session_id"]]["amount_total"] == 1000
    stripe.customer_pays(page["session_id"])
    assert set(told()) == {200}
    assert available(acme) == "1000"


def test_money_that_goes_back_takes_the_credits(
    acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    session = acme.buy(CREDITS, feature_key="API_CALL", amount=1000)["session_id"]
    stripe.customer_pays(session)
    told()
    stripe.staff_refunds(stripe.shelf.things[session]["payment_intent"])
    assert set(told()) == {200}
    assert available(acme) == "0"


def test_what_was_paid(
    acme: Customer, stripe: StripeDouble, professional: str, told: Callable[[], list[int]]
) -> None:
    assert acme.shown(HISTORY) == {"payments": [], "has_more": False}
    stripe.customer_pays(acme.buy(CHECKOUT, plan_id=professional)["session_id"])
    told()
    stripe.customer_pays(acme.buy(CREDITS, feature_key="api_calls", amount=50)["session_id"])
    told()
    found = acme.shown(HISTORY)
    assert [(row["amount"], row["description"]) for row in found["payments"]] == [
        (0.5, "50 API Calls"),
        (149.0, "Subscription for Professional Plan"),
    ]
    assert found["has_more"] is False
    row = found["payments"][1]
    assert (row["currency"], row["status"], row["paid"]) == ("USD", "paid", True)
    assert row["id"].startswith("in_")
    bills = {one["id"]: one for one in acme.shown(INVOICES)["invoices"]}
    shown = acme.shown(f"{INVOICES}{row['id']}/")["invoice"]
    assert shown["id"] in bills
    assert (row["invoice_pdf"], row["hosted_invoice_url"]) == (shown["pdf_url"], shown["hosted_invoice_url"])
    first = acme.shown(HISTORY, limit=1)
    assert (first["payments"], first["has_more"]) == (found["payments"][:1], True)


def test_tries_that_were_declined_are_one_payment(
    acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    declined_then_paid(stripe, acme.buy(CREDITS, feature_key="api_calls", amount=100)["session_id"])
    told()
    [row] = acme.shown(HISTORY)["payments"]
    assert (row["amount"], row["status"], row["paid"]) == (1.0, "paid", True)


def test_a_page_that_nobody_paid_on(
    acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    declined_and_left(stripe, acme.buy(CREDITS, feature_key="api_calls", amount=100)["session_id"])
    told()
    [row] = acme.shown(HISTORY)["payments"]
    assert (row["amount"], row["status"], row["paid"]) == (1.0, "void", False)
    assert available(acme) == "0"


def test_the_portal_is_stripes(acme: Customer, stripe: StripeDouble) -> None:
    found = acme.shown(PORTAL, return_url=f"{ORIGINS[0]}/billing")
    assert list(found) == ["portal_url"]
    assert found["portal_url"].startswith(stripe.url)


def test_looking_makes_no_customer_at_stripe(acme: Customer, stripe: StripeDouble) -> None:
    before = len(stripe.shelf.all("customer"))
    with stripe.away("down"):  # nothing is asked
        assert acme.shown(HISTORY) == {"payments": [], "has_more": False}
    assert acme.shown(HISTORY)["payments"] == []
    assert len(stripe.shelf.all("customer")) == before


@pytest.mark.parametrize("outage", ["down", "500"])
def test_stripe_is_away(acme: Customer, stripe: StripeDouble, professional: str, outage: Any) -> None:
    body = {"workspace_id": acme.id, "plan_id": professional}
    acme.shown(PORTAL)  # the customer is known at Stripe
    with stripe.away(outage):
        for answer in (
            acme.api.post(CHECKOUT, body, key="away"),
            acme.api.post(CREDITS, {"workspace_id": acme.id, "feature_key": "api_calls", "amount": 100}),
            acme.get(PORTAL),
            acme.get(HISTORY),
        ):
            assert answer.status_code == 503, answer.text
            said = answer.json()
            assert said["error"] == "Payment gateway unavailable"
            assert said["detail"].startswith("The payment gateway does not answer")
            assert int(answer.headers["retry-after"]) >= 1
    assert acme.api.post(CHECKOUT, body, key="away").status_code == 200
    assert made(acme.api.get("/v2/subscriptions", account=acme.account), 200)["data"] == []


def test_stripe_refuses(acme: Customer, stripe: StripeDouble, professional: str) -> None:
    wrong = {"secret_key": "sk_test_of_another", "webhook_secret": stripe.secret}
    made(acme.api.send("PUT", "/v2/gateways/stripe", {"enabled": True, "secrets": wrong}), 200)
    try:
        answer = acme.api.post(CHECKOUT, {"workspace_id": acme.id, "plan_id": professional})
    finally:
        none = dict.fromkeys(wrong, "")
        made(acme.api.send("PUT", "/v2/gateways/stripe", {"enabled": True, "secrets": none}), 200)
    assert answer.status_code == 409, answer.text
    assert list(answer.json()) == ["detail"]


def test_the_same_key_opens_one_page(acme: Customer, stripe: StripeDouble, professional: str) -> None:
    before = len(stripe.shelf.all("checkout.session"))
    answers = [acme.buy(CHECKOUT, key="once", plan_id=professional) for _ in range(3)]
    assert answers[0] == answers[1] == answers[2]
    assert len(stripe.shelf.all("checkout.session")) == before + 1
    other = acme.api.post(CHECKOUT, {"workspace_id": acme.id, "plan_tier": "PROFESSIONAL"}, key="once")
    assert (other.status_code, list(other.json())) == (422, ["detail"])


def test_a_trial_begins_when_the_card_is_saved(
    acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    trial = tier(acme.api, "ENTERPRISE", "499.00", 30, trial_days=14)
    session = acme.buy(CHECKOUT, plan_id=trial)["session_id"]
    assert stripe.shelf.things[session]["mode"] == "setup"
    stripe.customer_pays(session)
    assert set(told()) == {200}
    [row] = made(acme.api.get("/v2/subscriptions", account=acme.account), 200)["data"]
    assert (row["status"], row["plan"]["name"]) == ("trialing", "Enterprise")
    assert acme.shown(HISTORY) == {"payments": [], "has_more": False}


def test_what_falls_due_is_charged_to_the_card_of_the_page(
    acme: Customer, stripe: StripeDouble, professional: str, told: Callable[[], list[int]]
) -> None:
    """The card that paid for a plan is kept, and pays what comes later; both are in the history."""
    stripe.customer_pays(acme.buy(CHECKOUT, plan_id=professional)["session_id"])
    told()
    line = {"description": "Work", "amount": "5.00"}
    body = {"account": acme.account, "lines": [line], "currency": "USD", "finalize": True}
    bill = made(acme.api.post("/v2/invoices", body))
    made(acme.api.post("/v2/payments", {"invoice": bill["id"]}))
    told()
    rows = acme.shown(HISTORY)["payments"]
    assert [(row["amount"], row["description"]) for row in rows] == [
        (5.0, "Work"),
        (149.0, "Subscription for Professional Plan"),
    ]
    assert rows[0]["id"] == "in_" + bill["id"].removeprefix("inv_")


def test_another_customers_payments_are_not_in_it(
    api: Api, acme: Customer, stripe: StripeDouble, told: Callable[[], list[int]]
) -> None:
    other = customer(api)
    stripe.customer_pays(other.buy(CREDITS, feature_key="api_calls", amount=100)["session_id"])
    told()
    assert acme.shown(HISTORY)["payments"] == []
    assert len(other.shown(HISTORY)["payments"]) == 1


def test_an_upgrade_is_charged_to_the_card_of_the_page(
    acme: Customer, stripe: StripeDouble, professional: str, told: Callable[[], list[int]]
) -> None:
    tier(acme.api, "BUSINESS", "299.00", 25)
    stripe.customer_pays(acme.buy(CHECKOUT, plan_id=professional)["session_id"])
    told()
    done = acme.buy("/api/billing/subscription/upgrade/", plan_tier="BUSINESS")["subscription"]
    assert (done["plan"]["tier"], done["upgrade_applied"]) == ("BUSINESS", True)
    told()
    rows = acme.shown(HISTORY)["payments"]
    assert len(rows) == 2
    assert (f"{rows[0]['amount']:.2f}", rows[0]["status"]) == (done["prorated_amount"], "paid")
    assert [row["total_amount"] for row in acme.shown(INVOICES)["invoices"]] == [
        done["prorated_amount"],
        "149.00",
    ]


def test_an_answer_of_stripes_that_is_lost(acme: Customer, stripe: StripeDouble, professional: str) -> None:
    """The page was opened, and nobody heard of it: it is asked for again, and is the same one."""
    before = len(stripe.shelf.all("checkout.session"))
    with stripe.away("lost"):
        page = acme.buy(CHECKOUT, key="lost", plan_id=professional)
    assert acme.buy(CHECKOUT, key="lost", plan_id=professional) == page
    assert len(stripe.shelf.all("checkout.session")) == before + 1
    assert stripe.shelf.things[page["session_id"]]["status"] == "open"
