"""GET /api/billing/subscription/, downgrade/ and cancel/: what is, and what waits for the period's end"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.subscribing import plan
from tests.contract.served import Api, House

from .product import Product, held, product

pytestmark = pytest.mark.holds(
    "appvector",
    "GET /api/billing/subscription/",
    "POST /api/billing/subscription/downgrade/",
    "POST /api/billing/subscription/cancel/",
)

SUBSCRIPTION = "/api/billing/subscription/"
DOWNGRADE = SUBSCRIPTION + "downgrade/"
CANCEL = SUBSCRIPTION + "cancel/"
FORBIDDEN = {"detail": "You do not have permission to perform this action."}


@pytest.fixture
def sold(house: House) -> Product:
    return product(house)


@pytest.fixture(scope="module")
def standing(house: House) -> Product:
    """One whose subscription nobody changes."""
    made = product(house)
    made.subscribed("PROFESSIONAL")
    return made


def state(owner: Api) -> dict[str, Any]:
    found: dict[str, Any] = held(owner.get(SUBSCRIPTION))["subscription"]
    return found


def native(sold: Product) -> dict[str, Any]:
    with sold.shop.admin() as api:
        [row] = api.get("/v2/subscriptions", account=sold.shop.id).json()["data"]
    return dict(row)


def last_second(end: str) -> str:
    moment = datetime.fromisoformat(end) - timedelta(seconds=1)
    return moment.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def test_as_the_document_has_it(sold: Product) -> None:
    with sold.shop.person() as owner:
        assert held(owner.get(SUBSCRIPTION)) == {"subscription": None}
        id = sold.subscribed("PROFESSIONAL")
        row = native(sold)
        assert held(owner.get(SUBSCRIPTION)) == {
            "subscription": {
                "id": id,
                "plan": {"tier": "PROFESSIONAL", "name": "Professional"},
                "status": "ACTIVE",
                "billing_cycle": "MONTHLY",
                "current_period_start": row["current_period_start"],
                "current_period_end": last_second(row["current_period_end"]),
                "auto_renew": True,
                "trial_ends_at": None,
            }
        }


def test_other_states(sold: Product) -> None:
    with sold.shop.admin() as api, sold.shop.person() as owner:
        bare = plan(api, "9.00", name="Bare", interval="quarterly")
        made = api.post("/v2/subscriptions", {"account": sold.shop.id, "plan": bare})
        assert made.status_code == 201, made.text
        found = state(owner)
        assert (found["status"], found["billing_cycle"]) == ("INCOMPLETE", "QUARTERLY")
        assert found["plan"] == {"tier": None, "name": "Bare"}
        api.post(f"/v2/invoices/{made.json()['invoice']['id']}/pay", {})
        assert state(owner)["status"] == "ACTIVE"
        assert api.post(f"/v2/subscriptions/{made.json()['id']}/pause", {}).status_code == 200
        assert state(owner)["status"] == "PAUSED"


def test_who_may(standing: Product, house: House) -> None:
    named = {"workspace_id": standing.workspace}
    with standing.shop.person(Role.VIEWER) as viewer:
        assert state(viewer)["status"] == "ACTIVE"
        for path in (DOWNGRADE, CANCEL):
            assert held(viewer.post(path, named), 403) == FORBIDDEN
    with standing.shop.person(Role.MEMBER) as member:
        for path in (DOWNGRADE, CANCEL):
            assert held(member.post(path, named), 403) == FORBIDDEN
    with product(house).shop.person() as foreign:
        assert held(foreign.get(SUBSCRIPTION, **named), 404) == {"detail": "Not found."}
        assert held(foreign.get(SUBSCRIPTION)) == {"subscription": None}
        for path in (DOWNGRADE, CANCEL):
            said = {"plan_tier": "STARTER"} | named
            assert held(foreign.post(path, said), 404) == {"detail": "Not found."}
    with house.client(None) as nobody:
        held(nobody.get(SUBSCRIPTION), 401)
        for path in (DOWNGRADE, CANCEL):
            held(nobody.post(path, b"{"), 401)
    with standing.shop.admin() as key:
        for form in (standing.workspace, standing.shop.id):
            assert held(key.get(SUBSCRIPTION, workspace_id=form))["subscription"]["status"] == "ACTIVE"
        assert held(key.get(SUBSCRIPTION), 400) == {"workspace_id": ["This field is required."]}
        for form in ("x", "018f0000-0000-7000-8000-000000000000"):
            assert held(key.get(SUBSCRIPTION, workspace_id=form), 404) == {"detail": "Not found."}
        key.http.headers["X-Account"] = standing.workspace
        assert held(key.get(SUBSCRIPTION))["subscription"]["status"] == "ACTIVE"


def test_a_downgrade_takes_effect_at_the_end(sold: Product) -> None:
    id = sold.subscribed("PROFESSIONAL")
    sold.shop.card()
    with sold.shop.person() as owner:
        before = state(owner)
        said = {"workspace_id": sold.workspace, "plan_id": sold.plans["STARTER", "monthly"]}
        body = held(owner.post(DOWNGRADE, said, key="d"))
        assert body == {
            "subscription": {
                "id": id,
                "plan": {"tier": "STARTER", "name": "Starter"},
                "status": "ACTIVE",
                "downgrade_scheduled": True,
                "downgrade_effective_date": before["current_period_end"],
            }
        }
        again = owner.post(DOWNGRADE, said, key="d")
        assert (again.json(), again.headers["idempotent-replayed"]) == (body, "true")
        held(owner.post(DOWNGRADE, said | {"billing_cycle": "YEARLY"}, key="d"), 422)
        assert state(owner) == before
        sold.advance(by="P1M")
        after = state(owner)
        assert after["plan"] == {"tier": "STARTER", "name": "Starter"}
        assert after["current_period_start"] > before["current_period_end"]


def test_another_cycle_waits_too(sold: Product) -> None:
    sold.subscribed("PROFESSIONAL")
    sold.shop.card()
    with sold.shop.person() as owner:
        for said in (
            {"plan_tier": "professional", "billing_cycle": "YEARLY"},
            {"plan_id": sold.plans["STARTER", "monthly"], "billing_cycle": "YEARLY"},
            {"plan_tier": "PROFESSIONAL", "billing_cycle": "YEARLY"},
        ):
            body = held(owner.post(DOWNGRADE, said))["subscription"]
            assert body["plan"]["tier"] == said.get("plan_tier", "STARTER").upper()
        sold.advance(by="P1M")
        assert state(owner)["billing_cycle"] == "YEARLY"
        assert state(owner)["plan"]["tier"] == "PROFESSIONAL"


def test_no_downgrade(sold: Product, house: House) -> None:
    with sold.shop.person() as owner:
        none = {"detail": "No active subscription."}
        assert held(owner.post(DOWNGRADE, {"plan_tier": "STARTER"}), 404) == none
        sold.subscribed("PROFESSIONAL")
        before = native(sold)
        higher = held(owner.post(DOWNGRADE, {"plan_tier": "ENTERPRISE"}), 409)
        assert higher == {"detail": "That is a higher plan: upgrade to it."}
        held(owner.post(DOWNGRADE, {"plan_tier": "PROFESSIONAL"}), 409)
        for said in (
            {"plan_id": product(house).plans["STARTER", "monthly"]},
            {"plan_id": "%"},
            {"plan_tier": "GOLD"},
        ):
            assert held(owner.post(DOWNGRADE, said), 404) == {"detail": "Not found."}
        assert held(owner.post(DOWNGRADE, {}), 400) == {"plan_id": ["This field is required."]}
        assert native(sold) == before


def test_cancel(sold: Product) -> None:
    id = sold.subscribed("PROFESSIONAL")
    with sold.shop.person() as owner:
        before = state(owner)
        said = {"workspace_id": sold.workspace, "reason": "Too dear"}
        body = held(owner.post(CANCEL, said))
        assert body == {
            "subscription": {
                "id": id,
                "status": "CANCELLED",
                "cancel_at_period_end": True,
                "period_end": before["current_period_end"],
            }
        }
        assert native(sold)["cancel_reason"] == "Too dear"
        # again it is the same answer, whatever is said besides
        for more in ({}, {"reason": None}, {"reason": ""}):
            assert held(owner.post(CANCEL, more)) == body
        assert held(owner.post(CANCEL)) == body
        assert state(owner) == before | {"status": "CANCELLED", "auto_renew": False}
        sold.advance(by="P1M")
        assert held(owner.get(SUBSCRIPTION)) == {"subscription": None}
        assert held(owner.post(CANCEL), 404) == {"detail": "No active subscription."}


def test_a_cancel_in_a_form_and_in_bad_ones(sold: Product) -> None:
    sold.subscribed("STARTER")
    with sold.shop.person() as owner:
        before = native(sold)
        for said in ({"reason": "x" * 501}, {"reason": ["x"]}, {"reason": "\x00"}, {"reason": "a\x07b"}):
            assert held(owner.post(CANCEL, said), 400).keys() == {"reason"}
        assert held(owner.post(CANCEL, []), 400).keys() == {"non_field_errors"}
        assert native(sold) == before
        owner.http.headers["Content-Type"] = "application/x-www-form-urlencoded"
        assert held(owner.post(CANCEL, "reason=Because"))["subscription"]["status"] == "CANCELLED"
        assert native(sold)["cancel_reason"] == "Because"


def test_one_that_was_never_paid_is_over_at_once(sold: Product) -> None:
    with sold.shop.admin() as api:
        bare = plan(api, "9.00", tier="bare", rank=1)
        made = api.post("/v2/subscriptions", {"account": sold.shop.id, "plan": bare})
        assert made.status_code == 201, made.text
    with sold.shop.person() as owner:
        body = held(owner.post(CANCEL))["subscription"]
        assert (body["status"], body["cancel_at_period_end"]) == ("CANCELLED", False)
        assert held(owner.get(SUBSCRIPTION)) == {"subscription": None}


def test_an_upgrade_takes_a_cancel_back(sold: Product) -> None:
    sold.subscribed("STARTER")
    sold.shop.card()
    with sold.shop.person() as owner:
        held(owner.post(CANCEL))
        body = held(owner.post(SUBSCRIPTION + "upgrade/", {"plan_tier": "PROFESSIONAL"}))
        assert body["subscription"]["status"] == "ACTIVE"
        assert state(owner)["auto_renew"] is True


def test_many_changes_at_once(sold: Product) -> None:
    """More of them than the server has connections to the database: each is answered, and the last one stands."""
    sold.subscribed("PROFESSIONAL")
    token = sold.shop.token(sold.shop.user())
    start = threading.Barrier(40)

    def one(number: int) -> int:
        with sold.house.client(token) as owner:
            owner.http.headers["Content-Type"] = "application/json"
            start.wait(30)
            if number % 2:
                answer = owner.post(CANCEL, {}, key=f"c{number}")
            else:
                answer = owner.post(DOWNGRADE, {"plan_tier": "STARTER"}, key=f"d{number}")
            held(answer, answer.status_code)
            return answer.status_code

    with ThreadPoolExecutor(40) as pool:
        assert set(pool.map(one, range(40))) == {200}
    row = native(sold)
    assert row["cancel_at_period_end"] is not (row["scheduled_change"] is not None)
