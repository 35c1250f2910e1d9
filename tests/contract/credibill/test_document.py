"""credibill.txt, example by example, against the running server: names, types, values and statuses literally."""

import json
import re
import subprocess
from typing import Any

import pytest

from tests.contract.conformance.published import example
from tests.contract.served import Api, House

from .conftest import Product, done, error, made

pytestmark = pytest.mark.holds(
    "credibill",
    "POST /api/usage",
    "POST /api/customers",
    "GET /api/customers",
    "POST /api/subscriptions",
    "GET /api/subscriptions",
    "DELETE /api/subscriptions",
    "POST /api/plans",
    "GET /api/plans",
    "PATCH /api/plans",
    "DELETE /api/plans",
    "GET /api/invoices",
    "PATCH /api/invoices",
)

# the bodies of the document's requests
USAGE = example("credibill", "POST /api/usage", "request")
CUSTOMER = example("credibill", "POST /api/customers", "request")
SUBSCRIPTION = example("credibill", "POST /api/subscriptions", "request")
PLAN = example("credibill", "POST /api/plans", "request")
PLAN_CHANGES = example("credibill", "PATCH /api/plans", "request")
INVOICE_CHANGES = example("credibill", "PATCH /api/invoices", "request")
CURL = """
curl -X POST https://giant-goldfish-922.convex.site/api/customers \\
  -H "Authorization: Bearer cb_live_your_api_key" \\
  -H "Content-Type: application/json" \\
  -d '{
    "email": "test@example.com",
    "first_name": "Test",
    "last_name": "User"
  }'
"""

COMMON = ["_id", "_creationTime", "organizationId", "appId"]
CUSTOMER_FIELDS = [
    *COMMON, "email", "first_name", "last_name", "phone", "externalCustomerId", "type", "status", "metadata",
    "hasUsedTrial", "firstTrialDate",
]  # fmt: skip
PLAN_FIELDS = [
    *COMMON, "name", "description", "pricingModel", "baseAmount", "currency", "interval", "trialDays", "usageMetric",
    "unitPrice", "freeUnits", "status", "mode",
]  # fmt: skip
SUBSCRIPTION_FIELDS = [
    *COMMON, "customerId", "planId", "planSnapshot", "status", "startDate", "currentPeriodStart", "currentPeriodEnd",
    "cancelAtPeriodEnd", "usageQuantity", "usageAmount", "trialEndsAt", "lastPaymentDate", "failedPaymentAttempts",
]  # fmt: skip
INVOICE_FIELDS = [
    *COMMON, "customerId", "subscriptionId", "invoiceNumber", "currency", "amountDue", "amountPaid", "status",
    "periodStart", "periodEnd", "dueDate", "metadata", "lineItems",
]  # fmt: skip
EVENT_FIELDS = [
    *COMMON,
    "customerId",
    "subscriptionId",
    "quantity",
    "metric",
    "timestamp",
    "eventId",
    "metadata",
]
LINE_FIELDS = ["description", "quantity", "unitAmount", "totalAmount", "type"]


def said(text: str, **ids: Any) -> str:
    """The document's body with ids that there are."""
    return json.dumps(json.loads(text) | ids)


def test_every_example_in_the_documents_order(writer: Api, product: Product) -> None:
    # Create Plan, Create Customer, Create Subscription
    plan = made(writer.post("/api/plans", PLAN), "planId")
    customer = made(writer.post("/api/customers", CUSTOMER), "customerId")
    subscription = made(
        writer.post("/api/subscriptions", said(SUBSCRIPTION, customerId=customer, planId=plan)),
        "subscriptionId",
    )
    [invoice] = product.invoices(subscriptionId=subscription)
    assert (invoice["amountDue"], invoice["status"]) == (5000, "pending")
    done(
        writer.send("PATCH", "/api/invoices", said(INVOICE_CHANGES, invoiceId=invoice["_id"])),
        "Invoice updated",
    )

    # Record Usage Event, and the same again
    event = writer.post("/api/usage", said(USAGE, subscriptionId=subscription))
    assert event.status_code == 201
    body = event.json()
    assert list(body) == ["success", "usageEventId", "duplicate"]
    assert (body["success"], body["duplicate"]) == (True, False)
    again = writer.post("/api/usage", said(USAGE, subscriptionId=subscription))
    assert again.status_code == 200
    assert again.json() == {**body, "duplicate": True}

    # List Customers, Get Customer
    listed = writer.get("/api/customers").json()
    assert list(listed) == ["customers"]
    [one] = [row for row in listed["customers"] if row["_id"] == customer]
    assert list(one) == CUSTOMER_FIELDS
    got = writer.get("/api/customers", customerId=customer).json()
    assert list(got) == ["customer"]
    assert list(got["customer"]) == [*CUSTOMER_FIELDS, "subscriptions", "invoices"]
    sent = json.loads(CUSTOMER)
    for shown in (one, got["customer"]):
        assert {name: shown[name] for name in sent} == sent
        assert (shown["hasUsedTrial"], shown["firstTrialDate"]) == (False, None)
    assert [list(row) for row in got["customer"]["subscriptions"]] == [[*SUBSCRIPTION_FIELDS, "plan"]]
    assert [list(row) for row in got["customer"]["invoices"]] == [INVOICE_FIELDS]

    # List Subscriptions with each filter, Get Subscription
    filters: list[dict[str, str]] = [{}, {"customerId": customer}, {"planId": plan}, {"status": "active"}]
    for query in filters:
        listed = writer.get("/api/subscriptions", **query).json()
        assert list(listed) == ["subscriptions"]
        [one] = [row for row in listed["subscriptions"] if row["_id"] == subscription]
        assert list(one) == [*SUBSCRIPTION_FIELDS, "customer", "plan"]
        assert list(one["customer"]) == CUSTOMER_FIELDS
        assert list(one["plan"]) == list(one["planSnapshot"]) == PLAN_FIELDS
        assert (one["startDate"], one["status"]) == (1704067200000, "active")
    got = writer.get("/api/subscriptions", subscriptionId=subscription).json()
    assert list(got) == ["subscription"]
    one = got["subscription"]
    assert list(one) == [*SUBSCRIPTION_FIELDS, "customer", "plan", "invoices", "usageEvents"]
    assert (one["customerId"], one["planId"]) == (customer, plan)
    assert (one["usageQuantity"], one["usageAmount"]) == (100, 0)
    assert [row["_id"] for row in one["invoices"]] == [invoice["_id"]]
    [shown] = one["usageEvents"]
    assert list(shown) == EVENT_FIELDS
    sent = json.loads(USAGE)
    assert {name: shown[name] for name in sent} == {**sent, "subscriptionId": subscription}
    assert shown["_id"] == body["usageEventId"]

    # List Plans, Update Plan
    listed = writer.get("/api/plans").json()
    assert list(listed) == ["plans"]
    [one] = [row for row in listed["plans"] if row["_id"] == plan]
    assert list(one) == PLAN_FIELDS
    sent = json.loads(PLAN)
    assert {name: one[name] for name in sent} == sent
    done(writer.send("PATCH", "/api/plans", said(PLAN_CHANGES, planId=plan)), "Plan updated")
    changed = product.get_plan(plan)
    assert changed == {**one, "name": "Professional Plan (Updated)", "baseAmount": 6000}

    # Cancel Subscription at period end, then at once; Delete Plan
    query_string = f"/api/subscriptions?subscriptionId={subscription}"
    done(writer.send("DELETE", query_string + "&cancelAtPeriodEnd=true"), "Subscription cancelled")
    one = product.get_subscription(subscription)
    assert (one["status"], one["cancelAtPeriodEnd"]) == ("active", True)
    error(
        writer.send("DELETE", f"/api/plans?planId={plan}"),
        409,
        "Cannot delete plans with active subscriptions; archive them instead",
    )
    done(writer.send("DELETE", query_string), "Subscription cancelled")
    assert product.get_subscription(subscription)["status"] == "cancelled"
    done(writer.send("DELETE", f"/api/plans?planId={plan}"), "Plan deleted")
    assert all(row["_id"] != plan for row in writer.get("/api/plans").json()["plans"])


def test_every_example_of_invoices(writer: Api, product: Product) -> None:
    customer, plan = product.customer(), product.plan(name="Flat", baseAmount=5000)
    subscription = product.subscription(customer, plan)
    assert product.get_subscription(subscription)["status"] == "pending_payment"

    # List Invoices with each filter, Get Invoice
    for query in ({}, {"customerId": customer}, {"subscriptionId": subscription}, {"status": "pending"}):
        listed = writer.get("/api/invoices", **query).json()
        assert list(listed) == ["invoices"]
        [one] = [row for row in listed["invoices"] if row["subscriptionId"] == subscription]
        assert list(one) == [*INVOICE_FIELDS, "customer", "subscription"]
        assert list(one["customer"]) == CUSTOMER_FIELDS
        assert list(one["subscription"]) == SUBSCRIPTION_FIELDS
    assert re.fullmatch(r"INV-\d{4}-\d{3,}", one["invoiceNumber"])
    assert (one["status"], one["currency"], one["amountDue"], one["amountPaid"]) == (
        "pending",
        "UGX",
        5000,
        0,
    )
    [line] = one["lineItems"]
    assert line == {
        "description": "Flat",
        "quantity": 1,
        "unitAmount": 5000,
        "totalAmount": 5000,
        "type": "plan",
    }
    assert list(line) == LINE_FIELDS
    got = writer.get("/api/invoices", invoiceId=one["_id"]).json()
    assert list(got) == ["invoice"]
    assert got["invoice"] == one

    # Update Invoice Status
    done(
        writer.send("PATCH", "/api/invoices", said(INVOICE_CHANGES, invoiceId=one["_id"])), "Invoice updated"
    )
    paid = product.get_invoice(one["_id"])
    assert (paid["status"], paid["amountPaid"]) == ("paid", 5000)
    [listed_paid] = [row for row in product.invoices(status="paid") if row["_id"] == one["_id"]]
    assert listed_paid["status"] == "paid"
    held = product.get_subscription(subscription)
    assert (held["status"], held["lastPaymentDate"]) == ("active", 1704067200000)
    assert [row["_id"] for row in held["invoices"]] == [one["_id"]]
    assert list(held["invoices"][0]) == INVOICE_FIELDS


@pytest.mark.parametrize("interval", ["monthly", "quarterly", "yearly", "one-time"])
def test_intervals(product: Product, interval: str) -> None:
    plan = product.get_plan(product.plan(interval=interval))
    assert plan["interval"] == interval


@pytest.mark.parametrize(
    ("model", "needs"),
    [
        ("flat", ["baseAmount"]),
        ("usage", ["usageMetric", "unitPrice"]),
        ("hybrid", ["baseAmount", "usageMetric", "unitPrice"]),
    ],
)
def test_pricing_models(writer: Api, product: Product, model: str, needs: list[str]) -> None:
    whole = {name: value for name, value in json.loads(PLAN).items() if name != "freeUnits"}
    plan = product.get_plan(made(writer.post("/api/plans", whole | {"pricingModel": model}), "planId"))
    assert plan["pricingModel"] == model
    all_fields = ["baseAmount", "usageMetric", "unitPrice", "freeUnits"]
    expected = {
        name: whole.get(name, 0) if name in needs or name == "freeUnits" else None for name in all_fields
    }
    if model == "flat":
        expected["freeUnits"] = None
    assert {name: plan[name] for name in all_fields} == expected
    bare = {name: value for name, value in whole.items() if name not in all_fields} | {"pricingModel": model}
    error(writer.post("/api/plans", bare), 400, "Missing required fields: " + ", ".join(needs))


def test_the_curl_example(house: House, product: Product) -> None:
    command = CURL.replace("https://giant-goldfish-922.convex.site", house.url)
    command = command.replace("cb_live_your_api_key", house.keys["write"]).replace(
        "curl", "/usr/bin/curl -s", 1
    )
    answered = subprocess.run(["bash", "-c", command], capture_output=True, check=True, timeout=30)
    body = json.loads(answered.stdout)
    assert list(body) == ["success", "customerId"]
    shown = product.get_customer(body["customerId"])
    assert (shown["email"], shown["first_name"], shown["last_name"]) == ("test@example.com", "Test", "User")


def test_the_example_error(nobody: Api) -> None:
    assert nobody.get("/api/customers").text == '{"error":"Missing or invalid Authorization header"}'


def test_test_keys_have_the_documents_prefix(house: House) -> None:
    assert house.keys["write"].startswith("cb_live_")
    assert house.keys["test"].startswith("cb_test_")
