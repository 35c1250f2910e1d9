"""POST stripe/checkout/ and stripe/checkout/credits/ without Stripe: the sandbox answers in the same shapes,
and its page is ours."""

import html
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Mode
from tests.clients import http_client
from tests.contract.conformance.holding import hold
from tests.contract.igny8.shops import Shop, shop
from tests.contract.native.payments.paying import made, pay
from tests.contract.native.subscribing import feature
from tests.contract.served import House

from .selling import CHECKOUT, CREDITS, opened, sandbox, tier

pytestmark = pytest.mark.holds(
    "appvector", "POST /api/billing/stripe/checkout/", "POST /api/billing/stripe/checkout/credits/"
)

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
NOWHERE = "01a2001e-34fb-7667-9821-00000000ffff"


@pytest.fixture
def sold(house: House) -> Shop:
    return sandbox(house)


@pytest.fixture
def plan(sold: Shop) -> str:
    with sold.admin() as api:
        return tier(api, "PROFESSIONAL", "149.00", 20)


def available(sold: Shop, code: str = "api_calls") -> str:
    with sold.admin() as api:
        rows = api.get(f"/v2/accounts/{sold.id}/balance").json()["balances"]
    return str(next((row["available"] for row in rows if row["credit_type"] == code), "0"))


def paid(page: dict[str, Any], card: str = "4242") -> str:
    """Pay on the page, in a browser; gives what it says then."""
    with http_client(follow_redirects=True) as browser:
        answer = browser.post(page["checkout_url"], content=f"card={card}", headers=FORM)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def test_a_plan_begins_with_its_money(sold: Shop, plan: str) -> None:
    with sold.person() as owner, sold.admin() as api:
        page = opened(
            owner, CHECKOUT, workspace_id=str(sold.account.uuid), plan_id=plan,
            success_url="http://localhost:3000/success?session_id={CHECKOUT_SESSION_ID}",
            cancel_url="http://localhost:3000/cancel",
        )  # fmt: skip
        assert list(page) == ["checkout_url", "session_id"]
        assert page["session_id"].startswith("cs_")
        with http_client() as browser:
            shown = html.unescape(browser.get(page["checkout_url"]).text)
        assert "Professional" in shown
        assert "http://localhost:3000/cancel" in shown
        assert made(api.get("/v2/subscriptions", account=sold.id), 200)["data"] == []
        then = paid(page)
        assert f"http://localhost:3000/success?session_id={page['session_id']}" in then
        [row] = made(api.get("/v2/subscriptions", account=sold.id), 200)["data"]
        assert row["status"] == "active"
    assert available(sold) == "5000"


def test_credits_arrive_with_their_money(sold: Shop) -> None:
    with sold.person() as owner:
        page = opened(owner, CREDITS, feature_key="api_calls", amount=1000)
        assert list(page) == ["checkout_url", "session_id", "amount"]
        assert page["amount"] == 1000
        assert available(sold) == "0"
        paid(page)
    assert available(sold) == "1000"


def test_a_declined_card_buys_nothing(sold: Shop, plan: str) -> None:
    with sold.person() as owner, sold.admin() as api:
        assert "declined" in paid(opened(owner, CHECKOUT, plan_id=plan), "0002")
        assert made(api.get("/v2/subscriptions", account=sold.id), 200)["data"] == []
    assert available(sold) == "0"


@pytest.mark.parametrize("amount", [1, 7, 1000, 123456])
def test_the_price_of_credits_is_theirs_times_their_number(sold: Shop, amount: int) -> None:
    with sold.admin() as api:
        api.send(
            "PUT", "/v2/credit-types", {"code": "data_scrapes", "name": "Data Scrapes", "unit_price": "2.5"}
        )
        with sold.person() as owner:
            opened(owner, CREDITS, feature_key="DATA_SCRAPE", amount=amount)
        [row] = made(api.get("/v2/checkouts", account=sold.id), 200)["data"]
    # half a cent goes to the even one
    assert row["amount"]["amount"] == round(amount * 2.5)


def test_a_feature_means_its_credits(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        feature(api, "searches", "CREDIT_BASED", credit_type="data_scrapes")
        feature(api, "max_projects")
        feature(api, "api_access", "BOOLEAN")
        paid(opened(owner, CREDITS, feature_key="searches", amount=20))
        assert available(sold, "data_scrapes") == "20"
        for key in ("max_projects", "api_access"):
            answer = owner.post(CREDITS, {"feature_key": key, "amount": 20})
            assert answer.status_code == 400, answer.text
            assert list(hold(answer)) == ["feature_key"]
        for key in ("nothing", "API_CALLS", "x" * 255, "é", "a\nb"):
            answer = owner.post(CREDITS, {"feature_key": key, "amount": 20})
            assert (answer.status_code, hold(answer)) == (404, {"detail": "Not found."}), key


def test_how_a_plan_is_named(sold: Shop) -> None:
    with sold.admin() as api, sold.person() as owner:
        monthly = tier(api, "STARTER", "49.00", 10)
        yearly = tier(api, "STARTER", "490.00", 10, interval="yearly")

        def price(**said: Any) -> int:
            opened(owner, CHECKOUT, **said)
            return int(made(api.get("/v2/checkouts", account=sold.id), 200)["data"][0]["amount"]["amount"])

        assert price(plan_id=monthly) == 4900
        assert price(plan_tier="STARTER") == 4900
        assert price(plan_tier="STARTER", billing_cycle="YEARLY") == 49000
        assert price(plan_id=monthly, billing_cycle="YEARLY") == 49000
        assert price(plan_id=yearly, billing_cycle="MONTHLY") == 4900
        for said, errors in (
            ({}, {"plan_id": ["This field is required."]}),
            ({"plan_id": None}, {"plan_id": ["This field is required."]}),
            (
                {"plan_id": monthly, "billing_cycle": "DAILY"},
                {"billing_cycle": ['"DAILY" is not a valid choice.']},
            ),
        ):
            answer = owner.post(CHECKOUT, said)
            assert (answer.status_code, hold(answer)) == (400, errors)
        for unknown in (NOWHERE, "x", "7", "plan_x"):
            answer = owner.post(CHECKOUT, {"plan_id": unknown})
            assert (answer.status_code, hold(answer)) == (404, {"detail": "Not found."}), unknown
        assert owner.post(CHECKOUT, {"plan_tier": "GOLD"}).status_code == 404


def test_a_plan_that_is_not_higher(sold: Shop, plan: str) -> None:
    with sold.admin() as api, sold.person() as owner:
        lower = tier(api, "STARTER", "49.00", 10)
        paid(opened(owner, CHECKOUT, plan_id=plan))
        for id in (plan, lower):
            answer = owner.post(CHECKOUT, {"plan_id": id})
            assert (answer.status_code, list(hold(answer))) == (409, ["detail"])
        higher = tier(api, "ENTERPRISE", "499.00", 30)
        paid(opened(owner, CHECKOUT, plan_id=higher))
        rows = made(api.get("/v2/subscriptions", account=sold.id), 200)["data"]
        assert [row["plan"]["name"] for row in rows if row["status"] == "active"] == ["Enterprise"]


def test_the_same_key_at_once_opens_one_page(sold: Shop, plan: str) -> None:
    token = sold.token(sold.user())
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": "one page"}

    def ask(_: int) -> httpx2.Response:
        return web.post(CHECKOUT, json={"plan_id": plan})

    with http_client(sold.house.url, headers=headers) as web, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
        again = ask(0)
        changed = web.post(CREDITS, json={"feature_key": "api_calls", "amount": 5})
    assert {one.status_code for one in answers} == {200}
    assert len({one.content for one in answers}) == 1
    with sold.admin() as api:
        assert len(made(api.get("/v2/checkouts", account=sold.id), 200)["data"]) == 1
    assert (again.content, again.headers["idempotent-replayed"]) == (answers[0].content, "true")
    assert (changed.status_code, list(changed.json())) == (422, ["detail"])


def test_a_form_opens_a_page_too(sold: Shop, plan: str) -> None:
    with sold.person() as owner:
        owner.http.headers["Content-Type"] = "application/x-www-form-urlencoded"
        answer = owner.post(CHECKOUT, f"plan_id={plan}&success_url=&cancel_url=")
        assert answer.status_code == 200, answer.text
        answer = owner.post(CREDITS, "feature_key=api_calls&amount=50")
        assert (answer.status_code, hold(answer)["amount"]) == (200, 50)


def test_money_by_transfer(house: House) -> None:
    sold = shop(house, mode=Mode.LIVE)
    with sold.admin() as api:
        api.send("PUT", "/v2/credit-types", {"code": "api_calls", "name": "API Calls"})
        made(api.send("PUT", "/v2/gateways/manual", {"enabled": True, "standard": True}), 200)
        with sold.person() as owner:
            page = opened(owner, CREDITS, feature_key="api_calls", amount=1000)
        assert page["session_id"].startswith("cs_")
        [row] = made(api.get("/v2/payments", account=sold.id), 200)["data"]
        made(api.post(f"/v2/payments/{row['id']}/approve", {}), 200)
    assert available(sold) == "1000"


def test_the_page_is_a_checkout_like_any_other(sold: Shop) -> None:
    with sold.person() as owner, sold.admin() as api:
        page = opened(owner, CREDITS, feature_key="api_calls", amount=300)
        [row] = made(api.get("/v2/checkouts", account=sold.id), 200)["data"]
        assert (row["url"], row["status"]) == (page["checkout_url"], "open")
        assert row["id"].rpartition("_")[2] == page["session_id"].rpartition("_")[2]
        pay(api, row)
        assert made(api.get(f"/v2/checkouts/{row['id']}"), 200)["status"] == "completed"
    assert available(sold) == "300"


@pytest.mark.parametrize(("terms", "status"), [(("0.00", 0), "active"), (("149.00", 14), "trialing")])
def test_a_plan_that_costs_nothing_now(sold: Shop, terms: tuple[str, int], status: str) -> None:
    """A free one, or one with a trial: it begins when the card is saved."""
    price, days = terms
    with sold.admin() as api, sold.person() as owner:
        tier(api, "FREE", price, 1, trial_days=days)
        page = opened(owner, CHECKOUT, plan_tier="FREE")
        assert page["session_id"].startswith("cs_")
        assert made(api.get("/v2/subscriptions", account=sold.id), 200)["data"] == []
        paid(page)
        [row] = made(api.get("/v2/subscriptions", account=sold.id), 200)["data"]
        assert row["status"] == status
        assert made(api.get("/v2/payments", account=sold.id), 200)["data"] == []
