"""POST /v2/batch"""

from typing import Any

import pytest

from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds("native", "POST /v2/batch")


def debits(account: str, *amounts: Any) -> list[dict[str, Any]]:
    return [{"type": "debit", "account": account, "amount": amount} for amount in amounts]


def results(api: Api, commands: list[Any], key: str | None = None, **more: Any) -> list[dict[str, Any]]:
    response = api.post("/v2/batch", {"commands": commands, **more}, key=key)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_never_by_running_sum(api: Api) -> None:
    account = api.funded(100)
    first, second = results(api, debits(account, 150, 40))
    assert (first["status"], first["body"]["code"]) == (402, "insufficient_credits")
    assert (second["status"], second["body"]["posted"]) == (201, "60")
    assert set(second) == {"status", "body"}


def test_every_type(api: Api) -> None:
    account, other = api.account(), api.account()
    made = results(
        api,
        [
            {"type": "grant", "account": account, "amount": 100, "source": "purchase"},
            *debits(account, 1),
            {"type": "hold", "account": account, "amount": 10, "expires_in": 60},
            {"type": "transfer", "from": account, "to": other, "amount": 1},
            {"type": "adjust", "account": account, "direction": "credit", "amount": 1, "reason": "x"},
            {"type": "set_overdraft", "account": account, "overdraft": 5},
        ],
    )
    assert [one["status"] for one in made] == [201, 201, 201, 201, 201, 200]
    hold, entry, grant = made[2]["body"]["id"], made[1]["body"]["entry"], made[0]["body"]["id"]
    made = results(
        api,
        [
            {"type": "extend", "hold": hold, "amount": 1},
            {"type": "report", "hold": hold, "amount": 1},
            {"type": "capture", "hold": hold, "amount": 1},
            {"type": "release", "hold": hold},
            {"type": "reverse", "entry": entry, "reason": "x"},
            {"type": "refund", "grant": grant, "amount": 1, "reason": "x"},
        ],
    )
    assert [one["status"] for one in made] == [200, 200, 200, 200, 201, 201]


def test_as_its_own_endpoint_answers(api: Api) -> None:
    account = api.funded(100)
    alone = api.post("/v2/debits", {"account": account, "amount": 3}, key="same")
    [within] = results(api, [{**debits(account, 3)[0], "key": "same"}])
    assert within == {"status": 201, "body": alone.json()}


def test_keys(api: Api) -> None:
    account = api.funded(100)
    commands = [*debits(account, 1, 2), {**debits(account, 3)[0], "key": "own"}]
    first = api.post("/v2/batch", {"commands": commands}, key="K")
    again = api.post("/v2/batch", {"commands": commands}, key="K")
    bodies = [one["body"] for one in first.json()["results"]]
    assert again.content == first.content
    assert ("idempotent-replayed" in first.headers, again.headers["idempotent-replayed"]) == (False, "true")
    assert api.post("/v2/debits", {"account": account, "amount": 2}, key="K:1").json() == bodies[1]
    assert api.post("/v2/debits", {"account": account, "amount": 3}, key="own").json() == bodies[2]
    [reused] = results(api, [{**debits(account, 4)[0], "key": "own"}])
    assert (reused["status"], reused["body"]["code"]) == (422, "idempotency_key_reused")
    assert api.wallet(account)["posted"] == "94"


def test_one_that_is_wrong_stops_no_other(api: Api) -> None:
    account = api.funded(100)
    commands = [
        *debits(account, 1, 0, "x"),
        {"type": "nope"},
        {"account": account},
        7,
        {"type": "debit", "account": account, "amount": 1, "colour": "red"},
        *debits("ext:nobody", 1),
        {"type": "capture", "hold": "hold_x", "amount": 1},
        {"type": "capture", "amount": 1},
        {**debits(account, 1)[0], "key": ""},
        *debits(account, 1),
    ]
    made = results(api, commands)
    assert [one["status"] for one in made] == [201, 422, 422, 422, 422, 422, 422, 404, 404, 422, 422, 201]
    fields = [fields_of(one["body"]) if one["status"] == 422 else None for one in made]
    assert fields[1:7] == [["amount"], ["amount"], ["type"], ["type"], [""], ["colour"]]
    assert made[8]["body"]["detail"] == "No such hold."
    assert fields[9:11] == [["hold"], ["key"]]
    assert api.wallet(account)["posted"] == "98"


def test_atomic(api: Api) -> None:
    account, other = api.funded(10), api.funded(10)
    made = results(api, [*debits(account, 4), *debits(other, 4)], atomic=True)
    assert [one["status"] for one in made] == [201, 201]
    made = results(api, [*debits(account, 4), *debits(other, 7), *debits(account, 1)], atomic=True)
    assert [one["status"] for one in made] == [409, 402, 409]
    assert made[0]["body"]["code"] == "batch_aborted"
    assert "retry_with_new_key" not in made[0]["body"]
    assert (api.wallet(account)["posted"], api.wallet(other)["posted"]) == ("6", "6")
    made = results(api, [*debits(account, 1), *debits("ext:nobody", 1)], atomic=True)
    assert [one["status"] for one in made] == [409, 404]
    refused = api.post("/v2/batch", {"commands": [*debits(account, 1, 0), {"type": "x"}], "atomic": True})
    named = fields_of(problem(refused, 422, "invalid_request"))
    assert named == ["commands.1.amount", "commands.2.type"]
    assert api.wallet(account)["posted"] == "6"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "commands"),
        ({"commands": {}}, "commands"),
        ({"commands": [], "atomic": "yes"}, "atomic"),
        ({"commands": [], "colour": 1}, "colour"),
        ({"commands": [{}] * 1001}, "commands"),
    ],
)
def test_batches_that_are_wrong(api: Api, body: Any, field: str) -> None:
    assert fields_of(problem(api.post("/v2/batch", body), 422, "invalid_request")) == [field]


def test_sizes(api: Api) -> None:
    account = api.funded(2000)
    assert results(api, []) == []
    made = results(api, debits(account, *[1] * 1000))
    assert [one["status"] for one in made] == [201] * 1000
    assert made[-1]["body"]["posted"] == "1000"
    problem(api.post("/v2/batch", "{"), 400, "invalid_json")
    problem(api.post("/v2/batch", b" " * 5_000_000), 413, "body_too_large")


def test_who_may(reader: Api, nobody: Api) -> None:
    problem(reader.post("/v2/batch", {"commands": []}), 403, "forbidden")
    problem(nobody.post("/v2/batch", {"commands": []}), 401, "unauthenticated")
