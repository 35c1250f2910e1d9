"""/api/subscriptions"""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tests.contract.served import Api, House

from .conftest import Product, done, error

pytestmark = pytest.mark.holds(
    "credibill", "POST /api/subscriptions", "GET /api/subscriptions", "DELETE /api/subscriptions"
)

DAY = 86_400_000


def now() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def test_without_a_trial_it_waits_for_its_payment(product: Product) -> None:
    before = now()
    subscription = product.subscription(plan=product.plan(baseAmount=700))
    held = product.get_subscription(subscription)
    assert (held["status"], held["trialEndsAt"], held["lastPaymentDate"]) == ("pending_payment", None, None)
    assert before - 1000 <= held["startDate"] <= now()
    assert held["currentPeriodStart"] == held["startDate"]
    [invoice] = held["invoices"]
    assert (invoice["status"], invoice["amountDue"]) == ("pending", 700)
    assert (invoice["periodStart"], invoice["periodEnd"]) == (
        held["currentPeriodStart"],
        held["currentPeriodEnd"],
    )
    done(product.pay(invoice["_id"]), "Invoice updated")
    paid = product.get_subscription(subscription)
    assert paid["status"] == "active"
    for name in ("startDate", "currentPeriodStart", "currentPeriodEnd"):
        assert paid[name] == held[name]  # payment does not move the period


def test_what_costs_nothing_is_active_at_once(product: Product) -> None:
    usage = product.plan(pricingModel="usage", usageMetric="m", unitPrice=1)
    for plan in (product.plan(baseAmount=0), usage):
        held = product.get_subscription(product.subscription(plan=plan))
        assert (held["status"], held["invoices"]) == ("active", [])


def test_one_trial_a_customer(writer: Api, product: Product) -> None:
    customer, plan = product.customer(), product.plan(trialDays=3)
    first = product.subscription(customer, plan)
    assert product.get_subscription(first)["status"] == "trialing"
    writer.send("DELETE", f"/api/subscriptions?subscriptionId={first}")
    second = product.get_subscription(product.subscription(customer, plan))
    assert (second["status"], second["trialEndsAt"]) == ("pending_payment", None)


def test_one_recurring_subscription_a_customer(writer: Api, product: Product) -> None:
    customer, plan = product.customer(), product.plan()
    product.subscription(customer, plan)
    body = {"customerId": customer, "planId": plan}
    error(writer.post("/api/subscriptions", body), 409, "The customer has a subscription")
    once = product.get_subscription(product.subscription(customer, product.plan(interval="one-time")))
    assert (once["currentPeriodEnd"], once["plan"]["interval"]) == (None, "one-time")


def test_a_start_in_the_past_is_the_anchor(product: Product) -> None:
    """Nothing is billed for the past: the first period is the one that contains now."""
    start = datetime(2024, 1, 31, 12, tzinfo=UTC)
    milliseconds = int(start.timestamp() * 1000)
    held = product.get_subscription(product.subscription(startDate=milliseconds))
    assert held["startDate"] == milliseconds
    first, end = (
        datetime.fromtimestamp(held[name] / 1000, UTC) for name in ("currentPeriodStart", "currentPeriodEnd")
    )
    present = datetime.now(UTC)
    assert first <= present < end
    for edge in (first, end):
        following = (edge + timedelta(days=1)).month != edge.month
        assert edge.day == 31 or (edge.day < 31 and following), edge  # the 31st, or the month's last day
        assert (edge.hour, edge.minute) == (12, 0)
    assert len(held["invoices"]) == 1


def test_a_start_to_come_waits(writer: Api, product: Product) -> None:
    start = (now() + 10 * DAY) // 1000 * 1000
    subscription = product.subscription(startDate=start)
    held = product.get_subscription(subscription)
    assert (held["status"], held["startDate"], held["invoices"]) == ("pending_payment", start, [])
    assert (held["currentPeriodStart"], held["currentPeriodEnd"]) == (None, None)
    assert (held["usageQuantity"], held["usageAmount"]) == (0, 0)
    done(writer.send("DELETE", f"/api/subscriptions?subscriptionId={subscription}"), "Subscription cancelled")


@pytest.mark.parametrize("start", [0, 32_503_680_000_000, 4_102_444_800_000])
def test_starts_that_nobody_means(writer: Api, product: Product, start: int) -> None:
    body = {"customerId": product.customer(), "planId": product.plan(), "startDate": start}
    error(writer.post("/api/subscriptions", body), 400, "startDate must be within ten years")


def test_an_archived_plan_takes_nobody(writer: Api, product: Product) -> None:
    body = {"customerId": product.customer(), "planId": product.plan(status="archived")}
    error(writer.post("/api/subscriptions", body), 409)


def test_a_blocked_customer(writer: Api, product: Product) -> None:
    body = {"customerId": product.customer(status="blocked"), "planId": product.plan()}
    error(writer.post("/api/subscriptions", body), 409, "The customer is blocked")


def test_cancel_at_once_bills_what_was_used(writer: Api, product: Product) -> None:
    subscription = product.active(freeUnits=0, unitPrice=3)
    product.use(subscription, 7)
    address = f"/api/subscriptions?subscriptionId={subscription}"
    done(writer.send("DELETE", address), "Subscription cancelled")
    held = product.get_subscription(subscription)
    assert (held["status"], held["cancelAtPeriodEnd"]) == ("cancelled", False)
    last = held["invoices"][0]
    assert (last["status"], last["amountDue"]) == ("pending", 21)
    assert [line["type"] for line in last["lineItems"]] == ["usage"]
    assert (last["lineItems"][0]["quantity"], last["lineItems"][0]["unitAmount"]) == (7, 3)
    error(writer.send("DELETE", address), 409, "The subscription has ended")
    error(writer.send("DELETE", address + "&cancelAtPeriodEnd=true"), 409, "The subscription has ended")


@pytest.mark.parametrize(("word", "at_end"), [("true", True), ("false", False)])
def test_cancel_at_period_end(writer: Api, product: Product, word: str, at_end: bool) -> None:
    subscription = product.active()
    address = f"/api/subscriptions?subscriptionId={subscription}&cancelAtPeriodEnd={word}"
    done(writer.send("DELETE", address), "Subscription cancelled")
    held = product.get_subscription(subscription)
    assert (held["status"], held["cancelAtPeriodEnd"]) == ("active" if at_end else "cancelled", at_end)
    if at_end:
        done(writer.send("DELETE", address), "Subscription cancelled")  # again: as it is
        done(writer.send("DELETE", address.replace("true", "false")), "Subscription cancelled")
        assert product.get_subscription(subscription)["status"] == "cancelled"


@pytest.mark.parametrize("word", ["", "True", "1", "yes", "on"])
def test_words_that_are_neither_true_nor_false(writer: Api, product: Product, word: str) -> None:
    subscription = product.subscription()
    answer = writer.http.delete(
        "/api/subscriptions", params={"subscriptionId": subscription, "cancelAtPeriodEnd": word}
    )
    error(answer, 400, "cancelAtPeriodEnd must be one of true, false")
    assert product.get_subscription(subscription)["status"] == "pending_payment"


def test_which_to_cancel_must_be_said(writer: Api) -> None:
    error(writer.send("DELETE", "/api/subscriptions"), 400, "Missing required fields: subscriptionId")


def test_filters(writer: Api, product: Product) -> None:
    plan = product.plan()
    customers = [product.customer() for _ in range(3)]
    held = [product.subscription(customer, plan) for customer in customers]
    writer.send("DELETE", f"/api/subscriptions?subscriptionId={held[2]}")

    def found(**query: str) -> list[str]:
        answer = writer.get("/api/subscriptions", **query)
        assert answer.status_code == 200, answer.text
        return [row["_id"] for row in answer.json()["subscriptions"] if row["_id"] in held]

    assert found() == held[::-1]
    assert found(planId=plan) == held[::-1]
    assert found(customerId=customers[1]) == [held[1]]
    assert found(planId=plan, status="pending_payment") == [held[1], held[0]]
    assert found(planId=plan, status="cancelled") == [held[2]]
    assert found(customerId=customers[2], status="cancelled") == [held[2]]
    assert found(customerId=customers[2], status="active") == []
    assert found(planId=product.plan()) == []
    for status in ("trialing", "paused", "past_due", "active"):
        assert found(planId=plan, status=status) == []
    for status in ("", "incomplete", "ended", "expired", "Active"):
        said = "status must be one of pending_payment, trialing, active, past_due, paused, cancelled"
        error(writer.get("/api/subscriptions", status=status), 400, said)
    error(writer.get("/api/subscriptions", subscriptionId=held[0], status="active"), 400)


def test_pages(writer: Api, house: House, product: Product) -> None:
    """Also where two inner states are one here: those that were cancelled, and those that ended."""
    plan = product.plan()
    held = [product.subscription(plan=plan) for _ in range(5)]
    for n, subscription in enumerate(held):
        if n % 2:
            writer.send("DELETE", f"/api/subscriptions?subscriptionId={subscription}")
        else:
            [invoice] = product.invoices(subscriptionId=subscription)
            body = {"invoiceId": invoice["_id"], "status": "void"}
            done(writer.send("PATCH", "/api/invoices", body), "Invoice updated")
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        query = {"planId": plan, "status": "cancelled", "limit": "2", **cursor}
        page = writer.get("/api/subscriptions", **query).json()
        seen += [row["_id"] for row in page["subscriptions"]]
        if "nextCursor" not in page:
            break
        cursor = {"cursor": page["nextCursor"]}
    assert seen == held[::-1]


def test_64_at_once_make_one(house: House, product: Product) -> None:
    customer, plan = product.customer(), product.plan()
    body = json.dumps({"customerId": customer, "planId": plan})

    async def all_at_once(client: httpx2.AsyncClient) -> list[int]:
        answers = await asyncio.gather(*(client.post("/api/subscriptions", content=body) for _ in range(64)))
        return [answer.status_code for answer in answers]

    statuses = house.together(all_at_once, "write")
    assert statuses.count(201) == 1
    assert set(statuses) <= {201, 409, 503}
    assert len(product.get_customer(customer)["subscriptions"]) == 1
    assert len(product.invoices(customerId=customer)) == 1
