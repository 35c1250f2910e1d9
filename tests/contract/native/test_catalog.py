"""/v2/credit-types, /v2/rate-card, /v2/requests"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/credit-types",
    "PUT /v2/credit-types",
    "GET /v2/rate-card",
    "PUT /v2/rate-card",
    "GET /v2/rate-card/versions",
    "POST /v2/requests",
)


def test_credit_types(api: Api) -> None:
    made = api.send("PUT", "/v2/credit-types", {"code": "calls", "name": "Calls"})
    assert made.status_code == 200
    shown = made.json()
    assert shown == {
        "code": "calls",
        "name": "Calls",
        "default": False,
        "unit_price": "1",
        "created_at": shown["created_at"],
    }
    dearer = {"code": "calls", "name": "Calls", "unit_price": "2.5"}
    assert api.send("PUT", "/v2/credit-types", dearer).json()["unit_price"] == "2.5"
    renamed = api.send("PUT", "/v2/credit-types", {"code": "calls", "name": "API calls"}).json()
    assert (renamed["name"], renamed["unit_price"]) == ("API calls", "2.5")
    assert [row["code"] for row in api.get("/v2/credit-types").json()["data"]] == ["calls", "credits"]
    account = api.account()
    assert api.grant(account, 1, credit_type="calls")["credit_type"] == "calls"
    for body, field in (
        ({"name": "x"}, "code"),
        ({"code": "No!", "name": "x"}, "code"),
        ({"code": "x", "name": ""}, "name"),
        ({"code": "x", "name": "x", "default": 1}, "default"),
        ({"code": "x", "name": "x", "unit_price": "0"}, "unit_price"),
        ({"code": "x", "name": "x", "unit_price": "-1"}, "unit_price"),
    ):
        refused = problem(api.send("PUT", "/v2/credit-types", body), 422, "invalid_request")
        assert fields_of(refused) == [field]


def test_rate_card(api: Api, stranger: Api) -> None:
    problem(stranger.get("/v2/rate-card"), 404, "not_found")
    rates = [{"operation": "chat", "cost": "0.5"}, {"operation": "sms", "cost": 2, "credit_type": "credits"}]
    first = api.send("PUT", "/v2/rate-card", {"rates": rates})
    assert first.status_code == 200
    assert first.json()["rates"] == [
        {"operation": "chat", "credit_type": "credits", "cost": "0.5"},
        {"operation": "sms", "credit_type": "credits", "cost": "2"},
    ]
    version = first.json()["version"]
    later = {"rates": rates[:1], "effective_at": "2100-01-01T00:00:00Z"}
    assert api.send("PUT", "/v2/rate-card", later).json()["version"] == version + 1
    assert api.get("/v2/rate-card").json() == first.json()
    assert api.get("/v2/rate-card", version=version + 1).json()["rates"] == first.json()["rates"][:1]
    assert api.get("/v2/rate-card", at="2100-06-01").json()["version"] == version + 1
    page = api.get("/v2/rate-card/versions", limit=1).json()
    assert [card["version"] for card in page["data"]] == [version + 1]
    assert page["next_cursor"]
    problem(api.get("/v2/rate-card", version=99), 404, "not_found")
    for query in ({"version": "x"}, {"version": "-1"}, {"at": "x"}, {"colour": "red"}):
        refused = problem(api.get("/v2/rate-card", **query), 422, "invalid_request")
        assert fields_of(refused) == list(query)


@pytest.mark.parametrize(
    ("rate", "field"),
    [
        ({"operation": "x"}, "rates.0.cost"),
        ({"operation": "", "cost": 1}, "rates.0.operation"),
        ({"operation": "x", "cost": 0}, "rates.0.cost"),
        ({"operation": "x", "cost": 1.5}, "rates.0.cost"),
        ({"operation": "x", "cost": 1, "credit_type": "gold"}, "rates.0.credit_type"),
        ({"operation": "x", "cost": 1, "colour": 1}, "rates.0.colour"),
        (7, "rates.0"),
    ],
)
def test_rates_that_are_wrong(api: Api, rate: Any, field: str) -> None:
    refused = problem(api.send("PUT", "/v2/rate-card", {"rates": [rate]}), 422, "invalid_request")
    assert fields_of(refused) == [field]


def test_requests(api: Api) -> None:
    account = api.account(external_id="requests")
    rows = [
        {"account": account, "route": "/v1/chat", "status": 200},
        {"account": "ext:requests", "route": "/v1/chat", "status": 500, "time": "2001-01-01T00:00:00Z"},
    ]
    made = api.post("/v2/requests", {"requests": rows[:1]}, key="r")
    assert (made.status_code, made.json()) == (200, {"accepted": 1})
    again = api.post("/v2/requests", {"requests": rows[:1]}, key="r")
    assert (again.content, again.headers["idempotent-replayed"]) == (made.content, "true")
    old = problem(api.post("/v2/requests", {"requests": rows}), 422, "invalid_request")
    assert fields_of(old) == ["requests.1.time"]
    unknown = [{"account": "ext:none", "route": "/x", "status": 200}]
    problem(api.post("/v2/requests", {"requests": unknown}), 404, "not_found")
    for row, field in (
        ({"account": account, "route": "/x", "status": 99}, "requests.0.status"),
        ({"account": account, "route": "/x", "status": True}, "requests.0.status"),
        ({"account": account, "route": "", "status": 200}, "requests.0.route"),
        ({"route": "/x", "status": 200}, "requests.0.account"),
    ):
        refused = problem(api.post("/v2/requests", {"requests": [row]}), 422, "invalid_request")
        assert fields_of(refused) == [field]
    assert api.post("/v2/requests", {"requests": rows[:1] * 1000}).json() == {"accepted": 1000}
    many = problem(api.post("/v2/requests", {"requests": rows[:1] * 1001}), 422, "invalid_request")
    assert fields_of(many) == ["requests"]
