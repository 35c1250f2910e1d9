"""Idempotency-Key: every write happens once for it, and answers the same."""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House

from .conftest import OPERATIONS, Product, error
from .test_access import Cast

pytestmark = pytest.mark.holds(
    "credibill",
    "POST /api/usage",
    "POST /api/customers",
    "PATCH /api/customers",
    "POST /api/subscriptions",
    "DELETE /api/subscriptions",
    "POST /api/plans",
    "PATCH /api/plans",
    "DELETE /api/plans",
    "PATCH /api/invoices",
)

WRITES = [one for one in OPERATIONS if one[0] != "GET" and one != ("POST", "/api/usage")]
REUSED = "This idempotency key was already used with another request"


def test_every_write_happens_once(house: House, writer: Api, product: Product) -> None:
    for n, (method, path) in enumerate(WRITES):
        players = Cast(product)
        address, body = players.request(method, path)
        if path == "/api/plans" and method == "DELETE":
            address = f"/api/plans?planId={product.plan()}"
        if path == "/api/subscriptions" and method == "POST":
            body |= {"customerId": product.customer()}
        first = writer.send(method, address, body, key=f"key {n}")
        assert first.status_code in (200, 201), first.text
        assert "idempotent-replayed" not in first.headers
        for _ in range(2):
            again = writer.send(method, address, body, key=f"key {n}")
            assert (again.status_code, again.content) == (first.status_code, first.content)
            assert again.headers["idempotent-replayed"] == "true"
        other = writer.send("PATCH", "/api/plans", {"planId": players.plan, "name": "Z"}, key=f"key {n}")
        error(other, 422, REUSED)
        hold(other)
        assert product.get_plan(players.plan)["name"] != "Z"


def test_the_same_key_with_another_body_or_query(writer: Api, product: Product) -> None:
    plan, subscription = product.plan(), product.active()
    assert writer.send("PATCH", "/api/plans", {"planId": plan, "name": "A"}, key="b").status_code == 200
    error(writer.send("PATCH", "/api/plans", {"planId": plan, "name": "B"}, key="b"), 422, REUSED)
    # the order of fields does not make it another
    assert writer.send("PATCH", "/api/plans", {"name": "A", "planId": plan}, key="b").status_code == 200
    address = f"/api/subscriptions?subscriptionId={subscription}"
    assert writer.send("DELETE", address + "&cancelAtPeriodEnd=true", key="c").status_code == 200
    error(writer.send("DELETE", address, key="c"), 422, REUSED)
    assert product.get_subscription(subscription)["status"] == "active"


def test_a_refusal_is_not_kept(writer: Api, product: Product) -> None:
    product.customer(email="once@example.com")
    body: dict[str, Any] = {"email": "once@example.com"}
    for _ in range(2):
        error(writer.post("/api/customers", body, key="again"), 409)
    body["email"] = "twice@example.com"
    assert writer.post("/api/customers", body, key="again").status_code == 201


def test_keys_are_the_tenants(house: House, writer: Api, test_mode: Api, stranger: Api) -> None:
    ids = {
        client.post("/api/customers", {"email": "key@example.com"}, key="mine").json()["customerId"]
        for client in (writer, test_mode, stranger)
    }
    assert len(ids) == 3


def test_the_same_key_32_times_at_once(house: House, product: Product) -> None:
    body = json.dumps({"email": "at-once@example.com"})

    async def all_at_once(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        headers = {"Idempotency-Key": "at once"}
        return await asyncio.gather(
            *(client.post("/api/customers", content=body, headers=headers) for _ in range(32))
        )

    answers = house.together(all_at_once, "write")
    assert {answer.status_code for answer in answers} <= {201, 503}
    assert len({answer.content for answer in answers if answer.status_code == 201}) == 1
