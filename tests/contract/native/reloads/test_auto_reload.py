"""/v2/accounts/{account}/auto-reload"""

from typing import Any

import pytest

from tests.contract.served import Api, House, fields_of, problem

from .saving import save_card

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/accounts/{account}/auto-reload",
    "GET /v2/accounts/{account}/auto-reload/{credit_type}",
    "PUT /v2/accounts/{account}/auto-reload/{credit_type}",
    "DELETE /v2/accounts/{account}/auto-reload/{credit_type}",
)


def place(account: str, credit_type: str = "credits") -> str:
    return f"/v2/accounts/{account}/auto-reload/{credit_type}"


def put(api: Api, account: str, body: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    body = {"threshold": 50, "amount": "100.5", "monthly_cap": "20.00"} if body is None else body
    done = api.send("PUT", place(account), body | more)
    assert done.status_code == 200, done.text
    return dict(done.json())


@pytest.fixture
def account(api: Api, house: House) -> str:
    account = api.funded(100)
    save_card(house, account)
    return account


def test_set_read_list_and_delete(api: Api, account: str) -> None:
    made = put(api, account)
    times = {made.pop("created_at"), made.pop("updated_at")}
    assert len(times) == 1
    assert made == {
        "account": account,
        "credit_type": "credits",
        "enabled": True,
        "state": "ready",
        "threshold": "50",
        "amount": "100.5",
        "package": None,
        "payment_method": None,
        "cooldown_seconds": 300,
        "monthly_cap": {"amount": 2000, "currency": "USD"},
        "spent_this_month": {"amount": 0, "currency": "USD"},
        "resumes_at": None,
        "stopped": None,
        "last": None,
    }
    found = api.get(place(account)).json()
    assert found["threshold"] == "50"
    listed = api.get(f"/v2/accounts/{account}/auto-reload").json()
    assert listed == {"data": [found], "next_cursor": None}
    gone = api.send("DELETE", place(account))
    assert gone.json() == {"account": account, "credit_type": "credits", "deleted": True}
    problem(api.get(place(account)), 404, "not_found")
    problem(api.send("DELETE", place(account)), 404, "not_found")
    assert api.get(f"/v2/accounts/{account}/auto-reload").json()["data"] == []
    log = api.get("/v2/audit-log").json()["data"]
    assert [row["action"] for row in log[:2]] == ["auto_reload.delete", "auto_reload.put"]


def test_a_package_and_a_card_are_named(api: Api, house: House, account: str) -> None:
    body = {
        "name": "Big",
        "key": "big",
        "credit_type": "credits",
        "credits": 500,
        "price": {"amount": "9.00", "currency": "USD"},
    }
    package = api.post("/v2/packages", body)
    assert package.status_code == 201, package.text
    card = save_card(house, account)
    for name in ("big", package.json()["id"]):
        made = put(api, account, {"threshold": 5, "package": name, "payment_method": card, "enabled": False})
        assert (made["package"], made["payment_method"]) == (package.json()["id"], card)
        assert (made["state"], made["amount"], made["monthly_cap"]) == ("off", None, None)
    problem(api.send("PUT", place(account), {"threshold": 5, "package": "none"}), 404, "not_found")
    low = {"threshold": 5, "package": "big", "monthly_cap": "8.99"}
    assert fields_of(problem(api.send("PUT", place(account), low), 422, "invalid_request")) == ["monthly_cap"]


def test_one_key_is_one_put(api: Api, account: str) -> None:
    body = {"threshold": 50, "amount": 100}
    first = api.send("PUT", place(account), body, key="k1" + account)
    again = api.send("PUT", place(account), body, key="k1" + account)
    assert (first.content, again.headers["idempotent-replayed"]) == (again.content, "true")
    problem(
        api.send("PUT", place(account), body | {"amount": 7}, key="k1" + account),
        422,
        "idempotency_key_reused",
    )


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"amount": 100}, "threshold"),
        ({"threshold": 0, "amount": 100}, "threshold"),
        ({"threshold": -1, "amount": 100}, "threshold"),
        ({"threshold": True, "amount": 100}, "threshold"),
        ({"threshold": 1.5, "amount": 100}, "threshold"),
        ({"threshold": 50}, "amount"),
        ({"threshold": 50, "amount": 1, "package": "x", "enabled": None}, "enabled"),
        ({"threshold": 50, "amount": "0.1"}, "amount"),
        ({"threshold": 50, "amount": 100, "cooldown_seconds": -1}, "cooldown_seconds"),
        ({"threshold": 50, "amount": 100, "cooldown_seconds": True}, "cooldown_seconds"),
        ({"threshold": 50, "amount": 100, "monthly_cap": "0.99"}, "monthly_cap"),
        ({"threshold": 50, "amount": 100, "monthly_cap": 1.5}, "monthly_cap"),
        ({"threshold": 50, "amount": 100, "more": 1}, "more"),
    ],
)
def test_what_is_refused(api: Api, account: str, body: dict[str, Any], field: str) -> None:
    said = problem(api.send("PUT", place(account), body), 422, "invalid_request")
    assert field in fields_of(said)
    problem(api.get(place(account)), 404, "not_found")


def test_without_a_way_to_pay(api: Api) -> None:
    account = api.funded(100)
    body = {"threshold": 50, "amount": 100}
    problem(api.send("PUT", place(account), body), 409, "no_payment_method")
    assert put(api, account, body, enabled=False)["state"] == "off"


def test_names_that_are_none(api: Api, house: House, account: str) -> None:
    for name in ("%00", "%ff", "nothing", "%F0%9F%98%80"):
        problem(api.get(place(account, name)), 404, "not_found")
        problem(api.send("DELETE", place(account, name)), 404, "not_found")
        problem(
            api.send("PUT", place(account, name), {"threshold": 1, "amount": 100}), 422, "invalid_request"
        )
    for card in ("x", "pm_" + "0" * 26, save_card(house, api.account())):
        body = {"threshold": 1, "amount": 100, "payment_method": card}
        problem(api.send("PUT", place(account), body), 404, "not_found")
