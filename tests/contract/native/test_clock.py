"""/v2/test-clock: an app's own time, in test mode"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds("native", "GET /v2/test-clock", "POST /v2/test-clock/advance")

CLOCK = "/v2/test-clock"
ADVANCE = "/v2/test-clock/advance"


def now_of(api: Api) -> datetime:
    return datetime.fromisoformat(api.get(CLOCK).json()["now"])


def test_read(api: Api, reader: Api, test_mode: Api, nobody: Api) -> None:
    assert api.get(CLOCK).json()["mode"] == reader.get(CLOCK).json()["mode"] == "live"
    assert api.get(CLOCK).json()["ahead_seconds"] == 0
    assert test_mode.get(CLOCK).json()["mode"] == "test"
    problem(nobody.get(CLOCK), 401, "unauthenticated")


def test_advance(test_mode: Api, api: Api) -> None:
    account = test_mode.account()
    before = now_of(test_mode)
    ends = before + timedelta(days=2)
    grant = test_mode.grant(account, 10, expires_at=ends.isoformat())
    test_mode.grant(account, 1)
    moved = test_mode.post(ADVANCE, {"by": 3 * 86400})
    assert moved.status_code == 200
    told = moved.json()
    assert datetime.fromisoformat(told["now"]) - datetime.fromisoformat(told["before"]) == timedelta(days=3)
    assert (told["counts"], told["unfinished"]) == ({"credits.expired": 1}, False)
    [ended] = told["happened"]
    assert ended == {
        "at": grant["expires_at"],
        "kind": "credits.expired",
        "account": account,
        "subscription": None,
        "invoice": None,
        "entry": ended["entry"],
    }
    assert test_mode.get(f"/v2/entries/{ended['entry']}").json()["kind"] == "expire"
    assert test_mode.get(f"/v2/accounts/{account}/balance").json()["balances"][0]["posted"] == "1"
    assert now_of(test_mode) >= before + timedelta(days=3)
    assert test_mode.get(CLOCK).json()["ahead_seconds"] >= 3 * 86400
    assert now_of(api) < before + timedelta(hours=1)
    there = {"to": told["now"][:10] + "T00:00:00Z"}
    back = problem(test_mode.post(ADVANCE, there), 422, "invalid_request")
    assert re.search(r"before the app's time, \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", back["errors"][0]["message"])
    on = test_mode.post(ADVANCE, {"by": "P1M"}).json()
    assert 28 <= (datetime.fromisoformat(on["now"]) - datetime.fromisoformat(on["before"])).days <= 31
    later = test_mode.account()
    assert datetime.fromisoformat(test_mode.get(f"/v2/accounts/{later}").json()["created_at"]) > ends


def test_a_repeat_moves_nothing(test_mode: Api) -> None:
    account = test_mode.account()
    test_mode.grant(account, 10, expires_at=(now_of(test_mode) + timedelta(hours=1)).isoformat())
    first = test_mode.post(ADVANCE, {"by": "P1D"}, key="a day")
    again = test_mode.post(ADVANCE, {"by": "P1D"}, key="a day")
    assert first.json()["counts"] == {"credits.expired": 1}
    assert again.content == first.content
    assert again.headers["idempotent-replayed"] == "true"
    assert now_of(test_mode) < datetime.fromisoformat(first.json()["now"]) + timedelta(hours=1)
    problem(test_mode.post(ADVANCE, {"by": "P2D"}, key="a day"), 422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "to"),
        ({"to": "2100-01-01T00:00:00Z", "by": 1}, "to"),
        ({"to": "yesterday"}, "to"),
        ({"to": "2020-01-01T00:00:00Z"}, "to"),
        ({"to": "2099-01-01T00:00:00Z"}, "to"),
        ({"by": -1}, "by"),
        ({"by": 1.5}, "by"),
        ({"by": True}, "by"),
        ({"by": 10**12}, "by"),
        ({"by": 10**500}, "by"),
        ({"by": "P"}, "by"),
        ({"by": "PT"}, "by"),
        ({"by": "P1.5D"}, "by"),
        ({"by": "-P1D"}, "by"),
        ({"by": "P11Y"}, "by"),
        ({"by": "P9999Y"}, "by"),
        ({"by": "a month"}, "by"),
        ({"by": "P\0D"}, "by"),
        ({"on": 1}, "on"),
    ],
)
def test_moves_that_are_wrong(test_mode: Api, body: dict[str, Any], field: str) -> None:
    assert fields_of(problem(test_mode.post(ADVANCE, body), 422, "invalid_request")) == [field]


def test_only_in_test_mode(api: Api, reader: Api, writer: Api, nobody: Api) -> None:
    problem(api.post(ADVANCE, {"by": 1}), 409, "live_clock")
    problem(writer.post(ADVANCE, {"by": 1}), 409, "live_clock")
    problem(reader.post(ADVANCE, {"by": 1}), 403, "forbidden")
    problem(nobody.post(ADVANCE, {"by": 1}), 401, "unauthenticated")
