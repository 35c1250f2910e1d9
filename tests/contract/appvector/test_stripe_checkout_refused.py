"""POST stripe/checkout/ and stripe/checkout/credits/: what is refused, and whom."""

from typing import Any

import pytest

from tallystick.kernel.actor import Mode, Role
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop, shop
from tests.contract.native.payments.paying import made
from tests.contract.served import Api, House

from .selling import CHECKOUT, CREDITS, opened, sandbox, tier

pytestmark = pytest.mark.holds(
    "appvector", "POST /api/billing/stripe/checkout/", "POST /api/billing/stripe/checkout/credits/"
)


@pytest.fixture(scope="module")
def common(house: House) -> Shop:
    """One shop for all tests that leave nothing behind."""
    made = sandbox(house)
    with made.admin() as api:
        tier(api, "PROFESSIONAL", "149.00", 20)
    return made


@pytest.fixture
def sold(house: House) -> Shop:
    return sandbox(house)


@pytest.fixture
def plan(sold: Shop) -> str:
    with sold.admin() as api:
        return tier(api, "PROFESSIONAL", "149.00", 20)


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ({}, {"feature_key": ["This field is required."], "amount": ["This field is required."]}),
        ({"feature_key": "", "amount": 1}, {"feature_key": ["This field may not be blank."]}),
        ({"feature_key": None, "amount": 1}, {"feature_key": ["This field may not be null."]}),
        ({"feature_key": "api_calls", "amount": 0}, {"amount": ["Ensure this value is greater than or equal to 1."]}),
        ({"feature_key": "api_calls", "amount": -5}, {"amount": ["Ensure this value is greater than or equal to 1."]}),
        ({"feature_key": "api_calls", "amount": 1.5}, {"amount": ["A valid integer is required."]}),
        ({"feature_key": "api_calls", "amount": True}, {"amount": ["A valid integer is required."]}),
        ({"feature_key": "api_calls", "amount": "many"}, {"amount": ["A valid integer is required."]}),
        (
            {"feature_key": "api_calls", "amount": 10**30},
            {"amount": ["Ensure this value is less than or equal to 9007199254."]},
        ),
    ],
)  # fmt: skip
def test_bad_amounts(common: Shop, said: Any, errors: Any) -> None:
    with common.person() as owner, common.admin() as api:
        before = api.get("/v2/checkouts", account=common.id).json()
        answer = owner.post(CREDITS, said)
        assert (answer.status_code, hold(answer)) == (400, errors)
        assert api.get("/v2/checkouts", account=common.id).json() == before


def test_plans_of_others(house: House, sold: Shop) -> None:
    other = sandbox(house)
    with other.admin() as api:
        foreign = tier(api, "ENTERPRISE", "499.00", 30)
    with sold.person() as owner:
        answer = owner.post(CHECKOUT, {"plan_id": foreign})
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not found."})


@pytest.mark.parametrize(("path", "name"), [(CHECKOUT, "success_url"), (CREDITS, "cancel_url")])
@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/", "http://evil.example/", "javascript:alert(1)", "/billing", "//evil.example",
        "https://localhost.evil.example/", "https://user:pass@localhost/", "ftp://localhost/", "x", 7,
        "https://localhost/{OTHER}", "http://localhost:3000/a b", "https://evil.example#@localhost/",
    ],
)  # fmt: skip
def test_addresses_that_are_not_listed(common: Shop, path: str, name: str, url: Any) -> None:
    said = {"plan_tier": "PROFESSIONAL", "feature_key": "api_calls", "amount": 100}
    with common.person() as owner:
        answer = owner.post(path, said | {name: url})
    assert answer.status_code == 400, answer.text
    body = hold(answer)
    assert list(body) == [name]
    assert "CORS_ALLOWED_ORIGINS" in body[name][0]


def test_who_may(house: House, common: Shop, nobody: Api) -> None:
    sold, other = common, sandbox(house)
    said = {
        "workspace_id": str(sold.account.uuid),
        "plan_tier": "PROFESSIONAL",
        "feature_key": "api_calls",
        "amount": 100,
    }
    for path in (CHECKOUT, CREDITS):
        for role in (Role.VIEWER, Role.MEMBER):
            with sold.person(role) as person:
                answer = person.post(path, said)
                assert (answer.status_code, hold(answer)) == (
                    403,
                    {"detail": "You do not have permission to perform this action."},
                )
        with sold.person(Role.ADMIN) as person:
            assert person.post(path, said).status_code == 200
        with other.person() as stranger:
            answer = stranger.post(path, said)
            assert (answer.status_code, hold(answer)) == (404, {"detail": "Not found."})
        with sold.admin() as api:
            api.http.headers["Content-Type"] = "application/json"
            assert api.post(path, said).status_code == 200
            answer = api.post(path, {name: said[name] for name in said if name != "workspace_id"})
            assert (answer.status_code, hold(answer)) == (400, {"workspace_id": ["This field is required."]})
        answer = nobody.post(path, said)
        assert (answer.status_code, hold(answer)) == (
            401,
            {"detail": "Authentication credentials were not provided."},
        )


def test_live_customers_do_not_pay_with_test_cards(house: House) -> None:
    """In live mode nothing is sold until somebody has said how: not by the sandbox."""
    sold = shop(house, mode=Mode.LIVE)
    with sold.admin() as api:
        api.send("PUT", "/v2/credit-types", {"code": "api_calls", "name": "API Calls"})
        with sold.person() as owner:
            answer = owner.post(CREDITS, {"feature_key": "api_calls", "amount": 100})
            assert answer.status_code == 503
            body = hold(answer)
            assert body["error"] == "Payments unavailable"
            assert "put the settings of stripe" in body["detail"]
        # for a trial somebody may say so
        made(api.send("PUT", "/v2/gateways/sandbox", {"enabled": True, "standard": True}), 200)
        with sold.person() as owner:
            opened(owner, CREDITS, feature_key="api_calls", amount=100)


def test_a_blocked_workspace_buys_nothing(sold: Shop, plan: str) -> None:
    with sold.admin() as api, sold.person() as owner:
        made(api.send("PATCH", f"/v2/accounts/{sold.id}", {"status": "blocked"}), 200)
        for path, said in (
            (CHECKOUT, {"plan_id": plan}),
            (CREDITS, {"feature_key": "api_calls", "amount": 5}),
        ):
            answer = owner.post(path, said)
            assert (answer.status_code, list(hold(answer))) == (409, ["detail"])
