"""POST /api/billing/credits/consume/"""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/credits/consume/")

CONSUME = "/api/billing/credits/consume/"
CREDITS = "/api/billing/credits/"
HISTORY = "/api/billing/credits/history/"


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


@pytest.fixture
def professional(sold: Product) -> Product:
    sold.subscribed("PROFESSIONAL")
    return sold


def one(api: Api, name: str = "API_CALL") -> dict[str, Any]:
    """The balance of a credit type."""
    [found] = [row for row in held(api.get(CREDITS))["balances"] if row["credit_type"] == name]
    return dict(found)


def test_the_documents_example_to_the_letter(professional: Product) -> None:
    body = {
        "workspace_id": professional.workspace,
        "feature_key": "api_calls",
        "amount": 1,
        "metadata": {"operation": "android_app_fetch", "app_id": "com.example.app"},
    }
    with professional.shop.person(Role.MEMBER) as member:
        answer = member.post(CONSUME, body)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.text == (
            '{"success":true,"remaining":4999,"consumed":1,'
            '"feature":{"key":"api_calls","name":"API Calls","allocated":5000,"consumed":1}}'
        )
        hold(answer)
        [row] = held(member.get(HISTORY))["history"]
        assert row["operation"] == "android_app_fetch"
        assert row["metadata"] == {"app_id": "com.example.app"}
    with professional.shop.admin() as api:
        [entry, *_] = api.get(f"/v2/accounts/{professional.shop.id}/entries").json()["data"]
    assert entry["amount"] == "-1"
    assert entry["operation"] == "api_calls"
    assert entry["metadata"] == body["metadata"]


def test_both_aliases_and_another_type(professional: Product) -> None:
    with professional.shop.person() as owner:
        api_calls = held(owner.post(CONSUME, {"feature_key": "API_CALL", "amount": 2}))
        assert api_calls["feature"] == {
            "key": "api_calls",
            "name": "API Calls",
            "allocated": 5000,
            "consumed": 2,
        }
        # data_scrapes is no feature of this product: the credit type itself is meant
        scrapes = held(owner.post(CONSUME, {"feature_key": "DATA_SCRAPE", "amount": 3}))
        assert scrapes == {
            "success": True,
            "remaining": 4997,
            "consumed": 3,
            "feature": {"key": "data_scrapes", "name": "Data Scrapes", "allocated": 5000, "consumed": 3},
        }
        assert one(owner, "DATA_SCRAPE")["consumed_credits"] == 3


def test_a_shortage(professional: Product) -> None:
    with professional.shop.person() as owner:
        answer = owner.post(CONSUME, {"feature_key": "api_calls", "amount": 5001}, key="short")
        assert held(answer, 402) == {
            "error": "Insufficient credits",
            "detail": "5001 credits are needed, 5000 are available.",
            "remaining": 5000,
        }
        assert one(owner)["consumed_credits"] == 0
        again = owner.post(CONSUME, {"feature_key": "api_calls", "amount": 5001}, key="short")
        assert (again.status_code, again.content) == (402, answer.content)
        assert again.headers["idempotent-replayed"] == "true"
        assert held(owner.get(HISTORY))["total_count"] == 0


def test_without_a_plan_and_without_a_wallet(sold: Product) -> None:
    with sold.shop.person() as owner:
        short = held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}), 402)
        assert short["remaining"] == 0
        with sold.shop.admin() as api:
            api.grant(sold.shop.id, 10, credit_type="api_calls", source="purchase")
        done = held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 4}))
        assert done["remaining"] == 6
        assert done["feature"] == {"key": "api_calls", "name": "API Calls", "allocated": 0, "consumed": 4}


def test_each_of_many_at_once_sees_its_own(professional: Product) -> None:
    with professional.shop.admin() as api:
        api.grant(professional.shop.id, 64, credit_type="data_scrapes")
    body = {"workspace_id": professional.workspace, "feature_key": "data_scrapes", "amount": 1}
    with professional.shop.person() as owner:
        held(owner.post(CONSUME, body | {"amount": 5000}))

    async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        client.headers["Content-Type"] = "application/json"
        return await asyncio.gather(*(client.post(CONSUME, json=body) for _ in range(80)))

    professional.house.keys["product"] = professional.shop.key
    answers = professional.house.together(work, "product")
    done = [answer.json() for answer in answers if answer.status_code == 200]
    short = [answer for answer in answers if answer.status_code == 402]
    assert len(done) == 64
    assert len(short) == 16
    assert sorted(one["remaining"] for one in done) == list(range(64))
    assert sorted(one["feature"]["consumed"] for one in done) == list(range(5001, 5065))
    assert all(one["remaining"] + one["feature"]["consumed"] == 5064 for one in done)
    assert all(one["feature"]["allocated"] == 5000 for one in done)
    assert {answer.json()["remaining"] for answer in short} == {0}


def test_many_at_once_of_two_types_and_natively(professional: Product) -> None:
    """What comes in between by another way, or of another type, is counted where it stands."""
    body = {"workspace_id": professional.workspace, "amount": 1}
    native = {"account": professional.shop.id, "credit_type": "api_calls", "amount": 1}

    async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        client.headers["Content-Type"] = "application/json"
        asked = []
        for n in range(60):
            if n % 3 == 2:
                asked.append(client.post("/v2/debits", json=native))
            else:
                key = ("api_calls", "data_scrapes")[n % 3]
                asked.append(client.post(CONSUME, json=body | {"feature_key": key}))
        return await asyncio.gather(*asked)

    professional.house.keys["product"] = professional.shop.key
    answers = professional.house.together(work, "product")
    mine = [answer.json() for n, answer in enumerate(answers) if n % 3 != 2]
    for key, total in (("api_calls", 40), ("data_scrapes", 20)):
        seen = [one for one in mine if one["feature"]["key"] == key]
        assert len(seen) == 20
        assert all(one["remaining"] + one["feature"]["consumed"] == 5000 for one in seen)
        assert len({one["remaining"] for one in seen}) == 20
        assert min(one["remaining"] for one in seen) >= 5000 - total
    with professional.shop.person() as owner:
        assert one(owner)["consumed_credits"] == 40
        assert one(owner, "DATA_SCRAPE")["consumed_credits"] == 20


def test_once_for_a_key(professional: Product) -> None:
    body = {"feature_key": "api_calls", "amount": 7}
    with professional.shop.person() as owner:
        first = owner.post(CONSUME, body, key="k1")
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 5}))
        again = owner.post(CONSUME, body, key="k1")
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"
        other = owner.post(CONSUME, body | {"amount": 8}, key="k1")
        held(other, 422)
        assert one(owner)["consumed_credits"] == 12


def test_once_for_a_key_in_a_later_period(professional: Product) -> None:
    professional.shop.card()
    body = {"feature_key": "api_calls", "amount": 7}
    with professional.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 5}))
        first = owner.post(CONSUME, body, key="k1")
    professional.advance(by="P1M")
    with professional.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}))
        again = owner.post(CONSUME, body, key="k1")
        assert again.content == first.content
        assert again.headers["idempotent-replayed"] == "true"


def test_an_allowance_that_is_due_comes_first(professional: Product) -> None:
    professional.shop.card()
    with professional.shop.person() as owner:
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 5000}))
        held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}), 402)
    professional.advance(by="P1M")
    with professional.shop.person() as owner:
        done = held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}))
        assert done["remaining"] == 4999
        assert done["feature"]["consumed"] == 1


def test_a_limit(professional: Product) -> None:
    with professional.shop.person() as owner:
        done = held(owner.post(CONSUME, {"feature_key": "max_projects", "amount": 4}, key="limit"))
        assert done == {
            "success": True,
            "remaining": 6,
            "consumed": 4,
            "feature": {"key": "max_projects", "name": "Maximum Projects", "allocated": 10, "consumed": 4},
        }
        again = owner.post(CONSUME, {"feature_key": "max_projects", "amount": 4}, key="limit")
        assert held(again) == done
        over = held(owner.post(CONSUME, {"feature_key": "max_projects", "amount": 7}), 402)
        assert (over["error"], over["remaining"]) == ("Limit reached", 6)
        scoped = {"feature_key": "max_keywords_per_project", "amount": 200, "metadata": {"project_id": 7}}
        assert held(owner.post(CONSUME, scoped))["remaining"] == 0
        assert held(owner.post(CONSUME, scoped | {"metadata": {"project_id": "8"}}))["remaining"] == 0
        held(owner.post(CONSUME, scoped | {"amount": 1}), 402)
        held(owner.post(CONSUME, scoped | {"metadata": {"project_id": [1]}}), 400)


def test_what_is_on_or_off(professional: Product) -> None:
    with professional.shop.person() as owner:
        body = held(owner.post(CONSUME, {"feature_key": "analytics", "amount": 1}), 400)
        assert body == {
            "error": "Feature cannot be consumed",
            "detail": "analytics is on or off: no amount of it can be used.",
        }


def test_a_plan_that_says_no_or_is_paused(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL", overrides={"features": {"api_calls": False}})
    with sold.shop.person() as owner:
        body = held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}), 402)
        assert (body["error"], body["remaining"]) == ("Limit reached", 0)
        assert one(owner)["available_credits"] == 5000


def test_who_may(professional: Product, stranger: Api, nobody: Api) -> None:
    body = {"workspace_id": professional.workspace, "feature_key": "api_calls", "amount": 1}
    forbidden = {"detail": "You do not have permission to perform this action."}
    with professional.shop.person(Role.VIEWER) as viewer:
        assert held(viewer.post(CONSUME, body), 403) == forbidden
    with professional.shop.person(None) as other:
        assert held(other.post(CONSUME, body), 404) == {"detail": "Not found."}
    stranger.http.headers["Content-Type"] = "application/json"
    assert held(stranger.post(CONSUME, body), 404) == {"detail": "Not found."}
    nobody.http.headers["Content-Type"] = "application/json"
    assert held(nobody.post(CONSUME, body), 401) == {
        "detail": "Authentication credentials were not provided."
    }
    with professional.shop.admin() as key:
        key.http.headers["Content-Type"] = "application/json"
        assert held(key.post(CONSUME, body))["remaining"] == 4999
        del body["workspace_id"]
        assert held(key.post(CONSUME, body), 400) == {"workspace_id": ["This field is required."]}
    with professional.shop.person() as owner:
        assert held(owner.post(CONSUME, body | {"feature_key": "nothing"}), 404) == {"detail": "Not found."}
        assert held(owner.post(CONSUME, body | {"feature_key": "x" * 256}), 400)


def test_a_blocked_account(professional: Product) -> None:
    with professional.shop.admin() as api:
        done = api.send("PATCH", f"/v2/accounts/{professional.shop.id}", {"status": "blocked"})
        assert done.status_code == 200, done.text
    with professional.shop.person() as owner:
        assert held(owner.post(CONSUME, {"feature_key": "api_calls", "amount": 1}), 409) == {
            "detail": "The account is blocked."
        }
