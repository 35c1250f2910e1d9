"""/v2/packages"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/packages",
    "POST /v2/packages",
    "GET /v2/packages/{package}",
    "PATCH /v2/packages/{package}",
    "DELETE /v2/packages/{package}",
)

PLAIN: dict[str, Any] = {"name": "Small", "credits": 100, "price": {"amount": "9.99", "currency": "USD"}}


def made(api: Api, **fields: Any) -> dict[str, Any]:
    answer = api.post("/v2/packages", PLAIN | fields)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_offer_and_read(api: Api, reader: Api) -> None:
    shown = made(api, key="small", bonus="5.5", expires_after_days=90, metadata={"a": [1]}, description="x")
    assert shown == {
        "id": shown["id"],
        "number": shown["number"],
        "key": "small",
        "name": "Small",
        "description": "x",
        "credit_type": "credits",
        "credits": "100",
        "bonus": "5.5",
        "price": {"amount": 999, "currency": "USD"},
        "expires_after_days": 90,
        "active": True,
        "metadata": {"a": [1]},
        "created_at": shown["created_at"],
        "updated_at": shown["created_at"],
    }
    assert shown["id"].startswith("pkg_")
    for path in ("small", shown["id"]):
        assert reader.get(f"/v2/packages/{path}").json() == shown
    yen = made(api, price={"amount": 1500, "currency": "JPY"}, active=False)
    assert (yen["price"], yen["key"], yen["active"]) == ({"amount": 1500, "currency": "JPY"}, None, False)
    assert made(api, price={"amount": "1.250", "currency": "KWD"})["price"]["amount"] == 1250
    problem(api.post("/v2/packages", PLAIN | {"key": "small"}), 409, "key_taken")


def test_once_for_a_key(api: Api) -> None:
    first, again = (api.post("/v2/packages", PLAIN, key="package-once") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/v2/packages", PLAIN | {"name": "Big"}, key="package-once")
    problem(other, 422, "idempotency_key_reused")


def test_change(api: Api) -> None:
    shown = made(api, key="changing", expires_after_days=30)
    body = {
        "name": "Bigger",
        "credits": "200.5",
        "price": {"amount": 5, "currency": "UGX"},
        "expires_after_days": None,
        "active": False,
    }
    changed = api.send("PATCH", "/v2/packages/changing", body)
    assert changed.status_code == 200
    assert changed.json() == shown | body | {"updated_at": changed.json()["updated_at"]}
    assert api.send("PATCH", f"/v2/packages/{shown['id']}", {}).json() == changed.json()
    for wrong, field in (
        ({"key": "x"}, "key"),
        ({"name": None}, "name"),
        ({"credits": 0}, "credits"),
        ({"price": {"amount": 1}}, "price.currency"),
        ({"price": None}, "price"),
        ({"price": {"amount": "9.9", "currency": "USD"}}, "price.amount"),
        ({"credit_type": "gold"}, "credit_type"),
        ({"credit_type": None}, "credit_type"),
        ({"active": "yes"}, "active"),
    ):
        refused = problem(api.send("PATCH", "/v2/packages/changing", wrong), 422, "invalid_request")
        assert fields_of(refused) == [field]


def test_delete(api: Api) -> None:
    shown = made(api, key="gone")
    assert api.send("DELETE", "/v2/packages/gone").json() == shown
    for path in ("gone", shown["id"]):
        problem(api.get(f"/v2/packages/{path}"), 404, "not_found")
        problem(api.send("DELETE", f"/v2/packages/{path}"), 404, "not_found")
    log = api.get("/v2/audit-log", limit=1).json()["data"][0]
    assert (log["action"], log["target"]) == ("package.delete", shown["id"])


def test_lists(stranger: Api) -> None:
    stranger.send("PUT", "/v2/credit-types", {"code": "calls", "name": "Calls"})
    made(stranger, name="One")
    made(stranger, name="Two", active=False, price={"amount": 0, "currency": "EUR"})
    made(stranger, name="Three", credit_type="calls")

    def listed(**query: Any) -> list[str]:
        return [row["name"] for row in stranger.get("/v2/packages", **query).json()["data"]]

    assert listed() == ["Three", "Two", "One"]
    assert listed(active="true") == ["Three", "One"]
    assert listed(active="false") == listed(currency="EUR") == listed(q="tw") == ["Two"]
    assert listed(credit_type="calls") == ["Three"]
    first = stranger.get("/v2/packages", limit=2).json()
    assert listed(limit=2, cursor=first["next_cursor"]) == ["One"]
    for query in ({"active": "1"}, {"currency": "XXX"}, {"limit": 101}, {"colour": "red"}):
        refused = problem(stranger.get("/v2/packages", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ...}, "name"),
        ({"credits": ...}, "credits"),
        ({"price": ...}, "price"),
        ({"name": "\ud800"}, "name"),
        ({"key": "\0"}, "key"),
        ({"credits": 0}, "credits"),
        ({"credits": -1}, "credits"),
        ({"credits": 1.5}, "credits"),
        ({"credits": "0.0000001"}, "credits"),
        ({"credits": 10**400}, "credits"),
        ({"bonus": "x"}, "bonus"),
        ({"price": 9}, "price"),
        ({"price": {"amount": 1.5, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": -1, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": True, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": "1.5", "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": 10**400, "currency": "USD"}}, "price.amount"),
        ({"price": {"amount": 2**53 - 1, "currency": "USD"}}, "price"),
        ({"price": {"amount": 1, "currency": "usd"}}, "price.currency"),
        ({"price": {"amount": 1, "currency": "USD", "x": 1}}, "price.x"),
        ({"credit_type": "gold"}, "credit_type"),
        ({"expires_after_days": 0}, "expires_after_days"),
        ({"expires_after_days": 10**400}, "expires_after_days"),
        ({"active": 1}, "active"),
        ({"active": None}, "active"),
        ({"metadata": {"a": "\ud800"}}, "metadata"),
        ({"metadata": []}, "metadata"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_named(api: Api, change: dict[str, Any], field: str) -> None:
    body = {name: value for name, value in (PLAIN | change).items() if value is not ...}
    refused = problem(api.post("/v2/packages", body), 422, "invalid_request")
    assert fields_of(refused) == [field]


@pytest.mark.parametrize("path", ["none", "pkg_" + "0" * 26, "pkg_x", "%00", "%ff"])
def test_unknown_packages(api: Api, path: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "x"}), ("DELETE", None)):
        problem(api.send(method, f"/v2/packages/{path}", body), 404, "not_found")
