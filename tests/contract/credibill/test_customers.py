"""/api/customers"""

import asyncio
import json
from typing import Any

import httpx2
import pytest

from tests.contract.served import Api, House

from .conftest import Product, done, error, made

pytestmark = pytest.mark.holds(
    "credibill", "POST /api/customers", "GET /api/customers", "PATCH /api/customers"
)


def test_only_the_address_is_needed(product: Product) -> None:
    shown = product.get_customer(product.customer(email="  Bare@Example.COM "))
    expected: dict[str, Any] = {
        "email": "bare@example.com",
        "first_name": None,
        "last_name": None,
        "phone": None,
        "externalCustomerId": None,
        "type": "individual",
        "status": "active",
        "metadata": {},
        "hasUsedTrial": False,
        "firstTrialDate": None,
        "subscriptions": [],
        "invoices": [],
    }
    assert {name: shown[name] for name in expected} == expected
    nothing = dict.fromkeys(
        ["first_name", "last_name", "phone", "externalCustomerId", "type", "status", "metadata"]
    )
    again = product.get_customer(product.customer(**nothing))
    assert {name: again[name] for name in list(expected)[1:]} == dict(list(expected.items())[1:])


def test_the_app_and_the_times(product: Product, house: House) -> None:
    shown = product.get_customer(product.customer())
    assert shown["appId"].startswith("app_")
    assert shown["organizationId"].startswith("org_")
    assert shown["_creationTime"] > 1_700_000_000_000
    assert product.get_plan(product.plan())["appId"] == shown["appId"]


@pytest.mark.parametrize(
    "email", ["", "x", "a@b", "a b@example.com", "é@example.com", "a@example..com", "@example.com"]
)
def test_addresses_that_are_none(writer: Api, email: str) -> None:
    error(writer.post("/api/customers", {"email": email}), 400, "email must be an e-mail address")


def test_an_address_is_one_customers_alone(writer: Api, product: Product) -> None:
    product.customer(email="taken@example.com")
    for email in ("taken@example.com", " TAKEN@example.com"):
        error(writer.post("/api/customers", {"email": email}), 409, "A customer with this email exists")
    other = product.customer()
    body = {"customerId": other, "email": "Taken@example.com"}
    error(writer.send("PATCH", "/api/customers", body), 409, "A customer with this email exists")
    body["email"] = "mine@example.com"
    for _ in range(2):
        done(writer.send("PATCH", "/api/customers", body), "Customer updated")


def test_an_external_id_is_one_customers_alone(writer: Api, product: Product) -> None:
    product.customer(externalCustomerId="u1")
    body = {"email": "u2@example.com", "externalCustomerId": "u1"}
    error(writer.post("/api/customers", body), 409)
    assert made(writer.post("/api/customers", body | {"externalCustomerId": "u2"}), "customerId")
    error(writer.post("/api/customers", {"email": "u3@example.com", "externalCustomerId": "a/b"}), 400,
          "externalCustomerId must not hold a slash: it stands in paths")  # fmt: skip


def test_one_address_at_once_from_many(house: House, product: Product) -> None:
    async def all_at_once(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        body = json.dumps({"email": "race@example.com"})
        other = product.customer()
        patch = json.dumps({"customerId": other, "email": "race@example.com"})
        return await asyncio.gather(
            *(client.post("/api/customers", content=body) for _ in range(32)),
            *(client.patch("/api/customers", content=patch) for _ in range(4)),
        )

    statuses = [answer.status_code for answer in house.together(all_at_once, "write")]
    assert set(statuses) <= {200, 201, 409}
    customers = product.api.get("/api/customers").json()["customers"]
    assert [row["email"] for row in customers].count("race@example.com") == 1


def test_a_customer_is_an_account(api: Api, product: Product) -> None:
    customer = product.customer(
        first_name="Ann", last_name="Lee", externalCustomerId="native-1", type="business"
    )
    account = api.get(f"/v2/accounts/{customer}").json()
    assert (account["id"], account["name"], account["external_id"]) == (customer, "Ann Lee", "native-1")
    assert api.get("/v2/accounts/ext:native-1").json() == account


def test_update(writer: Api, product: Product) -> None:
    customer = product.customer(
        first_name="Ann", last_name="Lee", phone="1", externalCustomerId="p1", metadata={"a": 1}
    )
    before = product.get_customer(customer)
    changes: dict[str, Any] = {
        "email": "new@example.org",
        "first_name": "Anna",
        "phone": "2",
        "type": "business",
        "status": "inactive",
        "metadata": {"b": [2]},
    }
    done(writer.send("PATCH", "/api/customers", {"customerId": customer, **changes}), "Customer updated")
    assert product.get_customer(customer) == before | changes
    away = dict.fromkeys(["first_name", "last_name", "phone", "externalCustomerId", "metadata"])
    done(writer.send("PATCH", "/api/customers", {"customerId": customer, **away}), "Customer updated")
    assert product.get_customer(customer) == before | changes | away | {"metadata": {}}
    done(writer.send("PATCH", "/api/customers", {"customerId": customer}), "Customer updated")
    for name in ("email", "type", "status"):
        assert writer.send("PATCH", "/api/customers", {"customerId": customer, name: None}).status_code == 400


def test_subscriptions_and_invoices_stand_in_it(product: Product) -> None:
    customer, plan = product.customer(), product.plan(name="Held")
    subscription = product.subscription(customer, plan)
    shown = product.get_customer(customer)
    [held] = shown["subscriptions"]
    assert (held["_id"], held["plan"]["name"], held["planSnapshot"]["name"]) == (subscription, "Held", "Held")
    [invoice] = shown["invoices"]
    assert invoice["subscriptionId"] == subscription
    assert "customer" not in held
    assert "customer" not in invoice


def test_the_first_trial(product: Product) -> None:
    customer = product.customer()
    subscription = product.subscription(customer, product.plan(trialDays=7))
    shown, held = product.get_customer(customer), product.get_subscription(subscription)
    assert (shown["hasUsedTrial"], shown["firstTrialDate"]) == (True, held["startDate"])
    assert held["customer"]["firstTrialDate"] == held["startDate"]
    assert held["trialEndsAt"] - held["startDate"] == 7 * 86_400_000


def test_pages(writer: Api, product: Product) -> None:
    for _ in range(3):
        product.customer()
    everyone = writer.get("/api/customers").json()["customers"]
    seen: list[Any] = []
    cursor: dict[str, str] = {}
    while True:
        page = writer.get("/api/customers", limit="2", **cursor).json()
        seen += page["customers"]
        if "nextCursor" not in page:
            break
        assert len(page["customers"]) == 2
        cursor = {"cursor": page["nextCursor"]}
    assert seen == everyone
    assert [row["_creationTime"] for row in seen] == sorted(row["_creationTime"] for row in seen)


@pytest.mark.parametrize("path", ["/api/customers", "/api/subscriptions", "/api/plans", "/api/invoices"])
def test_pages_that_are_none(writer: Api, path: str) -> None:
    for limit in ("", "0", "-1", "1001", "x", "1.0", "9" * 20, "²", "1e2"):
        error(writer.get(path, limit=limit), 400, "limit must be an integer from 1 to 1000")
    for cursor in ("", "x", "azEw=", "k10", "9" * 300, "é", "\0"):
        error(writer.get(path, cursor=cursor), 400, "cursor is not one that this list gave")


def test_one_customer_takes_no_page(writer: Api, product: Product) -> None:
    error(
        writer.get("/api/customers", customerId=product.customer(), limit="1"),
        400,
        "customerId must stand alone",
    )
