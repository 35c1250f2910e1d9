"""POST /api/billing/features/check/ and features/consume/"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import feature, plan
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds(
    "appvector", "POST /api/billing/features/check/", "POST /api/billing/features/consume/"
)

CHECK = "/api/billing/features/check/"
CONSUME = "/api/billing/features/consume/"
_PROJECTS: tuple[Any, ...] = ([1], True, {}, "x" * 256, "a\x07b", 1.5)
WRONG_PROJECTS = tuple({"project_id": one} for one in _PROJECTS)
WRONG_AMOUNTS: tuple[Any, ...] = (0, -1, 1.5, "x", None, True, [], 10**30)
WRONG_KEYS: tuple[Any, ...] = ("", None, [], {}, "x" * 256, "\x00")
WRONG_METADATA: tuple[Any, ...] = ([], "x", 1)
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def sold(house: House) -> Product:
    made = product(house)
    made.subscribed("PROFESSIONAL")
    return made


def check(owner: Api, key: str, **more: Any) -> dict[str, Any]:
    return held(owner.post(CHECK, {"feature_key": key} | more))


def consume(owner: Api, key: str, amount: int = 1, status: int = 200, **more: Any) -> dict[str, Any]:
    return held(owner.post(CONSUME, {"feature_key": key, "amount": amount} | more), status)


def test_check_as_the_document_has_it(house: House) -> None:
    sold = product(house)
    sold.subscribed("ENTERPRISE")
    with sold.shop.person() as owner:
        said = {"workspace_id": sold.workspace, "feature_key": "api_access"}
        assert held(owner.post(CHECK, said)) == {
            "feature_key": "api_access",
            "is_available": True,
            "details": {"feature_type": "BOOLEAN", "is_enabled": True},
        }
        held(owner.post("/api/billing/subscription/cancel/"))
        sold.advance(by="P1M")
        assert held(owner.post(CHECK, said)) == {
            "feature_key": "api_access",
            "is_available": False,
            "details": {"feature_type": "BOOLEAN", "is_enabled": False},
        }


def test_consume_as_the_document_has_it(sold: Product) -> None:
    with sold.shop.person(Role.MEMBER) as member:
        consume(member, "api_calls", 1234)
        said = {"workspace_id": sold.workspace, "feature_key": "api_calls", "amount": 1}
        assert held(member.post(CONSUME, said)) == {
            "success": True,
            "feature_key": "api_calls",
            "consumed": 1,
            "remaining": 3765,
        }
        calls = check(member, "api_calls")
        period = calls["details"].pop("period_end")
        assert calls == {
            "feature_key": "api_calls",
            "is_available": True,
            "details": {
                "feature_type": "CREDIT_BASED",
                "is_enabled": True,
                "allocated": 5000,
                "consumed": 1235,
                "available": 3765,
                "usage_percentage": 24.7,
            },
        }
        assert period.endswith("Z")


def test_a_limit(sold: Product) -> None:
    with sold.shop.person() as owner:
        assert consume(owner, "max_projects", 9) == {
            "success": True,
            "feature_key": "max_projects",
            "consumed": 9,
            "remaining": 1,
        }
        over = consume(owner, "max_projects", 2, 402)
        assert (over["error"], over["remaining"]) == ("Limit reached", 1)
        consume(owner, "max_projects")
        none = consume(owner, "max_projects", 1, 402)
        assert (none["error"], none["remaining"]) == ("Limit reached", 0)
        assert check(owner, "max_projects") == {
            "feature_key": "max_projects",
            "is_available": False,
            "details": {
                "feature_type": "HARD_LIMIT",
                "is_enabled": True,
                "limit_value": 10,
                "current_usage": 10,
                "available": 0,
            },
        }
        with sold.shop.admin() as api:
            body = {"account": sold.shop.id, "feature": "max_projects", "amount": 4}
            assert api.post("/v2/features/release", body).status_code in (200, 201)
        assert check(owner, "max_projects")["details"]["available"] == 4


def test_a_limit_per_project(sold: Product) -> None:
    words = "max_keywords_per_project"
    with sold.shop.person() as owner:
        first, second = {"project_id": "one"}, {"project_id": 2}
        assert consume(owner, words, 150, metadata=first)["remaining"] == 50
        assert consume(owner, words, 200, metadata=second)["remaining"] == 0
        assert consume(owner, words, 51, 402, metadata=first)["remaining"] == 50
        assert check(owner, words, metadata=first)["is_available"] is True
        assert check(owner, words, metadata=second)["is_available"] is False
        # a limit of the workspace is one, whatever project is named
        consume(owner, "max_projects", 6, metadata=first)
        assert consume(owner, "max_projects", 6, 402, metadata=second)["remaining"] == 4
        for wrong in WRONG_PROJECTS:
            refused = held(owner.post(CHECK, {"feature_key": words, "metadata": wrong}), 400)
            assert refused.keys() == {"metadata"}
            assert consume(owner, words, 1, 400, metadata=wrong).keys() == {"metadata"}


def test_credit_types_are_features(sold: Product) -> None:
    with sold.shop.person() as owner:
        for key in ("data_scrapes", "DATA_SCRAPE"):
            found = check(owner, key)
            assert (found["feature_key"], found["is_available"]) == ("data_scrapes", True)
            assert consume(owner, key, 2)["feature_key"] == "data_scrapes"
        assert consume(owner, "API_CALL")["feature_key"] == "api_calls"
        assert check(owner, "data_scrapes")["details"]["consumed"] == 4
        # the tenant's first credit type, of which the workspace has none
        empty = check(owner, "credits")
        assert (empty["is_available"], empty["details"]["available"]) == (False, 0)
        short = consume(owner, "credits", 1, 402)
        assert (short["error"], short["remaining"]) == ("Insufficient credits", 0)


def test_switches_and_unknown_ones(sold: Product, house: House) -> None:
    with product(house).shop.admin() as other:
        feature(other, "theirs")
    with sold.shop.person() as owner:
        for key in ("analytics", "api_access"):
            assert consume(owner, key, 1, 400).keys() == {"error", "detail"}
        for key in ("nothing", "theirs", "API_CALLS", "a b", "Ünicode"):
            assert consume(owner, key, 1, 404) == {"detail": "Not found."}
            assert held(owner.post(CHECK, {"feature_key": key}), 404) == {"detail": "Not found."}


def test_what_the_plan_does_not_have(sold: Product) -> None:
    with sold.shop.admin() as api, sold.shop.person() as owner:
        feature(api, "exports")
        feature(api, "paid_exports", "CREDIT_BASED", credit_type="api_calls")
        over = consume(owner, "exports", 1, 402)
        assert (over["error"], over["remaining"]) == ("Limit reached", 0)
        assert check(owner, "exports")["details"] == {
            "feature_type": "HARD_LIMIT",
            "is_enabled": False,
            "limit_value": 0,
            "current_usage": 0,
            "available": 0,
        }
        without = plan(api, tier="none", rank=99, features={"paid_exports": False, "exports": None})
        [row] = api.get("/v2/subscriptions", account=sold.shop.id).json()["data"]
        changed = api.post(f"/v2/subscriptions/{row['id']}/change", {"plan": without})
        assert changed.status_code == 200, changed.text
        barred = check(owner, "paid_exports")
        assert (barred["is_available"], barred["details"]["is_enabled"]) == (False, False)
        assert barred["details"]["available"] == 5000
        assert check(owner, "exports")["details"]["limit_value"] is None
        assert consume(owner, "exports", 1000)["remaining"] is None


def test_bad_bodies(sold: Product) -> None:
    with sold.shop.person() as owner:
        assert held(owner.post(CONSUME, {}), 400) == {
            "feature_key": ["This field is required."],
            "amount": ["This field is required."],
        }
        for amount in WRONG_AMOUNTS:
            said = {"feature_key": "max_projects", "amount": amount}
            assert held(owner.post(CONSUME, said), 400).keys() == {"amount"}
        for key in WRONG_KEYS:
            assert held(owner.post(CHECK, {"feature_key": key}), 400).keys() == {"feature_key"}
            assert held(owner.post(CONSUME, {"feature_key": key, "amount": 1}), 400).keys() == {"feature_key"}
        for metadata in WRONG_METADATA:
            said = {"feature_key": "api_calls", "amount": 1, "metadata": metadata}
            assert held(owner.post(CONSUME, said), 400).keys() == {"metadata"}
            assert held(owner.post(CHECK, said), 400).keys() == {"metadata"}
        for path in (CHECK, CONSUME):
            assert held(owner.post(path, b"{"), 400).keys() == {"detail"}
            assert held(owner.post(path, [1]), 400).keys() == {"non_field_errors"}
        assert check(owner, "max_projects")["details"]["current_usage"] == 0
        owner.http.headers["Content-Type"] = "application/x-www-form-urlencoded"
        done = held(owner.post(CONSUME, "feature_key=max_projects&amount=2"))
        assert (done["consumed"], done["remaining"]) == (2, 8)


def test_who_may(sold: Product, house: House) -> None:
    said = {"feature_key": "max_projects", "amount": 1, "workspace_id": sold.workspace}
    with sold.shop.person(Role.VIEWER) as viewer:
        for path in (CHECK, CONSUME):
            assert held(viewer.post(path, said), 403) == FORBIDDEN
    with product(house).shop.person() as foreign, house.client(None) as nobody:
        for path in (CHECK, CONSUME):
            assert held(foreign.post(path, said), 404) == {"detail": "Not found."}
            held(nobody.post(path, said), 401)


def test_keys(house: House) -> None:
    """A key that only reads may check, and not consume."""
    with house.client("admin") as admin, house.client("read") as reader, house.client("write") as writer:
        account = admin.account()
        feature(admin, "seats")
        for client in (reader, writer):
            client.http.headers["Content-Type"] = "application/json"
        said = {"feature_key": "seats", "amount": 1, "workspace_id": account}
        assert held(reader.post(CHECK, said))["is_available"] is False
        assert held(reader.post(CONSUME, said), 403) == FORBIDDEN
        assert held(writer.post(CONSUME, said), 402)["remaining"] == 0
        assert held(writer.post(CONSUME, {"feature_key": "seats", "amount": 1}), 400) == {
            "workspace_id": ["This field is required."]
        }


@pytest.mark.parametrize("key", ["max_projects", "api_calls"])
def test_once_for_a_key(sold: Product, key: str) -> None:
    with sold.shop.person() as owner:
        said = {"feature_key": key, "amount": 3}
        first, again = owner.post(CONSUME, said, key="k"), owner.post(CONSUME, said, key="k")
        assert held(first) == held(again)
        assert again.headers["idempotent-replayed"] == "true"
        held(owner.post(CONSUME, said | {"amount": 4}, key="k"), 422)
        over = {"feature_key": key, "amount": 6000}
        declined = [held(owner.post(CONSUME, over, key="over"), 402) for _ in range(2)]
        assert declined[0] == declined[1]
        details = check(owner, key)["details"]
        assert details.get("consumed", details.get("current_usage")) == 3


@pytest.mark.parametrize(("key", "left"), [("max_projects", 10), ("api_calls", 20)])
def test_thirty_at_once_on_what_serves_fewer(sold: Product, key: str, left: int) -> None:
    if key == "api_calls":
        with sold.shop.person() as owner:
            consume(owner, key, 5000 - left)
    token = sold.shop.token(sold.shop.user())
    start = threading.Barrier(30)

    def one(_: int) -> tuple[int, int]:
        with sold.house.client(token) as owner:
            owner.http.headers["Content-Type"] = "application/json"
            start.wait(30)
            answer = owner.post(CONSUME, {"feature_key": key, "amount": 1})
            return answer.status_code, answer.json()["remaining"]

    with ThreadPoolExecutor(30) as pool:
        said = list(pool.map(one, range(30)))
    assert sorted(remaining for status, remaining in said if status == 200) == list(range(left))
    assert [one for one in said if one[0] != 200] == [(402, 0)] * (30 - left)
