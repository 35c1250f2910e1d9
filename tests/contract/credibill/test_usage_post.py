"""POST /api/usage"""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tallystick.domain.catalog.terms import Terms
from tests.contract.served import Api, House

from .conftest import Product, done, error, native_plan

pytestmark = pytest.mark.holds("credibill", "POST /api/usage")


def event_id(response: httpx2.Response, status: int = 201, *, duplicate: bool = False) -> str:
    assert response.status_code == status, response.text
    body = response.json()
    assert body == {"success": True, "usageEventId": body["usageEventId"], "duplicate": duplicate}
    return str(body["usageEventId"])


def test_an_event_is_counted_once_for_its_id(product: Product) -> None:
    subscription = product.active()
    first = event_id(product.use(subscription, 5, eventId="e1", metadata={"b": 1, "a": 2}))
    again = product.use(subscription, 5, eventId="e1", metadata={"a": 2, "b": 1})
    assert event_id(again, 200, duplicate=True) == first
    others: list[dict[str, Any]] = [{"quantity": 6}, {"metric": "m"}, {"metadata": {}}]
    for other in others:
        body: dict[str, Any] = {"quantity": 5, "metadata": {"a": 2, "b": 1}, "eventId": "e1"} | other
        error(product.use(subscription, **body), 409, "The eventId was already used for another event")
    held = product.get_subscription(subscription)
    assert [row["_id"] for row in held["usageEvents"]] == [first]
    assert held["usageQuantity"] == 5


def test_event_ids_are_the_customers_own(product: Product) -> None:
    one, other = product.active(), product.active()
    assert event_id(product.use(one, eventId="same")) != event_id(product.use(other, eventId="same"))


def test_without_an_id_each_is_an_event(product: Product) -> None:
    subscription = product.active()
    assert event_id(product.use(subscription)) != event_id(product.use(subscription))
    assert product.get_subscription(subscription)["usageQuantity"] == 2
    assert product.use(subscription, eventId=None, metadata=None).status_code == 201


def test_the_same_id_64_times_at_once(house: House, product: Product) -> None:
    subscription = product.active()
    body = {"subscriptionId": subscription, "quantity": 2, "metric": "api_calls", "eventId": "at once"}

    async def all_at_once(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(*(client.post("/api/usage", content=json.dumps(body)) for _ in range(64)))

    answers = house.together(all_at_once, "write")
    assert sorted(answer.status_code for answer in answers) == [200] * 63 + [201]
    assert len({answer.json()["usageEventId"] for answer in answers}) == 1
    assert sorted(answer.json()["duplicate"] for answer in answers) == [False] + [True] * 63
    held = product.get_subscription(subscription)
    assert (len(held["usageEvents"]), held["usageQuantity"]) == (1, 2)


def test_an_idempotency_key_in_the_place_of_an_id(writer: Api, product: Product) -> None:
    subscription = product.active()
    body = {"subscriptionId": subscription, "quantity": 3, "metric": "api_calls"}
    first, again = (writer.post("/api/usage", body, key="k1") for _ in range(2))
    assert (again.status_code, again.content) == (first.status_code, first.content) == (201, first.content)
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    reused = writer.post("/api/usage", body | {"quantity": 4}, key="k1")
    error(reused, 422, "This idempotency key was already used with another request")
    assert product.get_subscription(subscription)["usageQuantity"] == 3
    # the body's id is the one that counts
    assert event_id(writer.post("/api/usage", body | {"eventId": "x"}, key="k1"))
    assert product.get_subscription(subscription)["usageEvents"][0]["eventId"] == "x"


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"100", "100"),
        (b"0.000001", "0.000001"),
        (b"1.5e2", "150"),
        (b"100.0", "100"),
        (b"9007199254.740991", "9007199254.740991"),
        (b"1E-6", "0.000001"),
        (b"0.1", "0.1"),
        (b"1000000000.300000", "1000000000.3"),
    ],
)
def test_quantities_are_exact(writer: Api, product: Product, raw: bytes, shown: str) -> None:
    subscription = product.active()
    body = b'{"subscriptionId": "%s", "metric": "api_calls", "quantity": %s}' % (subscription.encode(), raw)
    event_id(writer.post("/api/usage", body))
    text = writer.get("/api/subscriptions", subscriptionId=subscription).text
    assert f'"usageQuantity":{shown},' in text
    assert f'"quantity":{shown},"metric"' in text


def test_zero_is_no_quantity(product: Product) -> None:
    subscription = product.active()
    for zero in (0, 0.0, -0.0):
        assert error(product.use(subscription, zero), 400).startswith("quantity must ")


def test_usage_is_priced_above_the_free_units(product: Product) -> None:
    subscription = product.active(unitPrice="0.5", freeUnits=10.5)
    product.use(subscription, 10)
    assert _usage(product, subscription) == (10, 0)
    product.use(subscription, 5.5)
    assert _usage(product, subscription) == (15.5, 2)  # 5 x 0.5, half to even
    product.use(subscription, 2)
    assert _usage(product, subscription) == (17.5, 4)  # 7 x 0.5 = 3.5


def _usage(product: Product, subscription: str) -> tuple[Any, Any]:
    held = product.get_subscription(subscription)
    return held["usageQuantity"], held["usageAmount"]


def test_another_metric_is_recorded_and_not_billed(product: Product) -> None:
    subscription = product.active(freeUnits=0)
    event_id(product.use(subscription, 50, metric="other"))
    assert _usage(product, subscription) == (0, 0)
    assert product.get_subscription(subscription)["usageEvents"][0]["metric"] == "other"


def test_the_newest_hundred_events_are_shown(product: Product) -> None:
    subscription = product.active()
    for number in range(103):
        product.use(subscription, number + 1)
    shown = product.get_subscription(subscription)["usageEvents"]
    assert [row["quantity"] for row in shown] == list(range(103, 3, -1))


def test_a_cancelled_subscription(writer: Api, product: Product) -> None:
    subscription = product.active()
    first = event_id(product.use(subscription, 1, eventId="before"))
    done(writer.send("DELETE", f"/api/subscriptions?subscriptionId={subscription}"), "Subscription cancelled")
    error(product.use(subscription), 409, "The subscription has ended")
    # what was recorded before stays so
    assert event_id(product.use(subscription, 1, eventId="before"), 200, duplicate=True) == first


def test_a_blocked_customer(writer: Api, product: Product) -> None:
    subscription = product.active()
    customer = product.get_subscription(subscription)["customerId"]
    for status, expected in (("blocked", 409), ("inactive", 201), ("active", 201)):
        done(
            writer.send("PATCH", "/api/customers", {"customerId": customer, "status": status}),
            "Customer updated",
        )
        assert product.use(subscription).status_code == expected


def test_a_declined_event_does_not_use_up_its_id(house: House, api: Api, product: Product) -> None:
    """A plan that debits credits for the metric: without them the event is refused, and may come again."""
    assert (
        api.send("PUT", "/v2/rate-card", {"rates": [{"operation": "call", "cost": "2"}]}).status_code == 200
    )
    terms = Terms(interval="monthly", currency="USD", debits={"api_calls": "call"})
    plan = native_plan(house, "Debits", terms)
    customer = product.customer()
    subscription = product.subscription(customer, plan)
    asked = {"eventId": "d1"}
    for _ in range(2):
        error(product.use(subscription, 3, **asked), 402, "Insufficient credits: 6 needed, 0 available")
    assert product.get_subscription(subscription)["usageEvents"] == []
    api.grant(customer, 10)
    first = event_id(product.use(subscription, 3, **asked))
    assert event_id(product.use(subscription, 3, **asked), 200, duplicate=True) == first
    assert api.wallet(customer)["available"] == "4"


def test_an_event_of_a_waiting_subscription(product: Product) -> None:
    subscription = product.subscription(plan=product.metered())
    assert product.get_subscription(subscription)["status"] == "pending_payment"
    event_id(product.use(subscription))
