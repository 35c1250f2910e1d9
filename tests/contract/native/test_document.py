"""/v2/openapi.json: whole in itself, and true of what receivers of webhooks are sent."""

from collections.abc import Iterator
from typing import Any

from tallystick.domain.events.model import TYPES
from tests.contract.native.payments.paying import bought, invoice, made, method_of
from tests.contract.served import Api

BODY = {"threshold": 50, "amount": 500, "monthly_cap": "100.00"}


def document(api: Api) -> dict[str, Any]:
    return dict(api.get("/v2/openapi.json").json())


def within(value: Any) -> Iterator[Any]:
    yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from within(inner)


def test_every_reference_leads_somewhere(api: Api) -> None:
    told = document(api)
    schemas = {f"#/components/schemas/{name}" for name in told["components"]["schemas"]}
    led = {one["$ref"] for one in within(told) if isinstance(one, dict) and isinstance(one.get("$ref"), str)}
    assert len(led) > 100
    assert led <= schemas
    assert not [name for name in schemas if "." in name]
    tags = {tag["name"] for tag in told["tags"] if tag["description"]}
    assert {tag for path in told["paths"].values() for row in path.values() for tag in row["tags"]} <= tags


def test_a_body_and_its_answer_are_two_things(api: Api) -> None:
    told = document(api)
    for path, rows in told["paths"].items():
        for method, row in rows.items():
            bodies = [content["schema"] for content in row.get("requestBody", {}).get("content", {}).values()]
            answers = [
                content["schema"]
                for status, answer in row["responses"].items()
                for content in answer.get("content", {}).values()
                if status.startswith("2")
            ]
            assert not [body for body in bodies if "$ref" in body and body in answers], (method, path)
    body = told["components"]["schemas"]["PutAutoReload"]
    assert body["required"] == ["threshold"]
    assert "state" not in body["properties"]


def test_answers_name_what_a_word_can_be(api: Api) -> None:
    schemas = document(api)["components"]["schemas"]
    for name, field in (
        ("Checkout", "kind"), ("Checkout", "status"), ("Payment", "cause"), ("Payment", "status"), ("Refund", "cause"),
        ("Refund", "status"), ("Refund", "credits"), ("Dispute", "status"), ("Dispute", "policy"),
        ("Invoice", "status"), ("Invoice", "reason"), ("Subscription", "status"), ("AutoReload", "state"),
        ("Reload", "status"), ("WebhookDelivery", "status"), ("Email", "status"), ("TestClock", "mode"),
    ):  # fmt: skip
        assert schemas[name]["properties"][field]["enum"], (name, field)


def test_each_type_of_event_is_a_webhook(api: Api) -> None:
    told = document(api)
    assert told["openapi"].startswith("3.1")
    assert list(told["webhooks"]) == list(TYPES)
    for type, row in told["webhooks"].items():
        body = row["post"]["requestBody"]["content"]["application/json"]["schema"]
        assert body["required"] == ["event", "data", "timestamp", "app_id"]
        assert body["properties"]["event"] == {"const": type}


def test_events_are_as_the_document_says(api: Api, test_mode: Api) -> None:
    make_events(test_mode)
    told = document(api)
    seen: set[str] = set()
    for event in test_mode.get("/v2/events", limit=100).json()["data"]:
        body = told["webhooks"][event["type"]]["post"]["requestBody"]["content"]["application/json"]["schema"]
        name = body["properties"]["data"]["$ref"].rpartition("/")[2]
        schema = told["components"]["schemas"][name]
        assert set(schema["required"]) <= set(event["data"]) <= set(schema["properties"]), event["type"]
        for field, value in event["data"].items():
            assert fits(value, schema["properties"][field]), (event["type"], field, value)
        seen.add(name)
    assert seen >= {
        "CustomerData", "PlanData", "SubscriptionData", "InvoiceData", "CreditNoteData", "CheckoutData", "PaymentData",
        "PaymentMethodData", "RefundData", "GrantData", "LowBalanceData", "HoldData", "ReloadData",
    }  # fmt: skip


def make_events(api: Api) -> None:
    """Something of nearly every kind."""
    account = api.account()
    component = {"key": "base", "kind": "flat", "amount": "9.00"}
    plan = made(
        api.post(
            "/v2/plans", {"name": "Pro", "interval": "monthly", "currency": "USD", "components": [component]}
        )
    )
    made(api.post("/v2/subscriptions", {"account": account, "plan": plan["id"]}))
    made(api.post(f"/v2/accounts/{account}/alerts", {"threshold": 1000}))
    method = method_of(api, account)
    paid = bought(api, account)
    made(api.post("/v2/refunds", {"payment": paid["id"], "amount": "1.00"}))
    made(api.post("/v2/payments", {"invoice": invoice(api, account), "method": method}))
    made(api.send("PUT", f"/v2/accounts/{account}/auto-reload/credits", BODY), 200)
    made(api.post("/v2/holds", {"account": account, "amount": 390, "expires_in": 60}))
    api.debit(account, 10)
    made(api.post("/v2/test-clock/advance", {"by": "PT2H"}), 200)


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether a value is of a schema's type, as far as these schemas go."""
    if "anyOf" in schema:
        return any(fits(value, one) for one in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    types = {
        "string": str,
        "integer": int,
        "boolean": bool,
        "object": dict,
        "array": list,
        "null": type(None),
    }
    return type(value) is types[schema["type"]]
