"""A purchase from end to end: a checkout over HTTP, the customer at Stripe's page, and back at ours."""

from typing import Any

import pytest

from tests.contract.served import Api, House
from tests.doubles.stripe import StripeDouble


@pytest.fixture(scope="module")
def package(house: House) -> str:
    """1,000 credits for 29.00 USD."""
    with house.client("admin") as api:
        made = api.post(
            "/v2/packages",
            {"name": "1,000 credits", "credits": 1000, "price": {"amount": "29.00", "currency": "USD"}},
        )
        assert made.status_code == 201, made.text
        return str(made.json()["id"])


def _open(api: Api, package: str, **said: Any) -> dict[str, Any]:
    account = api.account(name="Ada", email="ada@example.org")
    made = api.post("/v2/checkouts", {"account": account, "package": package, "gateway": "stripe", **said})
    assert made.status_code == 201, made.text
    return dict(made.json())


def _session(stripe: StripeDouble, checkout: dict[str, Any]) -> str:
    """The id of Stripe's session, which its address names."""
    assert checkout["url"].startswith(stripe.url)
    return str(checkout["url"].rsplit("/", 1)[1])


def _credits(api: Api, account: str) -> str:
    balances = api.get(f"/v2/accounts/{account}/balance").json()["balances"]
    return str(balances[0]["posted"]) if balances else "0"


def test_a_package_is_bought(house: House, api: Api, stripe: StripeDouble, package: str) -> None:
    before = len(stripe.events)
    checkout = _open(api, package, success_url="https://shop.example/thanks?id={CHECKOUT_SESSION_ID}")
    session = _session(stripe, checkout)
    assert stripe.customer_pays(session) == f"https://shop.example/thanks?id={session}"
    assert _credits(api, checkout["account"]) == "0"
    events = stripe.events[before:]
    for _ in range(2):
        assert set(stripe.send(f"{house.url}/webhooks/stripe", events)) == {200}
        assert _credits(api, checkout["account"]) == "1000"
    [payment] = api.get("/v2/payments", account=checkout["account"]).json()["data"]
    assert (payment["status"], payment["gateway"]) == ("succeeded", "stripe")
    assert api.get(f"/v2/checkouts/{checkout['id']}").json()["status"] == "completed"


def test_a_customer_who_is_faster_than_the_event(
    house: House, api: Api, nobody: Api, stripe: StripeDouble, package: str
) -> None:
    before = len(stripe.events)
    checkout = _open(api, package)
    back = stripe.customer_pays(_session(stripe, checkout))
    assert back.startswith(f"{house.url}/pay/{checkout['id']}/")
    page = nobody.http.get(back, follow_redirects=True)
    assert page.status_code == 200
    assert "has arrived" in page.text
    assert _credits(api, checkout["account"]) == "1000"
    assert set(stripe.send(f"{house.url}/webhooks/stripe", stripe.events[before:])) == {200}
    assert _credits(api, checkout["account"]) == "1000"


def test_a_customer_whose_money_takes_days(
    house: House, api: Api, nobody: Api, stripe: StripeDouble, package: str
) -> None:
    checkout = _open(api, package)
    session = _session(stripe, checkout)
    back = stripe.customer_pays(session, "3000")
    page = nobody.http.get(back, follow_redirects=True)
    assert "under way" in page.text
    assert _credits(api, checkout["account"]) == "0"
    stripe.money_arrives(stripe.shelf.things[session]["payment_intent"])
    page = nobody.http.get(back, follow_redirects=True)
    assert "has arrived" in page.text
    assert _credits(api, checkout["account"]) == "1000"


def test_a_customer_who_comes_back_from_the_bank(nobody: Api) -> None:
    page = nobody.get("/pay/done")
    assert page.status_code == 200
    assert "close this page" in page.text


def test_stripe_is_away(api: Api, stripe: StripeDouble, package: str) -> None:
    account = api.account(name="Ada")
    body = {"account": account, "package": package, "gateway": "stripe"}
    with stripe.away("500"):
        assert api.post("/v2/checkouts", body, key="buy-1").status_code == 503
    made = api.post("/v2/checkouts", body, key="buy-1")
    assert made.status_code == 201, made.text
    assert made.json()["url"].startswith(stripe.url)


def test_the_secrets_are_never_answered(house: House, api: Api, stripe: StripeDouble, package: str) -> None:
    checkout = _open(api, package)
    account = checkout["account"]
    portal = api.post("/v2/portal-sessions", {"account": account, "gateway": "stripe"})
    answers = [
        api.get("/v2/gateways"),
        api.get("/v2/gateways/stripe"),
        api.get(f"/v2/checkouts/{checkout['id']}"),
        api.get(f"/v2/accounts/{account}/payment-history"),
        api.get("/v2/audit-log"),
        portal,
    ]
    for answer in answers:
        assert answer.status_code < 500, answer.text
        assert stripe.key not in answer.text
        assert stripe.secret not in answer.text


def test_stripe_is_connected_as_the_readme_says(api: Api, stripe: StripeDouble, package: str) -> None:
    put = api.send("PUT", "/v2/gateways/stripe", {"enabled": True, "standard": True})
    assert put.status_code == 200, put.text
    try:
        account = api.account()
        made = api.post("/v2/checkouts", {"account": account, "package": package})
        assert made.json()["url"].startswith(stripe.url)
    finally:
        api.send("PUT", "/v2/gateways/sandbox", {"enabled": True, "standard": True})
