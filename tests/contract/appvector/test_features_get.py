"""GET /api/billing/features/ and features/workspace/: what there is, and what a workspace has of it"""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import feature, plan
from tests.contract.served import Api, House

from .product import FEATURES, Product, held, product

pytestmark = pytest.mark.holds(
    "appvector", "GET /api/billing/features/", "GET /api/billing/features/workspace/"
)

FEATURES_AT = "/api/billing/features/"
WORKSPACE = FEATURES_AT + "workspace/"
CONSUME = FEATURES_AT + "consume/"


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


def rows(owner: Api, **query: Any) -> dict[str, dict[str, Any]]:
    return {row["key"]: row for row in held(owner.get(WORKSPACE, **query))["features"]}


def test_as_the_document_has_them(sold: Product) -> None:
    with sold.shop.person(Role.VIEWER) as viewer:
        found = held(viewer.get(FEATURES_AT))["features"]
    assert [row["key"] for row in found] == list(FEATURES)
    for row in found:
        assert str(UUID(row.pop("id"))), row
    assert found[0] == {
        "key": "max_projects",
        "name": "Maximum Projects",
        "description": "Number of projects that can be created",
        "feature_type": "HARD_LIMIT",
        "category": "WORKSPACE",
        "unit": "projects",
    }
    assert found[-1] == {
        "key": "api_calls",
        "name": "API Calls",
        "description": "Monthly API call credits",
        "feature_type": "CREDIT_BASED",
        "category": "API",
        "reset_period": "MONTHLY",
        "unit": "calls",
    }


def test_reset_periods(house: House) -> None:
    sold = product(house)
    with sold.shop.admin() as api:
        for reset in ("daily", "weekly", "never"):
            api.send("PUT", "/v2/credit-types", {"code": f"{reset}_ones", "name": reset})
            feature(api, f"by_{reset}", "CREDIT_BASED", credit_type=f"{reset}_ones")
            gives = [{"credit_type": f"{reset}_ones", "amount": 1, "reset": reset}]
            plan(api, "1.00", allowances=gives)
        api.send("PUT", "/v2/credit-types", {"code": "idle", "name": "Idle"})
        feature(api, "idle", "CREDIT_BASED", credit_type="idle")
    with sold.shop.person() as owner:
        found = {row["key"]: row.get("reset_period") for row in held(owner.get(FEATURES_AT))["features"]}
    assert [found[f"by_{reset}"] for reset in ("daily", "weekly", "never")] == ["DAILY", "WEEKLY", "NEVER"]
    assert (found["idle"], found["max_projects"]) == ("MONTHLY", None)


def test_a_workspaces(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    with sold.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "max_projects", "amount": 5}))
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1234}))
        found = held(owner.get(WORKSPACE, workspace_id=sold.workspace))
        assert found["workspace_id"] == sold.workspace
        assert found["plan"] == {"tier": "PROFESSIONAL", "name": "Professional"}
        assert [row["key"] for row in found["features"]] == list(FEATURES)
        by_key = rows(owner)
        period = held(owner.get("/api/billing/credits/"))["balances"][1]["period_end"]
    assert by_key["max_projects"] == {
        "key": "max_projects",
        "name": "Maximum Projects",
        "feature_type": "HARD_LIMIT",
        "limit_value": 10,
        "current_usage": 5,
        "available": 5,
    }
    assert by_key["api_calls"] == {
        "key": "api_calls",
        "name": "API Calls",
        "feature_type": "CREDIT_BASED",
        "allocated": 5000,
        "consumed": 1234,
        "available": 3766,
        "usage_percentage": 24.68,
        "period_end": period,
    }
    assert by_key["priority_support"] == {
        "key": "priority_support",
        "name": "Priority support",
        "feature_type": "BOOLEAN",
        "is_enabled": True,
    }
    assert by_key["api_access"]["is_enabled"] is False


def test_without_a_plan(sold: Product) -> None:
    with sold.shop.person() as owner:
        found = held(owner.get(WORKSPACE))
        assert found["plan"] is None
        by_key = rows(owner)
    limit = by_key["max_projects"]
    assert (limit["limit_value"], limit["current_usage"], limit["available"]) == (0, 0, 0)
    calls = by_key["api_calls"]
    assert (calls["allocated"], calls["available"], calls["usage_percentage"]) == (0, 0, 0.0)
    assert by_key["priority_support"]["is_enabled"] is False


def test_no_limit_and_the_fullest_project(sold: Product) -> None:
    sold.subscribed("ENTERPRISE")
    with sold.shop.person() as owner:
        for project, amount in (("a", 3), ("b", 150), (7, 1)):
            said = {"feature_key": "max_keywords_per_project", "amount": amount}
            held(owner.post(CONSUME, said | {"metadata": {"project_id": project}}))
        by_key = rows(owner)
    assert (by_key["max_projects"]["limit_value"], by_key["max_projects"]["available"]) == (None, None)
    words = by_key["max_keywords_per_project"]
    assert (words["limit_value"], words["current_usage"], words["available"]) == (200, 150, 50)


def test_the_period_is_the_allowances(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL", "yearly")
    with sold.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 10}))
        year = held(owner.get("/api/billing/subscription/"))["subscription"]["current_period_end"]
        calls = rows(owner)["api_calls"]
        ends = datetime.fromisoformat(calls["period_end"])
        assert ends < datetime.fromisoformat(year) - timedelta(days=300)
        sold.advance(by="P1M")
        calls = rows(owner)["api_calls"]
        assert (calls["allocated"], calls["consumed"], calls["available"]) == (5000, 0, 5000)
        assert datetime.fromisoformat(calls["period_end"]) > ends


def test_after_an_upgrade_at_once(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    with sold.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 10}))
        assert rows(owner)["api_calls"]["available"] == 990
        held(owner.post("/api/billing/subscription/upgrade/", {"plan_tier": "PROFESSIONAL"}))
        by_key = rows(owner)
    assert (by_key["api_calls"]["allocated"], by_key["api_calls"]["available"]) == (5000, 4990)
    assert by_key["max_projects"]["limit_value"] == 10
    assert by_key["analytics"]["is_enabled"] is True


def test_who_may(sold: Product, house: House) -> None:
    foreign = product(house)
    with foreign.shop.person() as stranger:
        refused = held(stranger.get(WORKSPACE, workspace_id=sold.workspace), 404)
        assert refused == {"detail": "Not found."}
        held(stranger.get(FEATURES_AT, workspace_id=sold.workspace), 404)
        own = {row["id"] for row in held(stranger.get(FEATURES_AT))["features"]}
    with sold.shop.admin() as key:
        # the features are the tenant's: a key need not name a workspace for them
        assert own.isdisjoint(row["id"] for row in held(key.get(FEATURES_AT))["features"])
        assert held(key.get(WORKSPACE), 400) == {"workspace_id": ["This field is required."]}
        held(key.get(WORKSPACE, workspace_id=sold.shop.id))
    with house.client(None) as nobody:
        held(nobody.get(FEATURES_AT), 401)
        held(nobody.get(WORKSPACE), 401)
