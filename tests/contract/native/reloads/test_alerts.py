"""/v2/accounts/{account}/alerts"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/accounts/{account}/alerts",
    "POST /v2/accounts/{account}/alerts",
    "DELETE /v2/accounts/{account}/alerts/{alert}",
)

UNKNOWN = "alert_" + "0" * 26


def create(api: Api, account: str, **body: Any) -> dict[str, Any]:
    made = api.post(f"/v2/accounts/{account}/alerts", {"threshold": 50} | body)
    assert made.status_code == 201, made.text
    return dict(made.json())


def test_create_list_and_delete(api: Api) -> None:
    account = api.funded(100)
    made = create(api, account, threshold="12.5", email=True)
    shown = {name: made[name] for name in ("account", "credit_type", "threshold", "email", "told_at")}
    assert shown == {
        "account": account,
        "credit_type": "credits",
        "threshold": "12.5",
        "email": True,
        "told_at": None,
    }
    higher = create(api, account, threshold=50)
    listed = api.get(f"/v2/accounts/{account}/alerts")
    assert listed.json() == {"data": [higher, made], "next_cursor": None}
    first = api.get(f"/v2/accounts/{account}/alerts", limit=1).json()
    assert first["data"] == [higher]
    rest = api.get(f"/v2/accounts/{account}/alerts", limit=1, cursor=first["next_cursor"]).json()
    assert rest == {"data": [made], "next_cursor": None}
    assert api.get(f"/v2/accounts/{account}/alerts", credit_type="other").json()["data"] == []
    gone = api.send("DELETE", f"/v2/accounts/{account}/alerts/{made['id']}")
    assert gone.json() == {"id": made["id"], "deleted": True}
    problem(api.send("DELETE", f"/v2/accounts/{account}/alerts/{made['id']}"), 404, "not_found")


def test_one_key_is_one_alert(api: Api) -> None:
    account = api.account()
    first = api.post(f"/v2/accounts/{account}/alerts", {"threshold": 5}, key="k" + account)
    again = api.post(f"/v2/accounts/{account}/alerts", {"threshold": 5}, key="k" + account)
    assert first.content == again.content
    problem(api.post(f"/v2/accounts/{account}/alerts", {"threshold": 5}), 409, "alert_exists")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "threshold"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": 1, "email": "yes"}, "email"),
        ({"threshold": 1, "credit_type": "nothing"}, "credit_type"),
        ({"threshold": 1, "more": 1}, "more"),
    ],
)
def test_what_is_refused(api: Api, body: dict[str, Any], field: str) -> None:
    account = api.account()
    said = problem(api.post(f"/v2/accounts/{account}/alerts", body), 422, "invalid_request")
    assert fields_of(said) == [field]


def test_ids_that_are_none(api: Api) -> None:
    account, other = api.account(), api.account()
    made = create(api, other)
    for name in ("x", UNKNOWN, made["id"], "%00"):
        problem(api.send("DELETE", f"/v2/accounts/{account}/alerts/{name}"), 404, "not_found")
