"""GET /api/billing/limits/: what the plan allows at most"""

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import plan
from tests.contract.served import House

from .product import held, product

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/limits/")

LIMITS = "/api/billing/limits/"
NOTHING = {
    "max_projects": 0,
    "max_keywords_per_project": 0,
    "max_competitors_per_project": 0,
    "max_team_members": 0,
    "historical_data_days": 0,
    "api_calls_per_month": 0,
    "data_scrapes_per_month": 0,
}


def test_as_the_document_has_it(house: House) -> None:
    sold = product(house)
    sold.subscribed("PROFESSIONAL")
    with sold.shop.person(Role.VIEWER) as viewer:
        assert held(viewer.get(LIMITS, workspace_id=sold.workspace)) == {
            "workspace_id": sold.workspace,
            "plan": {"tier": "PROFESSIONAL", "name": "Professional"},
            "limits": {
                "max_projects": 10,
                "max_keywords_per_project": 200,
                "max_competitors_per_project": 25,
                "max_team_members": 10,
                "historical_data_days": 90,
                "api_calls_per_month": 5000,
                "data_scrapes_per_month": 5000,
            },
        }


def test_without_a_plan_and_without_a_limit(house: House) -> None:
    sold = product(house)
    with sold.shop.person() as owner:
        none = {"workspace_id": sold.workspace, "plan": None, "limits": NOTHING}
        assert held(owner.get(LIMITS)) == none
        sold.subscribed("ENTERPRISE")
        limits = held(owner.get(LIMITS))["limits"]
        assert (limits["max_projects"], limits["historical_data_days"]) == (None, None)
        assert (limits["max_team_members"], limits["api_calls_per_month"]) == (0, 20000)
        held(owner.post("/api/billing/subscription/cancel/"))
        assert held(owner.get(LIMITS))["limits"] == limits
        sold.advance(by="P1M")
        assert held(owner.get(LIMITS)) == none


def test_weekly_credits_and_a_plan_that_is_not_paid(house: House) -> None:
    sold = product(house)
    with sold.shop.admin() as api, sold.shop.person() as owner:
        weekly = [{"credit_type": "api_calls", "amount": 12, "reset": "weekly"}]
        sells = plan(api, "1.00", name="Odd", allowances=weekly, features={"max_projects": 2})
        made = api.post("/v2/subscriptions", {"account": sold.shop.id, "plan": sells})
        assert made.status_code == 201, made.text
        found = held(owner.get(LIMITS))
        assert (found["plan"], found["limits"]) == ({"tier": None, "name": "Odd"}, NOTHING)
        api.post(f"/v2/invoices/{made.json()['invoice']['id']}/pay", {})
        assert held(owner.get(LIMITS))["limits"] == NOTHING | {"max_projects": 2, "api_calls_per_month": 52}


def test_who_may(house: House) -> None:
    sold = product(house)
    with product(house).shop.person() as foreign:
        assert held(foreign.get(LIMITS, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    with house.client(None) as nobody:
        held(nobody.get(LIMITS), 401)
    with sold.shop.admin() as key:
        assert held(key.get(LIMITS), 400) == {"workspace_id": ["This field is required."]}
        assert held(key.get(LIMITS, workspace_id=sold.workspace))["plan"] is None
