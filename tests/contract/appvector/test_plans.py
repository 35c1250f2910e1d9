"""/api/billing/plans/: what is on sale, one row a tier"""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.clients import http_client
from tests.contract.native.subscribing import plan
from tests.contract.served import House

from .product import Product, held, product, uuid_of

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/plans/", "GET /api/billing/plans/{id}/")

PLANS = "/api/billing/plans/"


@pytest.fixture(scope="module")
def sold(house: House) -> Product:
    return product(house)


@pytest.fixture
def web(house: House, sold: Product) -> Iterator[httpx2.Client]:
    with http_client(house.url, headers={"X-App": sold.app}) as client:
        yield client


def test_as_the_document_has_it(web: httpx2.Client, sold: Product) -> None:
    body = held(web.get(PLANS))
    assert [row["tier"] for row in body["plans"]] == ["STARTER", "PROFESSIONAL", "ENTERPRISE"]
    assert body["plans"][1] == {
        "id": sold.plans["PROFESSIONAL", "monthly"],
        "tier": "PROFESSIONAL",
        "name": "Professional",
        "description": "Perfect for growing teams",
        "monthly_price": "149.00",
        "yearly_price": "1490.00",
        "limits": {"max_projects": 10, "max_keywords_per_project": 200, "max_competitors_per_project": 25},
        "credits": {"monthly_api_credits": 5000, "monthly_scrape_credits": 5000},
        "features": ["90-day history", "Priority support", "Advanced analytics"],
    }
    assert body["plans"][0]["features"] == []
    assert body["plans"][2]["limits"]["max_projects"] is None
    assert body["plans"][2]["features"] == [
        "Unlimited history",
        "Priority support",
        "Advanced analytics",
        "API access",
    ]


def test_by_the_id_of_any_plan_of_the_tier(web: httpx2.Client, sold: Product) -> None:
    listed = held(web.get(PLANS))["plans"][1]
    for interval in ("monthly", "yearly"):
        id = sold.plans["PROFESSIONAL", interval]
        assert held(web.get(f"{PLANS}{id}/")) == {"plan": listed}
        assert held(web.get(f"{PLANS}{id}")) == {"plan": listed}


@pytest.mark.parametrize("id", ["7", "x", "%00", "018f0000-0000-7000-8000-000000000000", "plan_x"])
def test_a_plan_that_is_none(web: httpx2.Client, id: str) -> None:
    assert held(web.get(f"{PLANS}{id}/"), 404) == {"detail": "Not found."}


def test_another_apps_plans_are_none(house: House, sold: Product) -> None:
    id = sold.plans["STARTER", "monthly"]
    with http_client(house.url) as client:
        assert held(client.get(f"{PLANS}{id}/"), 404) == {"detail": "Not found."}
        assert id not in [row["id"] for row in held(client.get(PLANS))["plans"]]
        for app in ("x", "018f0000-0000-7000-8000-000000000000"):
            refused = client.get(PLANS, headers={"X-App": app})
            assert held(refused, 404) == {"detail": "Not found."}


def test_a_credential_says_whose_plans(house: House, sold: Product) -> None:
    id = sold.plans["STARTER", "monthly"]
    with sold.shop.admin() as api:
        assert id in [row["id"] for row in held(api.http.get(PLANS))["plans"]]
        assert held(api.http.get(f"{PLANS}{id}/"))["plan"]["id"] == id
        other = product(house)
        assert held(api.http.get(f"{PLANS}{id}/", headers={"X-App": other.app}), 404) == {
            "detail": "Not found."
        }


def test_nobody_needs_a_credential_and_a_bad_one_is_not_looked_at(web: httpx2.Client) -> None:
    assert held(web.get(PLANS, headers={"Authorization": "Bearer x"}))["plans"]
    answer = web.post(PLANS, json={})
    assert (answer.status_code, answer.json()) == (405, {"detail": 'Method "POST" not allowed.'})


def test_what_is_hidden_and_what_is_missing(house: House) -> None:
    own = product(house)
    fields: dict[str, Any] = {"tier": "Solo", "rank": 1, "interval": "yearly"}
    with own.shop.admin() as api:
        hidden = uuid_of("plan", plan(api, "5.00"))
        yearly = uuid_of("plan", plan(api, "90.00", **fields))
        archived = api.post(
            "/v2/plans", {"name": "Old", "tier": "old", "interval": "monthly", "currency": "USD"}
        )
        assert archived.status_code == 201, archived.text
        api.send("PATCH", f"/v2/plans/{archived.json()['id']}", {"status": "archived"})
        told = uuid_of(
            "plan", plan(api, "1.00", tier="told", rank=2, metadata={"features": ["All of it", 5]})
        )
        weekly = [{"credit_type": "api_calls", "amount": "10.5", "reset": "weekly"}]
        plan(api, None, tier="free", rank=0, allowances=weekly)
    with http_client(house.url, headers={"X-App": own.app}) as web:
        rows = {row["tier"]: row for row in held(web.get(PLANS))["plans"]}
        assert list(rows) == ["FREE", "SOLO", "TOLD", "STARTER", "PROFESSIONAL", "ENTERPRISE"]
        assert (rows["SOLO"]["id"], rows["SOLO"]["monthly_price"]) == (yearly, None)
        assert rows["SOLO"]["yearly_price"] == "90.00"
        assert rows["TOLD"]["features"] == ["All of it"]
        assert rows["TOLD"]["id"] == told
        assert rows["FREE"]["monthly_price"] == "0.00"
        assert rows["FREE"]["credits"] == {"monthly_api_credits": 45, "monthly_scrape_credits": 0}
        assert rows["FREE"]["limits"]["max_projects"] == 0
        for id in (hidden, archived.json()["id"]):  # a UUID, and a TypeID
            assert held(web.get(f"{PLANS}{id}/"), 404) == {"detail": "Not found."}
