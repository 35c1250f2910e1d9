"""POST /api/billing/credits/bonus/"""

import asyncio
from typing import Any

import httpx2
import psycopg
import pytest

from tallystick.domain.identity.keys import create_api_key
from tallystick.kernel.actor import Role, Scope
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/credits/bonus/")

BONUS = "/api/billing/credits/bonus/"
CREDITS = "/api/billing/credits/"


@pytest.fixture(scope="module")
def common(house: House) -> Product:
    """One for all that changes nothing."""
    return product(house)


@pytest.fixture
def sold(house: House) -> Product:
    made = product(house)
    made.subscribed("PROFESSIONAL")
    return made


def body_of(sold: Product, **fields: Any) -> dict[str, Any]:
    said = {
        "workspace_id": sold.workspace,
        "feature_key": "api_calls",
        "amount": 500,
        "reason": "Customer appreciation bonus",
    }
    return said | fields


def audited(sold: Product) -> list[tuple[Any, ...]]:
    """What the audit log says of bonuses of the product's."""
    with psycopg.connect(sold.house.database_url) as conn:
        return conn.execute(
            "select actor, target, reason, details from audit_log"
            " where tenant_id = %s and action = 'bonus' order by id",
            [sold.shop.tenant],
        ).fetchall()


def json(api: Api) -> Api:
    api.http.headers["Content-Type"] = "application/json"
    return api


def test_the_documents_example_to_the_letter(sold: Product) -> None:
    with sold.shop.person(None, staff=True) as staff, sold.shop.admin() as api:
        api.debit(sold.shop.id, 12, credit_type="api_calls")
        answer = staff.post(BONUS, body_of(sold))
        assert answer.status_code == 200, answer.text
        assert answer.text == '{"success":true,"feature_key":"api_calls","amount_added":500,"new_total":5500}'
        hold(answer)
        [(actor, target, reason, details)] = audited(sold)
        assert actor.startswith("user:")
        assert target == f"acct:{sold.workspace}"
        assert reason == "Customer appreciation bonus"
        assert details == {"credit_type": "api_calls", "amount": "500"}
    with sold.shop.person() as owner:
        found = held(owner.get(CREDITS))["balances"][1]
        assert (found["bonus_credits"], found["available_credits"]) == (500, 5488)


def test_a_key(sold: Product) -> None:
    with sold.shop.admin() as api:
        done = held(json(api).post(BONUS, body_of(sold, feature_key="DATA_SCRAPE", amount=1)))
        assert done == {"success": True, "feature_key": "data_scrapes", "amount_added": 1, "new_total": 5001}
    for scope in (Scope.READ, Scope.WRITE):
        with sold.house.client(key_of(sold, scope)) as key:
            assert held(json(key).post(BONUS, body_of(sold)), 403) == {
                "detail": "You do not have permission to perform this action."
            }


def key_of(sold: Product, scope: Scope) -> str:
    async def work() -> str:
        async with sold.house.system.db.tx() as tx:
            made = await create_api_key(
                tx, sold.house.system.secrets, sold.shop.tenant, name="x", scope=scope, created_by="test"
            )
        return made.text

    return sold.house.run(work())


def test_no_role_in_the_workspace_may(sold: Product, stranger: Api, nobody: Api) -> None:
    for role in Role:
        with sold.shop.person(role) as person:
            assert held(person.post(BONUS, body_of(sold)), 403) == {
                "detail": "You do not have permission to perform this action."
            }
    with sold.shop.person(None) as other:
        held(other.post(BONUS, body_of(sold)), 404)
    held(json(stranger).post(BONUS, body_of(sold)), 404)
    held(json(nobody).post(BONUS, body_of(sold)), 401)
    with sold.shop.person() as owner:
        assert held(owner.get(CREDITS))["balances"][1]["bonus_credits"] == 0


def test_once_for_a_key(sold: Product) -> None:
    with sold.shop.admin() as api:
        first = json(api).post(BONUS, body_of(sold), key="b1")
        api.debit(sold.shop.id, 5, credit_type="api_calls")
        held(api.post(BONUS, body_of(sold)))
        again = api.post(BONUS, body_of(sold), key="b1")
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
        held(api.post(BONUS, body_of(sold, amount=501), key="b1"), 422)
        held(api.post(BONUS, body_of(sold, reason="Another"), key="b1"), 422)
        assert len(audited(sold)) == 2


def test_many_at_once(sold: Product) -> None:
    async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(*(client.post(BONUS, json=body_of(sold, amount=1)) for _ in range(20)))

    sold.house.keys["product"] = sold.shop.key
    answers = sold.house.together(work, "product")
    assert sorted(answer.json()["new_total"] for answer in answers) == list(range(5001, 5021))


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"amount": 0}, "amount"),
        ({"amount": -5}, "amount"),
        ({"amount": "1.5"}, "amount"),
        ({"amount": 10**16}, "amount"),
        ({"reason": ""}, "reason"),
        ({"reason": None}, "reason"),
        ({"reason": "x" * 501}, "reason"),
        ({"reason": "a\x01b"}, "reason"),
        ({"feature_key": []}, "feature_key"),
    ],
)
def test_bad_bodies(common: Product, fields: dict[str, Any], wrong: str) -> None:
    with common.shop.admin() as api:
        assert list(held(json(api).post(BONUS, body_of(common, **fields)), 400)) == [wrong]
        assert held(api.get(CREDITS, workspace_id=common.workspace)) == {"balances": []}


def test_what_is_not_paid_in_credits(common: Product) -> None:
    with common.shop.admin() as api:
        for key in ("analytics", "max_projects"):
            assert held(json(api).post(BONUS, body_of(common, feature_key=key)), 400)["error"]
        held(api.post(BONUS, body_of(common, feature_key="nothing")), 404)
