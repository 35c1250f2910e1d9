"""One customer's story through all contracts; after each step every contract tells the same balance and history.

It is told in test mode, where time may pass. The client of each chapter is what a program written for that contract
would be: its own address, its own ids, its own words.
"""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from tallystick.kernel.ids import typeid
from tests.doubles.google import GoogleDouble
from tests.doubles.stores import Stores
from tests.e2e.running import within

from .conformance.holding import hold
from .native.payments.paying import method_of
from .served import House, housed
from .story.in_appvector import upgrade_in_appvector, use_credits_in_appvector, watch_an_app
from .story.living import Story, made, purchased
from .story.telling import told

pytestmark = [
    pytest.mark.holds("appvector", "POST /api/auth/google/"),
    pytest.mark.holds("appvector", "GET /api/me/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/history/"),
    pytest.mark.holds("appvector", "POST /api/billing/credits/consume/"),
    pytest.mark.holds("appvector", "POST /api/billing/stripe/checkout/credits/"),
    pytest.mark.holds("appvector", "POST /api/billing/subscription/upgrade/"),
    pytest.mark.holds("appvector", "POST /api/aso/android-details/"),
    pytest.mark.holds("appvector", "POST /api/aso/android-history/"),
    pytest.mark.holds("credibill", "POST /api/subscriptions"),
    pytest.mark.holds("credibill", "PATCH /api/invoices"),
    pytest.mark.holds("credibill", "POST /api/usage"),
    pytest.mark.holds("igny8", "POST /v1/billing/credit-packages/{id}/purchase/"),
    pytest.mark.holds("igny8", "GET /v1/billing/credits/balance/balance/"),
    pytest.mark.holds("igny8", "GET /v1/billing/transactions/"),
    pytest.mark.holds("igny8", "GET /v1/billing/credits/usage/"),
    pytest.mark.holds("igny8", "GET /v1/billing/invoices/"),
    pytest.mark.holds("igny8", "GET /v1/billing/payments/"),
    pytest.mark.holds("igny8", "GET /v1/account/usage/analytics/"),
    pytest.mark.holds("practice", "POST /api/credits/purchase/"),
    pytest.mark.holds("practice", "GET /api/credits/balance/"),
    pytest.mark.holds("practice", "GET /api/credits/transactions/"),
    pytest.mark.holds("account", "GET /auth/account/credits"),
    pytest.mark.holds("account", "GET /auth/account/ledger"),
    pytest.mark.holds("account", "GET /auth/account/summary"),
]


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as google:
        yield google


@pytest.fixture
def stores() -> Iterator[Stores]:
    with Stores() as stores:
        yield stores


@pytest.fixture
def house(server: Any, template: str, google: GoogleDouble, stores: Stores) -> Iterator[House]:
    name = f"tallystick_story_{os.getpid()}"
    ours = {"google_url": google.url, "google_client_ids": (google.client_id,)}
    with housed(server, template, name, **ours, **stores.settings) as house:
        yield house


@pytest.fixture
def story(house: House, google: GoogleDouble, stores: Stores) -> Iterator[Story]:
    """The product has its prices; Ann has signed in with Google for the first time."""
    with house.client("test") as api:
        rates = [{"operation": "sms", "cost": "2"}, {"operation": "voice", "cost": "5"}]
        made(api.send("PUT", "/v2/rate-card", {"rates": rates}), 200, 201)
        for key, credits, price in (("starter", 500, "9.00"), ("practice", 1000, "25.00")):
            body = {"key": key, "name": f"{key.title()} Pack", "credits": credits}
            made(api.post("/v2/packages", body | {"price": {"amount": price, "currency": "USD"}}))
        with house.client(None) as nobody:
            app = f"{typeid('app', house.first.app.id)}:test"
            answer = nobody.http.post(
                "/api/auth/google/", json={"access_token": google.token()}, headers={"X-App": app}
            )
        assert answer.status_code == 201, answer.text
        signed = hold(answer)
        with house.client(signed["access"]) as user:
            user.http.headers["Content-Type"] = "application/json"
            assert told(user, "/api/me/")["id"] == signed["user"]["id"]
            [account] = api.get("/v2/accounts").json()["data"]
            yield Story(api, user, account["id"], stores=stores)


def test_one_story_told_by_all(story: Story) -> None:
    assert story.agree() == []
    subscription = subscribe_in_credibill(story)
    buy_in_igny8(story)
    buy_in_practice(story)
    use_what_was_bought(story, subscription)
    hold_capture_and_release(story)
    undo(story)
    let_time_pass(story, subscription)
    use_credits_in_appvector(story)
    upgrade_in_appvector(story, subscription)
    watch_an_app(story)
    story.metered(subscription, story.agree())


def subscribe_in_credibill(story: Story) -> str:
    """A plan with an allowance, whose messages debit credits: they come when the first invoice is paid."""
    plan = made(
        story.api.post(
            "/v2/plans",
            {
                "name": "Clinic",
                "tier": "STARTER",
                "rank": 1,
                "interval": "monthly",
                "currency": "USD",
                "components": [{"key": "base", "kind": "flat", "amount": "29.00"}],
                "allowances": [{"amount": 100}],
                "debits": {"messages": "sms"},
            },
        )
    )
    body = {"customerId": story.account, "planId": plan["id"]}
    with story.step():
        subscription = str(hold(story.api.post("/api/subscriptions", body))["subscriptionId"])
        assert told(story.user, "/auth/account/summary")["subscription"]["status"] == "incomplete"
    [invoice] = told(story.api, "/api/invoices", customerId=story.account)["invoices"]
    with story.step(("subscription", "100")):
        paying = {"invoiceId": invoice["_id"], "status": "paid", "amountPaid": 2900}
        assert hold(story.api.send("PATCH", "/api/invoices", paying))["success"] is True
    assert told(story.user, "/auth/account/summary")["subscription"]["status"] == "active"

    def planned() -> int:
        return int(told(story.user, "/v1/billing/credits/balance/balance/")["data"]["plan_credits_per_month"])

    assert within(30, lambda: planned() == 100), "remembered for a second"
    [shown] = told(story.user, "/v1/billing/invoices/")["results"]
    assert (shown["invoice_number"], shown["status"]) == (invoice["invoiceNumber"], "paid")
    assert shown["total_amount"] == "29.00"
    return subscription


def buy_in_igny8(story: Story) -> None:
    """A page first, and the credits with its payment; then a card that is kept, at once."""
    path = f"/v1/billing/credit-packages/{story.package('Starter Pack')}/purchase/"
    with story.step():
        bought = purchased(story.user.http.post(path, json={}))
        assert (bought["status"], bought["next_action"]["type"]) == ("pending", "redirect")
    with story.step(("purchase", "500")):
        story.pay(bought["next_action"]["url"], "4242")
    with story.step():
        method_of(story.api, story.account)
    with story.step(("purchase", "500")):
        again = purchased(story.user.http.post(path, json={}))
        assert (again["status"], again["credit_amount"], again["total_amount"]) == ("paid", 500, "9.00")
    payments = told(story.user, "/v1/billing/payments/")["results"]
    assert [(one["amount"], one["status"]) for one in payments[:2]] == [("9.00", "succeeded")] * 2
    # the same invoices, the newest first, in the contract that has other words for them
    numbers = [one["invoice_number"] for one in told(story.user, "/v1/billing/invoices/")["results"]]
    others = told(story.api, "/api/invoices", customerId=story.account)["invoices"]
    assert sorted(numbers) == sorted(one["invoiceNumber"] for one in others)


def buy_in_practice(story: Story) -> None:
    body = {
        "practice_id": story.number,
        "package_id": story.package("Practice Pack"),
        "payment_method": {"type": "credit_card", "last_four": "0002"},
    }
    with story.step():  # declined: nothing came, and nothing is told of it
        assert hold(story.user.post("/api/credits/purchase/", body))["status"] == "fail"
    body["payment_method"] = {"type": "credit_card", "last_four": "4242"}
    with story.step(("purchase", "1000")):
        bought = hold(story.user.post("/api/credits/purchase/", body))
    assert (bought["status"], bought["credits_added"], bought["new_balance"]) == ("success", 1000, 2100)
    newest = told(story.api, "/api/credits/transactions/", practice_id=story.number)["transactions"][0]
    assert newest["package"] == {"id": body["package_id"], "name": "Practice Pack"}


def use_what_was_bought(story: Story, subscription: str) -> None:
    """Metered in credibill, by operation and by amount natively; half credits show as what whole ones become."""
    event = {"subscriptionId": subscription, "quantity": 7, "metric": "messages", "eventId": "campaign-1"}
    with story.step(("deduction", "-14")):
        assert hold(story.api.post("/api/usage", event))["duplicate"] is False
        assert hold(story.api.post("/api/usage", event))["duplicate"] is True
    story.metered(subscription, story.agree())
    with story.step(("deduction", "-6"), ("deduction", "-10")):
        story.debit(operation="sms", quantity=3, reference="bulk_campaign_123")
        story.debit(operation="voice", quantity=2)
    with story.step(("deduction", "-1.5")):
        story.debit(amount="1.5", description="One and a half")
    assert [story.rows()[0].whole, story.rows()[0].after] == [-2, 2068]
    with story.step(("deduction", "-1.5")):
        story.debit(amount="1.5", metadata={"cost_usd": "0.015"})
    assert [story.rows()[0].whole, story.rows()[0].after] == [-1, 2067]
    with story.step():
        too_much = story.api.post("/v2/debits", {"account": story.account, "amount": "2067.000001"})
        assert too_much.status_code == 402
        body = {"subscriptionId": subscription, "quantity": 1_000_000, "metric": "messages"}
        refused = story.api.post("/api/usage", body)
        assert (refused.status_code, list(hold(refused))) == (402, ["error"])


def hold_capture_and_release(story: Story) -> None:
    """What is held is not there to spend, and is told nowhere as used."""
    with story.step():
        work, idle = story.hold(40), story.hold(25)
    assert told(story.user, "/v1/billing/credits/balance/balance/")["data"]["credits"] == 2067 - 65
    with story.step(("deduction", "-12.25")):
        made(story.api.post(f"/v2/holds/{work}/capture", {"amount": "12.25", "final": True}), 200, 201)
    with story.step():
        made(story.api.post(f"/v2/holds/{idle}/release", {}), 200, 201)


def undo(story: Story) -> None:
    """Money back and its credits; a debit reversed; a correction; some given to somebody else, some as a gift."""
    payments = story.api.get("/v2/payments", account=story.account, status="succeeded").json()["data"]
    starter = next(one for one in payments if Decimal(one["amount"]["amount"]) in (Decimal(900), Decimal(9)))
    with story.step(("refund", "-250")):
        made(story.api.post("/v2/refunds", {"payment": starter["id"], "amount": "4.50"}))
    undone = story.debit(amount=8)
    with story.step(("refund", "8")):
        made(story.api.post(f"/v2/entries/{undone['entry']}/reverse", {"reason": "The job failed"}))
    of = {"account": story.account}
    with story.step(("adjustment", "-0.75"), ("adjustment", "0.5")):
        body = of | {"direction": "debit", "amount": "0.75", "reason": "Counted twice"}
        made(story.api.post("/v2/adjustments", body))
        made(story.api.post("/v2/adjustments", body | {"direction": "credit", "amount": "0.5"}))
    other = story.api.account(name="Another")
    with story.step(("adjustment", "-30")):
        made(story.api.post("/v2/transfers", {"from": story.account, "to": other, "amount": 30}))
    with story.step(("grant", "20")):
        made(story.api.post("/v2/grants", of | {"amount": 20, "source": "bonus"}))


def let_time_pass(story: Story, subscription: str) -> None:
    """A promotion expires; a month later the allowance does, and comes anew when the kept card has paid for it."""
    now = datetime.fromisoformat(story.api.get("/v2/test-clock").json()["now"])
    gift = {"account": story.account, "amount": "10.5", "source": "promo", "priority": 90}
    with story.step(("grant", "10.5")):
        made(story.api.post("/v2/grants", gift | {"expires_at": (now + timedelta(days=2)).isoformat()}))
    with story.step(("expiry", "-10.5")):
        story.later("P3D")
    before = story.agree()
    story.later("P1M")
    came = story.since(before)
    assert ("subscription", "100") in came, came
    assert told(story.user, "/auth/account/summary")["subscription"]["status"] == "active"
    body = {"subscriptionId": subscription, "quantity": 1, "metric": "messages"}
    with story.step(("deduction", "-2")):
        hold(story.api.post("/api/usage", body))
