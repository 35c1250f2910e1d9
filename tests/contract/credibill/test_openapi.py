"""The OpenAPI document, the contract, the code's forms and shapes, and the running server say the same."""

import json
from typing import Any

import msgspec
import pytest

from tallystick.dialects.credibill import bodies, routes, shapes
from tests.contract.conformance.holding import hold
from tests.contract.served import Api

from .conftest import CONTRACT, DOCUMENT, Product

SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]
FORMS: dict[str, type[msgspec.Struct]] = {
    "UsageInput": bodies.Usage,
    "CustomerInput": bodies.NewCustomer,
    "CustomerChanges": bodies.CustomerPatch,
    "SubscriptionInput": bodies.NewSubscription,
    "PlanInput": bodies.NewPlan,
    "PlanChanges": bodies.PlanPatch,
    "InvoiceChanges": bodies.InvoicePatch,
}
SHAPES: dict[str, type[msgspec.Struct]] = {
    "UsageRecorded": shapes.UsageRecorded,
    "UsageEvent": shapes.UsageEvent,
    "Customer": shapes.Customer,
    "CustomerDetail": shapes.WholeCustomer,
    "SubscriptionOfCustomer": shapes.CustomersSubscription,
    "SubscriptionListed": shapes.ListedSubscription,
    "SubscriptionDetail": shapes.WholeSubscription,
    "Subscription": shapes.Subscription,
    "Plan": shapes.Plan,
    "LineItem": shapes.LineItem,
    "Invoice": shapes.Invoice,
    "InvoiceDetail": shapes.ListedInvoice,
}


def resolved(schema: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """All properties of a schema and what it requires, through `$ref` and `allOf`."""
    if "$ref" in schema:
        return resolved(SCHEMAS[schema["$ref"].rpartition("/")[2]])
    properties: dict[str, Any] = {}
    required: list[str] = []
    for part in schema.get("allOf", ()):
        more, needed = resolved(part)
        properties |= more
        required += needed
    return properties | schema.get("properties", {}), required + schema.get("required", [])


def test_the_documents_parameters_and_bodies_are_the_routes() -> None:
    rows = {f"{row.method} {row.path}": row for row in routes.ROUTES}
    for one in CONTRACT.operations:
        row = rows.get(one.name)
        in_query = {name for name, said in CONTRACT.parameters(one).items() if said["in"] == "query"}
        assert in_query == (row.query if row else set()), one.name
        assert ("requestBody" in one.said) is (one.method in ("POST", "PATCH")), one.name
    assert tuple(DOCUMENT["paths"]) == routes.PREFIXES


@pytest.mark.parametrize("name", FORMS)
def test_the_documents_bodies_are_the_forms(name: str) -> None:
    schema, fields = SCHEMAS[name], msgspec.structs.fields(FORMS[name])
    assert schema["additionalProperties"] is False
    assert list(schema["properties"]) == [field.encode_name for field in fields]
    assert schema["required"] == [field.encode_name for field in fields if field.required]


@pytest.mark.parametrize("name", SHAPES)
def test_the_documents_objects_are_the_shapes(name: str) -> None:
    properties, required = resolved(SCHEMAS[name])
    fields = [field.encode_name for field in msgspec.structs.fields(SHAPES[name])]
    assert list(properties) == required == fields
    assert SCHEMAS[name].get("unevaluatedProperties", SCHEMAS[name].get("additionalProperties")) is False


def test_the_servers_answers_fit_the_document(writer: Api, product: Product) -> None:
    """Objects of every kind and in every state, as they are listed and got."""
    metered = product.active()
    product.use(metered, 1500.25, eventId="e", metadata={"a": [1, None]})
    product.use(metered, 3, metric="other")
    customer = product.get_subscription(metered)["customerId"]
    product.subscription(customer, product.plan(interval="one-time"))
    trialing = product.subscription(
        plan=product.plan(trialDays=14, pricingModel="usage", usageMetric="m", unitPrice=0.5)
    )
    late = product.subscription(startDate=1_900_000_000_000)
    failed = product.subscription()
    [invoice] = product.invoices(subscriptionId=failed)
    writer.send("PATCH", "/api/invoices", {"invoiceId": invoice["_id"], "status": "failed"})
    gone = product.subscription()
    writer.send("DELETE", f"/api/subscriptions?subscriptionId={gone}")
    product.customer(
        first_name="A", last_name="B", phone="1", externalCustomerId="x", type="business", status="inactive",
        metadata={"a": 1.5},
    )  # fmt: skip
    writer.post("/v2/accounts", {})
    answers = [writer.get(path) for path in list(DOCUMENT["paths"])[1:]]
    answers += [writer.get(path, limit="1") for path in list(DOCUMENT["paths"])[1:]]
    for row in answers[0].json()["customers"]:
        answers.append(writer.get("/api/customers", customerId=row["_id"]))
    for id in (metered, trialing, late, failed, gone):
        answers.append(writer.get("/api/subscriptions", subscriptionId=id))
    for row in product.invoices():
        answers.append(writer.get("/api/invoices", invoiceId=row["_id"]))
    for answer in answers:
        assert answer.status_code == 200
        hold(answer)
        _whole(json.loads(answer.text), "")
    states = {row["status"] for row in writer.get("/api/subscriptions").json()["subscriptions"]}
    assert {"active", "trialing", "pending_payment", "cancelled"} <= states


FRACTIONS = {"quantity", "usageQuantity", "unitPrice", "freeUnits", "unitAmount"}


def _whole(value: Any, name: str) -> None:
    """No number but these is ever written with a point."""
    if isinstance(value, dict):
        for field, inner in value.items():
            if field != "metadata":
                _whole(inner, field)
    elif isinstance(value, list):
        for inner in value:
            _whole(inner, name)
    elif isinstance(value, float):
        assert name in FRACTIONS, name
