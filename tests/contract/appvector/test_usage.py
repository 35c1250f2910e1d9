"""GET /api/billing/usage/"""

from datetime import datetime

import pytest

from tallystick.kernel.actor import Role
from tests.contract.igny8.shops import shop
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/usage/")

USAGE = "/api/billing/usage/"
CONSUME = "/api/billing/features/consume/"
NONE = {"consumed": 0, "allocated": 0, "percentage": 0.0}


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


def test_the_documents_example(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    with sold.shop.admin() as api, sold.shop.person() as owner:
        api.debit(sold.shop.id, 1234, credit_type="api_calls")
        api.debit(sold.shop.id, 567, credit_type="data_scrapes")
        api.post("/v2/features/consume", {"account": sold.shop.id, "feature": "max_projects", "amount": 5})
        answer = owner.get(USAGE, workspace_id=sold.workspace)
        body = held(answer)
        [row] = api.get("/v2/subscriptions", account=sold.shop.id).json()["data"]
        [usage] = [
            {key: body[key] for key in ("workspace_id", "usage")},
        ]
    assert usage == {
        "workspace_id": sold.workspace,
        "usage": {
            "projects": {"current": 5, "limit": 10, "percentage": 50.0},
            "api_calls": {"consumed": 1234, "allocated": 5000, "percentage": 24.68},
            "data_scrapes": {"consumed": 567, "allocated": 5000, "percentage": 11.34},
        },
    }
    assert '"percentage":50.0}' in answer.text
    start, end = (datetime.fromisoformat(body[key]) for key in ("period_start", "period_end"))
    assert start == datetime.fromisoformat(row["current_period_start"]).replace(microsecond=0)
    assert (datetime.fromisoformat(row["current_period_end"]) - end).total_seconds() == 1


def test_no_limit(sold: Product) -> None:
    sold.subscribed("ENTERPRISE")
    with sold.shop.admin() as api, sold.shop.person() as owner:
        api.post("/v2/features/consume", {"account": sold.shop.id, "feature": "max_projects", "amount": 5})
        found = held(owner.get(USAGE))["usage"]["projects"]
    assert found == {"current": 5, "limit": None, "percentage": 0.0}


def test_without_a_plan(sold: Product) -> None:
    with sold.shop.person(Role.VIEWER) as viewer:
        body = held(viewer.get(USAGE))
    assert body["usage"] == {
        "projects": {"current": 0, "limit": 0, "percentage": 0.0},
        "api_calls": NONE,
        "data_scrapes": NONE,
    }
    assert body["period_start"].endswith("-01T00:00:00Z")
    assert body["period_end"].endswith("T23:59:59Z")


def test_a_product_that_defines_none_of_it(house: House) -> None:
    plain = shop(house)
    with plain.person() as owner:
        usage = held(owner.get(USAGE))["usage"]
    assert usage["projects"] == {"current": 0, "limit": 0, "percentage": 0.0}
    assert usage["api_calls"] == usage["data_scrapes"] == NONE


def test_who_may(sold: Product, stranger: Api, nobody: Api) -> None:
    with sold.shop.person(None) as other:
        assert held(other.get(USAGE, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    assert held(stranger.get(USAGE, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    assert held(nobody.get(USAGE), 401) == {"detail": "Authentication credentials were not provided."}
