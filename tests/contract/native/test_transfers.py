"""POST /v2/transfers, POST /v2/adjustments, POST /v2/accounts/{account}/overdraft"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native", "POST /v2/transfers", "POST /v2/adjustments", "POST /v2/accounts/{account}/overdraft"
)


def test_transfer(api: Api) -> None:
    giver, receiver = api.funded(10), api.account(external_id="receiver")
    body = {"from": giver, "to": "ext:receiver", "amount": 4, "reference": "gift"}
    made = api.post("/v2/transfers", body, key="t")
    assert made.status_code == 201
    shown = made.json()
    assert (shown["from"], shown["to"], shown["amount"]) == (giver, receiver, "4")
    assert (shown["posted"], shown["available"], shown["reference"]) == ("6", "6", "gift")
    assert len(shown["to_entries"]) == 1
    assert api.wallet(receiver)["posted"] == "4"
    again = api.post("/v2/transfers", body, key="t")
    assert (again.content, again.headers["idempotent-replayed"]) == (made.content, "true")
    problem(api.post("/v2/transfers", {**body, "amount": 7}), 402, "insufficient_credits")
    same = problem(api.post("/v2/transfers", {**body, "to": giver}), 422, "invalid_request")
    assert fields_of(same) == ["to"]
    problem(api.post("/v2/transfers", {**body, "to": "ext:none"}), 404, "not_found")
    faults = problem(api.post("/v2/transfers", {"amount": "x"}), 422, "invalid_request")
    assert sorted(fields_of(faults)) == ["amount", "from", "to"]


def test_transfer_across_tenants(api: Api, stranger: Api) -> None:
    mine, theirs = api.funded(10), stranger.funded(10)
    for body in ({"from": mine, "to": theirs}, {"from": theirs, "to": mine}):
        problem(api.post("/v2/transfers", {**body, "amount": 1}), 404, "not_found")


def test_adjustment(api: Api) -> None:
    account = api.funded(10)
    body = {"account": account, "direction": "debit", "amount": 4, "reason": "counted twice"}
    made = api.post("/v2/adjustments", body, key="a")
    assert made.status_code == 201
    shown = made.json()
    assert (shown["direction"], shown["amount"], shown["reason"]) == ("debit", "4", "counted twice")
    assert shown["posted"] == "6"
    assert api.post("/v2/adjustments", body, key="a").content == made.content
    back = api.post("/v2/adjustments", {**body, "direction": "credit"}).json()
    assert (back["direction"], back["posted"]) == ("credit", "10")
    problem(api.post("/v2/adjustments", {**body, "amount": 11}), 402, "insufficient_credits")
    [newest, *_] = api.get("/v2/audit-log").json()["data"]
    assert (newest["action"], newest["reason"]) == ("adjust", "counted twice")


@pytest.mark.parametrize(
    ("field", "value"),
    [("direction", "up"), ("reason", ""), ("reason", "a\nb"), ("reason", None), ("amount", 0)],
)
def test_adjustments_that_are_wrong(api: Api, field: str, value: Any) -> None:
    body = {"account": api.funded(10), "direction": "credit", "amount": 4, "reason": "x", field: value}
    assert fields_of(problem(api.post("/v2/adjustments", body), 422, "invalid_request")) == [field]


def test_overdraft(api: Api) -> None:
    account = api.account()
    path = f"/v2/accounts/{account}/overdraft"
    made = api.post(path, {"overdraft": "10"}, key="o")
    assert made.status_code == 200
    assert made.json() == {
        "account": account,
        "credit_type": "credits",
        "overdraft": "10",
        "available": "10",
        "posted": "0",
        "held": "0",
    }
    api.debit(account, 8)
    assert api.wallet(account)["posted"] == "-8"
    again = api.post(path, {"overdraft": "10"}, key="o")
    assert (again.content, again.headers["idempotent-replayed"]) == (made.content, "true")
    assert problem(api.post(path, {"overdraft": 7}), 409, "overdraft_in_use")["overdrawn"] == "8"
    refused = problem(api.post(path, {"overdraft": -1}), 422, "invalid_request")
    assert fields_of(refused) == ["overdraft"]
    problem(api.post("/v2/accounts/ext:none/overdraft", {"overdraft": 7}), 404, "not_found")
