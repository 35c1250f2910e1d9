"""What time brings, in test mode by its clock: each state as this contract names it, and what is invoiced."""

from typing import Any

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api

from .conftest import Product, done, error

DAY = 86_400_000


@pytest.fixture
def test_product(test_mode: Api) -> Product:
    return Product(test_mode)


def advance(api: Api, by: str) -> None:
    answer = api.post("/v2/test-clock/advance", {"by": by})
    assert answer.status_code == 200, answer.text


def state(product: Product, subscription: str) -> dict[str, Any]:
    answer = product.api.get("/api/subscriptions", subscriptionId=subscription)
    hold(answer)
    return dict(answer.json()["subscription"])


def test_a_trial_and_the_month_after_it(test_product: Product) -> None:
    product, api = test_product, test_product.api
    plan = product.metered(trialDays=14, baseAmount=5000, unitPrice=10, freeUnits=1000)
    subscription = product.subscription(plan=plan)
    held = state(product, subscription)
    assert (held["status"], held["invoices"]) == ("trialing", [])
    assert held["currentPeriodEnd"] == held["trialEndsAt"] == held["startDate"] + 14 * DAY

    advance(api, "P14D")
    held = state(product, subscription)
    assert (held["status"], held["currentPeriodStart"]) == ("active", held["trialEndsAt"])
    [first] = held["invoices"]
    assert (first["status"], first["amountDue"]) == ("pending", 5000)
    done(product.pay(first["_id"]), "Invoice updated")

    product.use(subscription, 1234.5)
    held = state(product, subscription)
    assert (held["usageQuantity"], held["usageAmount"]) == (1234.5, 2345)
    api.send("PATCH", "/api/plans", {"planId": plan, "unitPrice": 99, "baseAmount": 1})
    advance(api, "P1M")
    after = state(product, subscription)
    assert after["currentPeriodStart"] == held["currentPeriodEnd"]
    assert (after["usageQuantity"], after["usageAmount"]) == (0, 0)
    second = after["invoices"][0]
    assert second["amountDue"] == sum(line["totalAmount"] for line in second["lineItems"]) == 7345
    lines = {line["type"]: line for line in second["lineItems"]}
    assert lines["plan"]["totalAmount"] == 5000
    usage = {name: lines["usage"][name] for name in ("quantity", "unitAmount", "totalAmount")}
    assert usage == {"quantity": 234.5, "unitAmount": 10, "totalAmount": 2345}


def test_an_unpaid_renewal(test_product: Product) -> None:
    product, api = test_product, test_product.api
    subscription = product.active()
    advance(api, "P1M")
    assert state(product, subscription)["status"] == "active"
    advance(api, "P2D")
    held = state(product, subscription)
    assert held["status"] == "past_due"
    rows = api.get("/api/subscriptions", status="past_due").json()["subscriptions"]
    assert subscription in [row["_id"] for row in rows]
    [unpaid] = product.invoices(subscriptionId=subscription, status="pending")
    done(product.pay(unpaid["_id"]), "Invoice updated")
    assert state(product, subscription)["status"] == "active"


def test_the_end_of_a_cancelled_period(test_product: Product) -> None:
    product, api = test_product, test_product.api
    subscription = product.active()
    address = f"/api/subscriptions?subscriptionId={subscription}&cancelAtPeriodEnd=true"
    done(api.send("DELETE", address), "Subscription cancelled")
    advance(api, "P1M")
    assert state(product, subscription)["status"] == "cancelled"
    error(product.use(subscription), 409, "The subscription has ended")
    error(api.send("DELETE", address), 409, "The subscription has ended")


def test_a_start_that_comes(test_product: Product) -> None:
    product, api = test_product, test_product.api
    now = state(product, product.active())["startDate"]
    subscription = product.subscription(startDate=now + 10 * DAY)
    assert state(product, subscription)["invoices"] == []
    advance(api, "P11D")
    held = state(product, subscription)
    assert (held["status"], held["currentPeriodStart"]) == ("pending_payment", now + 10 * DAY)
    [invoice] = held["invoices"]
    done(product.pay(invoice["_id"]), "Invoice updated")
    assert state(product, subscription)["status"] == "active"


def test_a_paused_subscription(test_product: Product) -> None:
    product, api = test_product, test_product.api
    subscription = product.active()
    paused = api.post(f"/v2/subscriptions/{subscription}/pause", {})
    assert paused.status_code == 200, paused.text
    assert state(product, subscription)["status"] == "paused"
    rows = api.get("/api/subscriptions", status="paused").json()["subscriptions"]
    assert [row["_id"] for row in rows] == [subscription]


def test_a_renewals_night_in_lists(test_product: Product) -> None:
    """Every list fits the document in whatever state the year left its rows."""
    product, api = test_product, test_product.api
    for interval in ("monthly", "quarterly", "yearly"):
        product.active(interval=interval)
    advance(api, "P1Y")
    for path in ("/api/customers", "/api/subscriptions", "/api/plans", "/api/invoices"):
        answer = api.get(path)
        assert answer.status_code == 200
        hold(answer)
    numbers = [row["invoiceNumber"] for row in product.invoices()]
    assert len(set(numbers)) == len(numbers)
