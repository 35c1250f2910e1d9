"""POST /v2/grants, POST /v2/grants/{grant}/refund"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds("native", "POST /v2/grants", "POST /v2/grants/{grant}/refund")


def test_grant(api: Api) -> None:
    account = api.account()
    body = {
        "account": account,
        "amount": "12.5",
        "source": "purchase",
        "priority": 10,
        "expires_at": "2100-01-01T00:00:00+03:00",
        "reference": "order-1",
        "description": "Ten and a bit",
        "metadata": {"b": [1, 2.5], "a": None},
        "paid": {"amount": "9.99", "currency": "USD"},
    }
    made = api.post("/v2/grants", body, key="g")
    assert made.status_code == 201
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "account": account,
        "credit_type": "credits",
        "amount": "12.5",
        "remaining": "12.5",
        "source": "purchase",
        "priority": 10,
        "expires_at": "2099-12-31T21:00:00Z",
        "paid": {"amount": 999, "currency": "USD"},
        "reference": "order-1",
        "description": "Ten and a bit",
        "metadata": {"b": [1, 2.5], "a": None},
        "created_at": shown["created_at"],
        "entry": shown["entry"],
        "available": "12.5",
        "posted": "12.5",
        "held": "0",
    }
    assert shown["id"].startswith("grant_")
    assert shown["created_at"].endswith("Z")
    api.debit(account, 5)
    again = api.post("/v2/grants", {**body, "amount": "12.50"}, key="g")
    assert (again.content, again.headers["idempotent-replayed"]) == (made.content, "true")


def test_what_is_not_said(api: Api) -> None:
    made = api.grant(api.account(), 1)
    assert (made["source"], made["priority"], made["expires_at"], made["paid"]) == ("bonus", 50, None, None)


def test_what_is_owed_is_repaid_first(api: Api) -> None:
    account = api.account()
    api.post(f"/v2/accounts/{account}/overdraft", {"overdraft": 10})
    api.debit(account, 4)
    made = api.grant(account, 10)
    assert (made["amount"], made["remaining"], made["posted"]) == ("10", "6", "6")


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("amount", 0, "amount"),
        ("amount", -1, "amount"),
        ("amount", 2**63, "amount"),
        ("source", "gift", "source"),
        ("priority", -1, "priority"),
        ("priority", 1001, "priority"),
        ("priority", "1", "priority"),
        ("priority", True, "priority"),
        ("expires_at", "tomorrow", "expires_at"),
        ("expires_at", "2100-01-01T00:00:00", "expires_at"),
        ("expires_at", 4102444800, "expires_at"),
        ("expires_at", "2001-01-01", "expires_at"),
        ("paid", {"amount": 1}, "paid.currency"),
        ("paid", {"amount": 1, "currency": "usd"}, "paid.currency"),
        ("paid", {"amount": "9.9", "currency": "USD"}, "paid.amount"),
        ("paid", {"amount": -1, "currency": "USD"}, "paid.amount"),
        ("paid", {"amount": 1.5, "currency": "USD"}, "paid.amount"),
        ("paid", {"amount": 1, "currency": "USD", "tax": 1}, "paid.tax"),
        ("paid", 5, "paid"),
        ("metadata", [], "metadata"),
        ("colour", "red", "colour"),
    ],
)
def test_values_that_are_wrong(api: Api, field: str, value: Any, named: str) -> None:
    response = api.post("/v2/grants", {"account": api.account(), "amount": 1, field: value})
    assert named in {
        name.removesuffix(".int").removesuffix(".str")
        for name in fields_of(problem(response, 422, "invalid_request"))
    }


@pytest.mark.parametrize(
    ("paid", "minor"),
    [({"amount": "5000", "currency": "UGX"}, 5000), ({"amount": "1.234", "currency": "KWD"}, 1234)],
)
def test_prices_by_their_currency(api: Api, paid: dict[str, Any], minor: int) -> None:
    assert api.grant(api.account(), 1, paid=paid)["paid"]["amount"] == minor


def test_too_many_credits(api: Api) -> None:
    account = api.account()
    most = "9007199254.740991"
    for _ in range(520):
        response = api.post("/v2/grants", {"account": account, "amount": most})
        if response.status_code != 201:
            break
    problem(response, 409, "balance_too_large")


def test_refund(api: Api) -> None:
    account = api.account()
    grant = api.grant(account, 100, source="purchase")
    made = api.post(f"/v2/grants/{grant['id']}/refund", {"amount": 30, "reason": "paid twice"}, key="r")
    assert made.status_code == 201
    assert (made.json()["amount"], made.json()["posted"], made.json()["reason"]) == ("30", "70", "paid twice")
    again = api.post(f"/v2/grants/{grant['id']}/refund", {"amount": 30, "reason": "paid twice"}, key="r")
    assert again.content == made.content
    path = f"/v2/grants/{grant['id']}/refund"
    problem(api.post(path, {"amount": 101, "reason": "x"}), 409, "exceeds_grant")
    assert problem(api.post(path, {"amount": 71, "reason": "x"}), 409, "exceeds_grant")["refundable"] == "70"
    api.debit(account, 60)
    problem(api.post(path, {"amount": 20, "reason": "x"}), 402, "insufficient_credits")
    assert fields_of(problem(api.post(path, {"amount": 1}), 422, "invalid_request")) == ["reason"]
    problem(api.post("/v2/grants/grant_nope/refund", {"amount": 1, "reason": "x"}), 404, "not_found")
