"""A customer's account at Stripe, over HTTP: a plan with a saved card, a charge, a refund, a dispute, the portal."""

from typing import Any

import pytest

from tests.contract.served import Api, House
from tests.doubles.stripe import StripeDouble


def _ok(answer: Any, status: int = 201) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    return dict(answer.json())


@pytest.fixture
def told(house: House, stripe: StripeDouble) -> Any:
    """Have Stripe send what happened since the last time."""
    sent = len(stripe.events)

    def send() -> None:
        nonlocal sent
        events, sent = stripe.events[sent:], len(stripe.events)
        assert set(stripe.send(f"{house.url}/webhooks/stripe", events)) <= {200}

    return send


def _bill(api: Api, account: str) -> str:
    line = {"description": "Work", "amount": "5.00"}
    body = {"account": account, "lines": [line], "currency": "USD", "finalize": True}
    return str(_ok(api.post("/v2/invoices", body))["id"])


def _open(api: Api, account: str, **wanted: Any) -> tuple[dict[str, Any], str]:
    """A checkout, and the id of its session at Stripe."""
    made = _ok(api.post("/v2/checkouts", {"account": account, "gateway": "stripe", **wanted}))
    return made, str(made["url"].rsplit("/", 1)[1])


def test_a_plan_begins_with_its_money_and_the_card_is_kept(api: Api, stripe: StripeDouble, told: Any) -> None:
    component = {"key": "base", "kind": "flat", "amount": "19.00"}
    form = {"name": "Pro", "interval": "monthly", "currency": "USD", "components": [component]}
    plan = _ok(api.post("/v2/plans", form))["id"]
    account = api.account()
    _, session = _open(api, account, plan=plan, save_method=True)
    stripe.customer_pays(session, "4444")
    assert api.get("/v2/subscriptions", account=account).json()["data"] == []
    told()
    [row] = api.get("/v2/subscriptions", account=account).json()["data"]
    assert row["status"] == "active"
    [method] = api.get(f"/v2/accounts/{account}/payment-methods").json()["data"]
    assert (method["brand"], method["last4"]) == ("mastercard", "4444")
    # what comes later is charged to it
    charged = _ok(api.post("/v2/payments", {"invoice": _bill(api, account)}))
    assert (charged["status"], charged["gateway"]) == ("succeeded", "stripe")
    told()
    history = _ok(api.get(f"/v2/accounts/{account}/payment-history?gateway=stripe"), 200)
    assert [one["amount"]["amount"] for one in history["data"]] == [500, 1900]


def test_a_card_is_kept_without_paying_and_taken_away(api: Api, stripe: StripeDouble, told: Any) -> None:
    account = api.account()
    _, session = _open(api, account, method=True)
    stripe.customer_pays(session)
    told()
    [method] = api.get(f"/v2/accounts/{account}/payment-methods").json()["data"]
    _ok(api.send("DELETE", f"/v2/accounts/{account}/payment-methods/{method['id']}"), 200)
    told()
    assert api.get(f"/v2/accounts/{account}/payment-methods").json()["data"] == []
    refused = api.post("/v2/payments", {"invoice": _bill(api, account)})
    assert (refused.status_code, refused.json()["code"]) == (409, "no_payment_method")
    assert stripe.shelf.all("payment_method")[0]["customer"] is None


def test_money_goes_back_by_us_and_by_the_bank(api: Api, stripe: StripeDouble, told: Any) -> None:
    account = api.account()
    checkout, session = _open(api, account, credits={"amount": 500})
    stripe.customer_pays(session)
    told()
    refund = _ok(api.post("/v2/refunds", {"payment": checkout["payment"], "amount": "2.00"}))
    assert refund["status"] == "succeeded"
    told()
    [made] = [one for one in stripe.shelf.all("refund") if one["amount"] == 200]
    assert made["metadata"]["tallystick_refund"] == refund["id"]
    assert api.wallet(account)["posted"] == "300"
    dispute = stripe.bank_disputes(stripe.shelf.things[session]["payment_intent"])
    told()
    [row] = api.get("/v2/disputes", account=account).json()["data"]
    assert row["status"] == "open"
    stripe.bank_decides(dispute, won=False)
    told()
    assert _ok(api.get(f"/v2/disputes/{row['id']}"), 200)["status"] == "lost"
    assert api.wallet(account)["posted"] == "0"


def test_the_portal_is_stripes(api: Api, stripe: StripeDouble) -> None:
    account = api.account()
    portal = _ok(api.post("/v2/portal-sessions", {"account": account, "gateway": "stripe"}))
    assert portal["url"].startswith(stripe.url)
