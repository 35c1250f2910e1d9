"""POST /api/billing/subscription/upgrade/: now, and paid now; or nothing is changed"""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds("appvector", "POST /api/billing/subscription/upgrade/")

UPGRADE = "/api/billing/subscription/upgrade/"
SUBSCRIPTION = "/api/billing/subscription/"


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


def state(owner: Api) -> dict[str, Any]:
    found: dict[str, Any] = held(owner.get(SUBSCRIPTION))["subscription"]
    return found


def everything(sold: Product) -> dict[str, Any]:
    """All that a customer could see of an upgrade."""
    with sold.shop.admin() as api:
        [row] = api.get("/v2/subscriptions", account=sold.shop.id).json()["data"]
        return {
            "subscription": row,
            "changes": api.get(f"/v2/subscriptions/{row['id']}/changes").json()["data"],
            "invoices": api.get("/v2/invoices", account=sold.shop.id).json()["data"],
            "entries": api.get(f"/v2/accounts/{sold.shop.id}/entries").json()["data"],
            "balance": api.get(f"/v2/accounts/{sold.shop.id}/balance").json()["balances"],
        }


def payments(sold: Product) -> list[dict[str, Any]]:
    with sold.shop.admin() as api:
        rows: list[dict[str, Any]] = api.get("/v2/payments", account=sold.shop.id).json()["data"]
    return rows


def test_as_the_document_has_it(sold: Product) -> None:
    id = sold.subscribed("PROFESSIONAL")
    sold.shop.card()
    with sold.shop.person() as owner:
        before = state(owner)
        body = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE", "billing_cycle": "YEARLY"}))
        amount = body["subscription"].pop("prorated_amount")
        assert body == {
            "subscription": {
                "id": id,
                "plan": {"tier": "ENTERPRISE", "name": "Enterprise"},
                "status": "ACTIVE",
                "upgrade_applied": True,
            }
        }
        after = state(owner)
    # a year's price less all or, seconds later, nearly all of the month that was paid
    assert 4990 - 149 <= float(amount) <= 4990 - 148
    assert len(amount.partition(".")[2]) == 2
    assert after["billing_cycle"] == "YEARLY"
    assert after["plan"]["tier"] == "ENTERPRISE"
    assert after["current_period_end"] > before["current_period_end"]
    [paid] = payments(sold)
    assert (paid["status"], paid["cause"]) == ("succeeded", "request")
    assert paid["amount"] == {"amount": round(float(amount) * 100), "currency": "USD"}
    with sold.shop.admin() as api:
        rows = api.get("/v2/invoices", account=sold.shop.id).json()["data"]
        assert [row["status"] for row in rows] == ["paid", "paid"]
        assert rows[0]["id"] == paid["invoice"]
        wallets = {
            one["credit_type"]: one["posted"]
            for one in api.get(f"/v2/accounts/{sold.shop.id}/balance").json()["balances"]
        }
        assert wallets["api_calls"] == "20000"


def test_the_same_cycle_keeps_the_period(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    with sold.shop.person() as owner:
        before = state(owner)
        body = held(owner.post(UPGRADE, {"plan_id": sold.plans["PROFESSIONAL", "yearly"]}))
        assert 99.9 <= float(body["subscription"]["prorated_amount"]) <= 100.0
        after = state(owner)
    assert (after["billing_cycle"], after["current_period_end"]) == ("MONTHLY", before["current_period_end"])
    assert after["plan"] == {"tier": "PROFESSIONAL", "name": "Professional"}


def test_declined(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card("0341")
    before = everything(sold)
    with sold.shop.person() as owner:
        refused = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}, key="once"), 402)
        assert refused == {"error": "Payment declined", "detail": "The card was declined."}
        assert everything(sold) == before
        again = owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}, key="once")
        assert held(again, 402) == refused
        assert again.headers["idempotent-replayed"] == "true"
        assert [row["status"] for row in payments(sold)] == ["failed"]
        # another card, and it goes
        sold.shop.card()
        with sold.shop.admin() as api:
            methods = api.get(f"/v2/accounts/{sold.shop.id}/payment-methods").json()["data"]
            assert next(one for one in methods if one["default"])["last4"] == "4242"
        held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}))
        assert state(owner)["plan"]["tier"] == "ENTERPRISE"


def test_no_way_to_pay(sold: Product) -> None:
    sold.subscribed("STARTER")
    before = everything(sold)
    with sold.shop.person() as owner:
        refused = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}, key="k"), 402)
        assert refused == {"error": "Payment required", "detail": "The customer has no way to pay saved."}
        assert everything(sold) == before
        assert payments(sold) == []
        # nothing was tried, so the same key may try
        sold.shop.card()
        assert held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}, key="k"))


def test_a_further_step_is_not_paid(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card("3220")
    before = everything(sold)
    with sold.shop.person() as owner:
        refused = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}), 402)
        assert refused == {
            "error": "Payment declined",
            "detail": "The payment needs a further step of the card's owner; nothing was charged.",
        }
        assert everything(sold) == before
        [tried] = payments(sold)
        assert tried["status"] == "cancelled"


def test_nothing_to_pay_in_a_trial(sold: Product) -> None:
    with sold.shop.admin() as api:
        fields = {"tier": "trial", "rank": 1, "trial_days": 14}
        made = api.post("/v2/plans", {"name": "Try", "interval": "monthly", "currency": "USD", **fields})
        sub = api.post("/v2/subscriptions", {"account": sold.shop.id, "plan": made.json()["id"]})
        assert sub.status_code == 201, sub.text
    with sold.shop.person() as owner:
        before = state(owner)
        assert (before["status"], before["trial_ends_at"]) == ("TRIALING", before["current_period_end"])
        body = held(owner.post(UPGRADE, {"plan_tier": "STARTER"}))["subscription"]
        assert (body["status"], body["prorated_amount"]) == ("TRIALING", "0.00")
        assert state(owner)["plan"]["tier"] == "STARTER"
    assert payments(sold) == []


def test_a_shorter_cycle_is_credited(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL", "yearly")
    with sold.shop.person() as owner:
        body = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE", "billing_cycle": "MONTHLY"}))
        # the month's price less the year that was paid
        assert -991 <= float(body["subscription"]["prorated_amount"]) <= -990
        assert state(owner)["billing_cycle"] == "MONTHLY"
    assert payments(sold) == []


def test_lower_equal_and_none(sold: Product) -> None:
    with sold.shop.person() as owner:
        none = held(owner.post(UPGRADE, {"plan_tier": "STARTER"}), 404)
        assert none == {"detail": "No active subscription."}
        sold.subscribed("PROFESSIONAL")
        sold.shop.card()
        for said in (
            {"plan_tier": "STARTER"},
            {"plan_tier": "STARTER", "billing_cycle": "YEARLY"},
            {"plan_tier": "PROFESSIONAL"},
            {"plan_tier": "PROFESSIONAL", "billing_cycle": "YEARLY"},
        ):
            assert held(owner.post(UPGRADE, said), 409).keys() == {"detail"}
        assert state(owner)["plan"]["tier"] == "PROFESSIONAL"
    assert payments(sold) == []


def test_a_plan_that_is_none(sold: Product, house: House) -> None:
    sold.subscribed("STARTER")
    other = product(house)
    with sold.shop.person() as owner:
        for said in (
            {"plan_id": other.plans["ENTERPRISE", "monthly"]},
            {"plan_id": "x"},
            {"plan_id": 7},
            {"plan_tier": "GOLD"},
            {"plan_id": "018f0000-0000-7000-8000-000000000000"},
        ):
            assert held(owner.post(UPGRADE, said), 404) == {"detail": "Not found."}


def test_bad_bodies(sold: Product) -> None:
    sold.subscribed("STARTER")
    with sold.shop.person() as owner:
        for said, field in (
            ({}, "plan_tier"),
            ({"plan_tier": ""}, "plan_tier"),
            ({"plan_tier": ["x"]}, "plan_tier"),
            ({"plan_tier": "x" * 300}, "plan_tier"),
            ({"plan_tier": "ENTERPRISE", "billing_cycle": "WEEKLY"}, "billing_cycle"),
            (
                {"plan_tier": "STARTER", "plan_id": sold.plans["ENTERPRISE", "monthly"]},
                "plan_tier",
            ),
            ([], "non_field_errors"),
        ):
            assert held(owner.post(UPGRADE, said), 400).keys() == {field}
        assert "detail" in held(owner.post(UPGRADE, b"{"), 400)
        named = {"plan_tier": "ENTERPRISE", "workspace_id": [1]}
        assert held(owner.post(UPGRADE, named), 400).keys() == {"workspace_id"}


def test_who_may(sold: Product, house: House) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    said = {"plan_tier": "PROFESSIONAL", "workspace_id": sold.workspace}
    for role in (Role.VIEWER, Role.MEMBER):
        with sold.shop.person(role) as person:
            refused = held(person.post(UPGRADE, said), 403)
            assert refused == {"detail": "You do not have permission to perform this action."}
    other = product(house)
    with other.shop.person() as foreign:
        assert held(foreign.post(UPGRADE, said), 404) == {"detail": "Not found."}
    with house.client(None) as nobody:
        assert nobody.post(UPGRADE, said).status_code == 401
    with sold.shop.admin() as key:
        key.http.headers["Content-Type"] = "application/json"
        assert held(key.post(UPGRADE, {"plan_tier": "PROFESSIONAL"}), 400).keys() == {"workspace_id"}
        assert held(key.post(UPGRADE, said))["subscription"]["upgrade_applied"] is True


def test_a_blocked_workspace_is_charged_nothing(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    with sold.shop.admin() as api, sold.shop.person() as owner:
        assert api.send("PATCH", f"/v2/accounts/{sold.shop.id}", {"status": "blocked"}).status_code == 200
        refused = held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}), 409)
        assert refused == {"detail": "The account is blocked."}
        assert state(owner)["plan"]["tier"] == "STARTER"
    assert payments(sold) == []


def test_once_for_a_key(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    with sold.shop.person() as owner:
        first = owner.post(UPGRADE, {"plan_tier": "PROFESSIONAL"}, key="k")
        again = owner.post(UPGRADE, {"plan_tier": "PROFESSIONAL"}, key="k")
        assert held(first) == held(again)
        assert again.headers["idempotent-replayed"] == "true"
        held(owner.post(UPGRADE, {"plan_tier": "ENTERPRISE"}, key="k"), 422)
    assert len(payments(sold)) == 1


@pytest.mark.parametrize("key", [None, "same"])
def test_ten_at_once_charge_once(sold: Product, key: str | None) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    token = sold.shop.token(sold.shop.user())
    start = threading.Barrier(10)

    def one(_: int) -> int:
        with sold.house.client(token) as owner:
            owner.http.headers["Content-Type"] = "application/json"
            start.wait(30)
            answer = owner.post(UPGRADE, {"plan_tier": "PROFESSIONAL"}, key=key)
            held(answer, answer.status_code)
            return answer.status_code

    with ThreadPoolExecutor(10) as pool:
        said = sorted(pool.map(one, range(10)))
    assert said == ([200] * 10 if key else [200] + [409] * 9)
    assert [row["status"] for row in payments(sold)] == ["succeeded"]
    with sold.shop.admin() as api:
        assert len(api.get("/v2/invoices", account=sold.shop.id).json()["data"]) == 2


def test_against_a_cancel(sold: Product) -> None:
    """In whichever order they come, what is shown is what was answered."""
    sold.subscribed("STARTER")
    sold.shop.card()
    token = sold.shop.token(sold.shop.user())
    start = threading.Barrier(2)

    def one(path: str) -> Any:
        with sold.house.client(token) as owner:
            owner.http.headers["Content-Type"] = "application/json"
            start.wait(30)
            return held(owner.post(path, {"plan_tier": "PROFESSIONAL"}))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, (UPGRADE, SUBSCRIPTION + "cancel/")))
    with sold.shop.person() as owner:
        after = state(owner)
    assert after["plan"]["tier"] == "PROFESSIONAL"
    assert (after["status"], after["auto_renew"]) in (("CANCELLED", False), ("ACTIVE", True))
    assert [row["status"] for row in payments(sold)] == ["succeeded"]
