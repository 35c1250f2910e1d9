"""POST /v2/debits"""

import asyncio
import json
import re
import socket
import time
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds("native", "POST /v2/debits")


def test_debit(api: Api) -> None:
    account = api.funded(100)
    response = api.post("/v2/debits", {"account": account, "amount": "2.5", "reference": "job-7"})
    assert response.status_code == 201
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert re.fullmatch("debit_[0-7][0-9a-z]{25}", body["id"])
    assert body == {
        "id": body["id"],
        "account": account,
        "credit_type": "credits",
        "amount": "2.5",
        "available": "97.5",
        "posted": "97.5",
        "held": "0",
        "entry": "entry_" + body["id"].removeprefix("debit_"),
    }


@pytest.mark.parametrize(
    ("amount", "shown"), [(1, "1"), ("1", "1"), ("0.000001", "0.000001"), ("1.50", "1.5"), ("1.0000000", "1")]
)
def test_amounts_that_are_good(api: Api, amount: Any, shown: str) -> None:
    assert api.debit(api.funded(100), amount)["amount"] == shown


BAD = [
    "-1", "0", '"0"', '"-1"', '"1.0000001"', '"NaN"', '"Infinity"', "1e400", "9223372036854775808",
    "123456789012345678901234567890", "9" * 5000, "true", "false", '""', '"١٢"', '{"a": 1}', "[1]", "[[[]]]",
    "null", "1.5", '" 1"', '"1e3"', '"0x1"', '"+1"', '"01"', '"9007199254.740992"', "9007199255", '"\\u0000"',
    '"\\ud800"',
]  # fmt: skip


@pytest.mark.parametrize("amount", BAD)
def test_amounts_that_are_not(api: Api, amount: str) -> None:
    account = api.funded(100)
    refused = problem(
        api.post("/v2/debits", f'{{"account": "{account}", "amount": {amount}}}'), 422, "invalid_request"
    )
    assert fields_of(refused) == ["amount"]
    assert api.wallet(account)["posted"] == "100"


@pytest.mark.parametrize(
    "body",
    ["{", "", "nonsense", '{"amount": NaN}', '{"amount": Infinity}', '{"amount": 1} x', b'{"a": "\xff"}'],
)
def test_what_is_not_json(api: Api, body: str | bytes) -> None:
    if body == "":
        assert fields_of(problem(api.post("/v2/debits", body), 422, "invalid_request")) == ["account"]
    else:
        problem(api.post("/v2/debits", body), 400, "invalid_json")


def test_nesting_without_end(api: Api) -> None:
    deep = '{"account": "a", "amount": ' + "[" * 100_000 + "]" * 100_000 + "}"
    problem(api.post("/v2/debits", deep), 400, "invalid_json")


@pytest.mark.parametrize("body", ["[]", "1", "null", '"text"'])
def test_what_is_not_an_object(api: Api, body: str) -> None:
    problem(api.post("/v2/debits", body), 422, "invalid_request")


def test_every_fault_is_told_at_once(api: Api) -> None:
    body = {"amount": True, "reference": "x" * 256, "metadata": [], "colour": "red", "credit_type": 5}
    refused = problem(api.post("/v2/debits", body), 422, "invalid_request")
    assert sorted(fields_of(refused)) == [
        "account", "amount", "colour", "credit_type", "metadata", "reference",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("reference", "\0"),
        ("description", "a\0b"),
        ("description", "x" * 1001),
        ("reference", "\ud800"),
        ("metadata", {"a": "\0"}),
        ("metadata", {"\0": 1}),
        ("metadata", {"a": "x" * 17_000}),
        ("metadata", {"a": 2**63}),
        ("metadata", {"a": 10**5000}),
        ("metadata", {"a": {"b": "\udfff"}}),
        ("credit_type", "gold"),
        ("credit_type", "\0"),
        ("operation", ""),
        ("quantity", 1),
    ],
)
def test_other_fields_that_are_wrong(api: Api, field: str, value: Any) -> None:
    account = api.funded(100)
    raw = json.dumps({"account": account, "amount": 1, field: value if value != {"a": 10**5000} else 0})
    if value == {"a": 10**5000}:
        raw = raw.replace('"metadata": 0', '"metadata": {"a": 1' + "0" * 5000 + "}")
    assert fields_of(problem(api.post("/v2/debits", raw), 422, "invalid_request")) == [field]


@pytest.mark.parametrize("number", ["1e400", "-1e400"])
def test_numbers_in_metadata_that_no_double_holds(api: Api, number: str) -> None:
    raw = f'{{"account": "{api.account()}", "amount": 1, "metadata": {{"a": {number}}}}}'
    assert fields_of(problem(api.post("/v2/debits", raw), 422, "invalid_request")) == ["metadata"]


def test_metadata_of_any_depth_up_to_a_bound(api: Api) -> None:
    account = api.funded(100)
    for depth, status in ((30, 201), (33, 422), (900, 422), (5000, 422)):
        raw = f'{{"account": "{account}", "amount": 1, "metadata": {{"a": {"[" * depth}{"]" * depth}}}}}'
        response = api.post("/v2/debits", raw)
        assert response.status_code in (status, 400 if depth == 5000 else status), (depth, response.text)


def test_a_body_that_is_too_large(api: Api) -> None:
    problem(api.post("/v2/debits", b"x" * 10_000_000), 413, "body_too_large")
    problem(api.post("/v2/accounts", b"x" * 10_000_000), 413, "body_too_large")


def test_a_length_that_lies(house: House) -> None:
    for length in ("99999999999", "9" * 30):
        answer = _raw(house, f"Content-Length: {length}\r\n", b"{}")
        assert answer.startswith(b"HTTP/1.1 4"), answer


def test_a_large_body_without_a_length(api: Api) -> None:
    def chunks() -> Any:
        for _ in range(100):
            yield b"y" * 100_000

    for path in ("/v2/debits", "/v2/accounts"):
        problem(api.http.post(path, content=chunks()), 413, "body_too_large")


def _raw(house: House, headers: str, body: bytes) -> bytes:
    address = urlsplit(house.url)
    assert address.hostname is not None
    assert address.port is not None
    with socket.create_connection((address.hostname, address.port), 20) as sock:
        key = house.keys["admin"]
        head = f"POST /v2/debits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n{headers}\r\n"
        sock.sendall(head.encode() + body)
        return sock.recv(65536)


def test_shortage(api: Api) -> None:
    account = api.funded("1.5")
    short = problem(api.post("/v2/debits", {"account": account, "amount": 2}), 402, "insufficient_credits")
    assert (short["needed"], short["available"]) == ("2", "1.5")
    assert "retry_with_new_key" not in short
    first = api.post("/v2/debits", {"account": account, "amount": 2}, key="short")
    assert problem(first, 402, "insufficient_credits")["retry_with_new_key"] is True
    api.grant(account, 10)
    again = api.post("/v2/debits", {"account": account, "amount": 2}, key="short")
    assert (again.status_code, again.content) == (402, first.content)


def test_replay(api: Api) -> None:
    account = api.funded(100)
    body = {"account": account, "amount": 3, "metadata": {"b": 1, "a": [1.5, None, -0.0, "é"]}}
    first = api.post("/v2/debits", body, key="k")
    assert "idempotent-replayed" not in first.headers
    api.debit(account, 5)
    again = api.post("/v2/debits", body, key="k")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert api.wallet(account)["posted"] == "92"


def test_a_key_with_another_body(api: Api) -> None:
    account = api.funded(100)
    api.post("/v2/debits", {"account": account, "amount": 3}, key="k")
    problem(api.post("/v2/debits", {"account": account, "amount": 4}, key="k"), 422, "idempotency_key_reused")
    problem(api.post("/v2/grants", {"account": account, "amount": 3}, key="k"), 422, "idempotency_key_reused")


def test_a_key_is_the_accounts(api: Api) -> None:
    for account in (api.funded(10), api.funded(10)):
        made = api.post("/v2/debits", {"account": account, "amount": 3}, key="shared")
        assert "idempotent-replayed" not in made.headers
        assert made.json()["posted"] == "7"


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é"])
def test_keys_that_are_none(api: Api, key: str) -> None:
    account = api.funded(10)
    response = api.http.post(
        "/v2/debits",
        json={"account": account, "amount": 1},
        headers=[(b"Idempotency-Key", key.encode())],
    )
    assert fields_of(problem(response, 422, "invalid_request")) == ["Idempotency-Key"]


def test_the_same_key_a_hundred_times_at_once(api: Api, house: House) -> None:
    account = api.funded(100)

    async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        send = [
            client.post(
                "/v2/debits", json={"account": account, "amount": 1}, headers={"Idempotency-Key": "one"}
            )
            for _ in range(100)
        ]
        return list(await asyncio.gather(*send))

    answers = house.together(work)
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotent-replayed" not in answer.headers for answer in answers) == 1
    assert api.wallet(account)["posted"] == "99"


def test_64_clients_ask_for_twice_what_there_is(api: Api, house: House) -> None:
    account = api.funded(10_000)

    async def work(client: httpx2.AsyncClient) -> list[int]:
        async def one() -> list[int]:
            asked = {"account": account, "amount": 10}
            return [(await client.post("/v2/debits", json=asked)).status_code for _ in range(32)]

        rounds = await asyncio.gather(*(one() for _ in range(64)))
        return [status for statuses in rounds for status in statuses]

    statuses = house.together(work)
    assert len(statuses) * 10 == 20_480
    assert set(statuses) == {201, 402}
    assert statuses.count(201) == 1000
    assert api.wallet(account)["posted"] == "0"


def test_by_the_rate_card(api: Api) -> None:
    account = api.funded(100)
    rates = {"rates": [{"operation": "sms", "cost": "0.25"}]}
    version = api.send("PUT", "/v2/rate-card", rates).json()["version"]
    body = {"account": account, "operation": "sms", "quantity": "3"}
    made = api.post("/v2/debits", body)
    assert made.status_code == 201
    assert made.json()["amount"] == "0.75"
    assert (made.json()["operation"], made.json()["quantity"]) == ("sms", "3")
    assert made.json()["rate_version"] == version
    for wrong, field in (
        ({"operation": "fax", "quantity": 1}, "operation"),
        ({"operation": "sms"}, "quantity"),
        ({"quantity": 1}, "operation"),
        ({}, "amount"),
        ({"amount": 1, "operation": "sms", "quantity": 1}, "quantity"),
    ):
        refused = api.post("/v2/debits", {"account": account, **wrong})
        assert fields_of(problem(refused, 422, "invalid_request")) == [field]


def test_an_operation_may_name_an_amount(api: Api) -> None:
    made = api.debit(api.funded(10), 2, operation="chat")
    assert made["operation"] == "chat"
    assert "quantity" not in made


def test_who_may(api: Api, reader: Api, nobody: Api, writer: Api, test_mode: Api, stranger: Api) -> None:
    account = api.funded(10, external_id="debits-acme")
    body = {"account": account, "amount": 1}
    assert writer.post("/v2/debits", body).status_code == 201
    problem(reader.post("/v2/debits", body), 403, "forbidden")
    unauthenticated = nobody.post("/v2/debits", body)
    problem(unauthenticated, 401, "unauthenticated")
    assert unauthenticated.headers["www-authenticate"] == "Bearer"
    problem(nobody.post("/v2/debits", "{"), 401, "unauthenticated")
    unknown = problem(api.post("/v2/debits", {"account": "acct_" + "0" * 26, "amount": 1}), 404, "not_found")
    for client in (test_mode, stranger):
        assert problem(client.post("/v2/debits", body), 404, "not_found") == unknown
        named = {"account": "ext:debits-acme", "amount": 1}
        assert problem(client.post("/v2/debits", named), 404, "not_found") == unknown
    assert api.wallet(account)["posted"] == "9"


@pytest.mark.parametrize(
    "account", ["", "acct_", "x", "ext:", "ext:\0", "ext:nobody", "acct_" + "z" * 26, "é" * 400]
)
def test_accounts_that_are_not(api: Api, account: str) -> None:
    response = api.post("/v2/debits", {"account": account, "amount": 1})
    problem(response, 404, "not_found")


def test_an_account_whose_id_only_has_the_number(api: Api) -> None:
    account = api.funded(10)
    forged = account[:7] + ("0" if account[7] != "0" else "1") + account[8:]
    problem(api.post("/v2/debits", {"account": forged, "amount": 1}), 404, "not_found")


def test_a_name_that_moves_to_another_account(api: Api) -> None:
    one, two = api.funded(10, external_id="mover"), api.funded(10)
    assert api.debit("ext:mover")["account"] == one
    assert api.send("PATCH", f"/v2/accounts/{one}", {"external_id": "moved"}).status_code == 200
    problem(api.post("/v2/debits", {"account": "ext:mover", "amount": 1}), 404, "not_found")
    assert api.send("PATCH", f"/v2/accounts/{two}", {"external_id": "mover"}).status_code == 200
    assert api.debit("ext:mover")["account"] == two
    assert api.debit("ext:moved")["account"] == one


def test_clients_that_go_away(api: Api, house: House) -> None:
    account = api.funded(1000)
    address = urlsplit(house.url)
    assert address.hostname is not None
    assert address.port is not None
    body = json.dumps({"account": account, "amount": 1}).encode()
    head = (
        f"POST /v2/debits HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {house.keys['admin']}\r\n"
        f"Content-Length: {len(body)}\r\nIdempotency-Key: gone-%d\r\n\r\n"
    )
    for number in range(40):
        with socket.create_connection((address.hostname, address.port), 10) as sock:
            whole = (head % number).encode() + body
            sock.sendall(whole if number % 2 else whole[:-5])
    deadline = time.monotonic() + 10
    while api.wallet(account)["posted"] != "980" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert api.wallet(account)["posted"] == "980"
    for number in range(40):
        api.post("/v2/debits", {"account": account, "amount": 1}, key=f"gone-{number}")
    assert api.wallet(account)["posted"] == "960"
