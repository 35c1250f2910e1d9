"""GET /api/billing/credits/history/"""

import re
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import feature
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "GET /api/billing/credits/history/")

HISTORY = "/api/billing/credits/history/"
CONSUME = "/api/billing/credits/consume/"


@pytest.fixture
def sold(house: House) -> Product:
    made = product(house)
    made.subscribed("PROFESSIONAL")
    return made


def rows(api: Api, **query: Any) -> list[dict[str, Any]]:
    return list(held(api.get(HISTORY, **query))["history"])


def test_nothing_yet(sold: Product) -> None:
    with sold.shop.person(Role.VIEWER) as viewer:
        assert held(viewer.get(HISTORY)) == {"history": [], "total_count": 0}


def test_the_documents_example(sold: Product) -> None:
    metadata = {"operation": "android_app_fetch", "app_id": "com.example.app"}
    with sold.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1, "metadata": metadata}))
        body = held(owner.get(HISTORY, workspace_id=sold.workspace, feature_key="api_calls", limit=50))
    at = body["history"][0].pop("timestamp")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", at)
    assert body == {
        "history": [
            {
                "feature_key": "api_calls",
                "feature_name": "API Calls",
                "consumed_amount": 1,
                "operation": "android_app_fetch",
                "metadata": {"app_id": "com.example.app"},
            }
        ],
        "total_count": 1,
    }


def test_whatever_used_them(sold: Product) -> None:
    """Usage alone, the newest first, by whichever contract it came."""
    with sold.shop.admin() as api:
        feature(api, "exports", kind="CREDIT_BASED", name="Exports", credit_type="api_calls")
        rates = [{"operation": "crawl", "credit_type": "api_calls", "cost": "3"}]
        assert api.send("PUT", "/v2/rate-card", {"rates": rates}).status_code in (200, 201)
        api.grant(sold.shop.id, 50, credit_type="api_calls")
        api.debit(sold.shop.id, 2, credit_type="api_calls")
        done = api.post("/v2/debits", {"account": sold.shop.id, "operation": "crawl", "quantity": 2})
        assert done.status_code == 201, done.text
        hold = api.hold(sold.shop.id, 9, credit_type="data_scrapes", metadata={"operation": "fetch"})
        api.post(f"/v2/holds/{hold['id']}/capture", {"amount": 4, "final": True})
        with sold.shop.person() as owner:
            held(owner.post(CONSUME, {"feature_key": "exports", "amount": 5, "metadata": {"operation": 7}}))
            spent = [
                (
                    one["feature_key"],
                    one["feature_name"],
                    one["consumed_amount"],
                    one["operation"],
                    one["metadata"],
                )
                for one in rows(owner)
            ]
            assert spent == [
                ("exports", "Exports", 5, "exports", {"operation": 7}),
                ("data_scrapes", "Data Scrapes", 4, "fetch", {}),
                ("api_calls", "API Calls", 6, "crawl", {}),
                ("api_calls", "API Calls", 2, "api_calls", {}),
            ]
            for key, count in (("API_CALL", 2), ("api_calls", 2), ("exports", 1), ("DATA_SCRAPE", 1)):
                body = held(owner.get(HISTORY, feature_key=key))
                assert body["total_count"] == len(body["history"]) == count, key
            assert held(owner.get(HISTORY, feature_key="analytics"))["total_count"] == 0
            held(owner.get(HISTORY, feature_key="nothing"), 404)
            assert held(owner.get(HISTORY, feature_key=""))["total_count"] == 4


def test_what_was_given_back_is_no_row(sold: Product) -> None:
    with sold.shop.admin() as api, sold.shop.person() as owner:
        debit = api.debit(sold.shop.id, 10, credit_type="api_calls")
        api.post(f"/v2/entries/{debit['id']}/reverse", {"reason": "a fault"})
        assert [row["consumed_amount"] for row in rows(owner)] == [10]


def test_fractions_are_rows_that_add_up(sold: Product) -> None:
    with sold.shop.admin() as api, sold.shop.person() as owner:
        for _ in range(4):
            api.debit(sold.shop.id, "0.4", credit_type="api_calls")
        amounts = [row["consumed_amount"] for row in rows(owner)]
        assert amounts == [0, 1, 0, 1]
        [one] = [
            row
            for row in held(owner.get("/api/billing/credits/"))["balances"]
            if row["credit_type"] == "API_CALL"
        ]
        assert (one["consumed_credits"], one["available_credits"]) == (2, 4998)


def test_limit(sold: Product) -> None:
    with sold.shop.admin() as api, sold.shop.person() as owner:
        for amount in range(1, 8):
            api.debit(sold.shop.id, amount, credit_type="api_calls")
        body = held(owner.get(HISTORY, limit=3))
        assert [row["consumed_amount"] for row in body["history"]] == [7, 6, 5]
        assert body["total_count"] == 7
        assert len(rows(owner, limit=1000)) == 7
        for limit, text in (
            ("0", "Ensure this value is greater than or equal to 1."),
            ("1001", "Ensure this value is less than or equal to 1000."),
            ("many", "A valid integer is required."),
            ("", "A valid integer is required."),
        ):
            assert held(owner.get(HISTORY, limit=limit), 400) == {"limit": [text]}


def test_who_may(sold: Product, stranger: Api, nobody: Api) -> None:
    with sold.shop.person(None) as other:
        assert held(other.get(HISTORY, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    assert held(stranger.get(HISTORY, workspace_id=sold.workspace), 404) == {"detail": "Not found."}
    assert held(stranger.get(HISTORY), 400) == {"workspace_id": ["This field is required."]}
    assert held(nobody.get(HISTORY), 401) == {"detail": "Authentication credentials were not provided."}
