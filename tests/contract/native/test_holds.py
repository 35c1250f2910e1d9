"""POST /v2/holds, GET /v2/holds/{hold}, and its capture, extend, report and release"""

import time
from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/holds",
    "POST /v2/holds/{hold}/capture",
    "POST /v2/holds/{hold}/release",
    "POST /v2/holds/{hold}/extend",
    "POST /v2/holds/{hold}/report",
    "GET /v2/holds/{hold}",
)


def test_hold(api: Api) -> None:
    account = api.funded(100)
    body = {"account": account, "amount": 30, "expires_in": 600, "on_expiry": "capture_reported"}
    made = api.post("/v2/holds", {**body, "reference": "job"}, key="h")
    assert made.status_code == 201
    shown = made.json()
    assert shown == {
        "id": shown["id"],
        "account": account,
        "credit_type": "credits",
        "amount": "30",
        "captured": "0",
        "released": "0",
        "reported": "0",
        "remaining": "30",
        "state": "active",
        "on_expiry": "capture_reported",
        "expires_at": shown["expires_at"],
        "created_at": shown["created_at"],
        "posted": "100",
        "held": "30",
        "available": "70",
    }
    assert shown["id"].startswith("hold_")
    api.post(f"/v2/holds/{shown['id']}/release")
    again = api.post("/v2/holds", {**body, "reference": "job"}, key="h")
    assert (again.status_code, again.content) == (201, made.content)
    assert again.headers["idempotent-replayed"] == "true"


def test_capture(api: Api) -> None:
    account = api.funded(100)
    hold = api.hold(account, 30)["id"]
    part = api.post(f"/v2/holds/{hold}/capture", {"amount": 10}, key="c1")
    assert part.status_code == 200
    shown = part.json()
    assert (shown["captured"], shown["remaining"], shown["state"]) == ("10", "20", "active")
    assert (shown["posted"], shown["held"], shown["available"]) == ("90", "20", "70")
    assert shown["entry"].startswith("entry_")
    assert shown["overage"] is None
    last = api.post(f"/v2/holds/{hold}/capture", {"amount": "5.5", "final": True}, key="c2").json()
    assert (last["captured"], last["released"], last["state"]) == ("15.5", "14.5", "captured")
    assert (last["held"], last["available"]) == ("0", "84.5")
    again = api.post(f"/v2/holds/{hold}/capture", {"amount": 10}, key="c1")
    assert (again.content, again.headers["idempotent-replayed"]) == (part.content, "true")
    problem(api.post(f"/v2/holds/{hold}/capture", {"amount": 1}), 409, "hold_ended")


def test_capture_of_more_than_is_held(api: Api) -> None:
    account = api.funded(100)
    hold = api.hold(account, 30)["id"]
    refused = problem(api.post(f"/v2/holds/{hold}/capture", {"amount": 31}), 409, "exceeds_hold")
    assert refused["remaining"] == "30"
    over = api.post(f"/v2/holds/{hold}/capture", {"amount": 31, "overage": "debit"}).json()
    assert over["overage"]["amount"] == "1"
    assert over["posted"] == "69"
    hold = api.hold(account, 30)["id"]
    short = api.post(f"/v2/holds/{hold}/capture", {"amount": 130, "overage": "debit"})
    assert problem(short, 402, "insufficient_credits")["needed"] == "100"


def test_extend_report_release(api: Api) -> None:
    account = api.funded(100)
    hold = api.hold(account, 30, expires_in=60)
    path = f"/v2/holds/{hold['id']}"
    longer = api.post(f"{path}/extend", {"expires_in": 3600, "amount": 5}, key="e")
    assert longer.status_code == 200
    assert (longer.json()["amount"], longer.json()["held"]) == ("35", "35")
    assert longer.json()["expires_at"] > hold["expires_at"]
    reported = api.post(f"{path}/report", {"amount": 12}, key="r")
    assert (reported.status_code, reported.json()["reported"]) == (200, "12")
    assert api.post(f"{path}/report", {"amount": 0}).json()["reported"] == "0"
    problem(api.post(f"{path}/report", {"amount": 36}), 409, "exceeds_hold")
    released = api.post(f"{path}/release", key="l")
    assert (released.status_code, released.json()["state"], released.json()["held"]) == (200, "released", "0")
    for act, body, first in (
        ("extend", {"expires_in": 3600, "amount": 5}, longer),
        ("report", {"amount": 12}, reported),
        ("release", None, released),
    ):
        again = api.post(f"{path}/{act}", body, key=first.request.headers["idempotency-key"])
        assert (again.status_code, again.content) == (200, first.content)
        assert again.headers["idempotent-replayed"] == "true"
    problem(api.post(f"{path}/release"), 409, "hold_ended")
    problem(api.post(f"{path}/extend", {"amount": 1}), 409, "hold_ended")
    refused = problem(api.post(f"{path}/extend", {}), 422, "invalid_request")
    assert fields_of(refused) == ["amount"]


def test_read(api: Api) -> None:
    account = api.funded(100)
    made = api.hold(account, 30, metadata={"a": 1})
    shown = api.get(f"/v2/holds/{made['id']}").json()
    assert shown["metadata"] == {"a": 1}
    assert {name: shown[name] for name in made} == made
    api.post(f"/v2/holds/{made['id']}/capture", {"amount": 30})
    shown = api.get(f"/v2/holds/{made['id']}").json()
    assert (shown["state"], shown["captured"], shown["posted"]) == ("captured", "30", "70")
    assert shown["ended_at"]


def test_expiry(api: Api) -> None:
    account = api.funded(100)
    hold = api.hold(account, 30, expires_in=1, on_expiry="capture_reported")["id"]
    other = api.hold(account, 10, expires_in=1)["id"]
    api.post(f"/v2/holds/{hold}/report", {"amount": 12})
    time.sleep(1.1)
    problem(api.post(f"/v2/holds/{hold}/capture", {"amount": 1}), 409, "hold_expired")
    shown = api.get(f"/v2/holds/{hold}").json()
    assert (shown["state"], shown["captured"]) == ("expired", "12")
    assert api.get(f"/v2/holds/{other}").json()["state"] == "expired"
    wallet = api.wallet(account)
    assert (wallet["posted"], wallet["held"]) == ("88", "0")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("amount", 0),
        ("amount", True),
        ("expires_in", 0),
        ("expires_in", -5),
        ("expires_in", "60"),
        ("expires_in", 1.5),
        ("expires_in", True),
        ("expires_in", None),
        ("expires_in", 10**12),
        ("expires_in", 2**70),
        ("on_expiry", "keep"),
        ("colour", "red"),
    ],
)
def test_values_that_are_wrong(api: Api, field: str, value: Any) -> None:
    body = {"account": api.funded(10), "amount": 1, "expires_in": 60, field: value}
    assert fields_of(problem(api.post("/v2/holds", body), 422, "invalid_request")) == [field]


@pytest.mark.parametrize("act", ["capture", "extend", "report", "release"])
def test_holds_that_are_not(api: Api, act: str) -> None:
    body = {} if act == "release" else {"amount": 1}
    held = api.hold(api.funded(10), 1)["id"]
    unknown = held[:-1] + "z"
    for hold in (unknown, "hold_", "x", "hold_" + "7" * 26, api.grant(api.account())["id"]):
        response = api.post(f"/v2/holds/{hold}/{act}", body)
        assert problem(response, 404, "not_found")["detail"] == "No such hold."


@pytest.mark.parametrize(
    ("act", "body", "field"),
    [
        ("capture", {}, "amount"),
        ("capture", {"amount": 0}, "amount"),
        ("capture", {"amount": 1, "final": 1}, "final"),
        ("capture", {"amount": 1, "overage": "x"}, "overage"),
        ("report", {"amount": -1}, "amount"),
        ("extend", {"expires_in": "1"}, "expires_in"),
        ("release", {"amount": 1}, "amount"),
    ],
)
def test_acts_that_are_wrong(api: Api, act: str, body: dict[str, Any], field: str) -> None:
    hold = api.hold(api.funded(10), 5)["id"]
    refused = problem(api.post(f"/v2/holds/{hold}/{act}", body), 422, "invalid_request")
    assert fields_of(refused) == [field]
