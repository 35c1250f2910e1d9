"""What a caller said is what counts: the same words under the same key are the same request."""

import pytest

from tests.contract.native.test_batch import results
from tests.contract.served import Api, fields_of, problem


def test_a_replay_after_the_default_credit_type_changed(api: Api) -> None:
    account = api.funded(10)
    first = api.post("/v2/debits", {"account": account, "amount": 1}, key="plain")
    made = {"code": "other", "name": "Other", "default": True}
    assert api.send("PUT", "/v2/credit-types", made).status_code == 200
    try:
        again = api.post("/v2/debits", {"account": account, "amount": 1}, key="plain")
        assert (again.status_code, again.content) == (201, first.content)
        named = {"account": account, "amount": 1, "credit_type": "credits"}
        problem(api.post("/v2/debits", named, key="plain"), 422, "idempotency_key_reused")
    finally:
        back = {"code": "credits", "name": "Credits", "default": True}
        assert api.send("PUT", "/v2/credit-types", back).status_code == 200


@pytest.mark.parametrize("path", ["/v2/accounts/{}", "/v2/accounts/{}/balance"])
def test_two_credentials_are_none(api: Api, test_mode: Api, path: str) -> None:
    account = api.account()
    keys = [client.http.headers["authorization"] for client in (api, test_mode)]
    for both in (keys, keys[::-1]):
        answer = api.http.build_request("GET", path.format(account))
        del answer.headers["authorization"]
        answer.headers = type(answer.headers)(
            [*answer.headers.multi_items(), *(("authorization", key) for key in both)]
        )
        problem(api.http.send(answer), 401, "unauthenticated")


def test_two_idempotency_keys_are_none(api: Api) -> None:
    account = api.funded(5)
    request = api.http.build_request("POST", "/v2/debits", json={"account": account, "amount": 1})
    request.headers = type(request.headers)(
        [*request.headers.multi_items(), ("idempotency-key", "a"), ("idempotency-key", "b")]
    )
    assert fields_of(problem(api.http.send(request), 422, "invalid_request")) == ["Idempotency-Key"]


def test_an_external_id_that_could_not_stand_in_a_path_is_refused(api: Api) -> None:
    answer = api.post("/v2/accounts", {"external_id": "a/b"})
    assert fields_of(problem(answer, 422, "invalid_request")) == ["external_id"]


@pytest.mark.parametrize("reason", ["fine", "n\u00a0b", "un\u202fmot", "👨‍👩‍👧"])
def test_a_reason_is_any_text(api: Api, reason: str) -> None:
    body = {"account": api.account(), "direction": "credit", "amount": 1, "reason": reason}
    assert api.post("/v2/adjustments", body).status_code == 201


def test_half_a_surrogate_costs_its_own_command(api: Api) -> None:
    account = api.funded(10)
    body = (
        '{"commands":[{"type":"debit","account":"\\ud800","amount":1},'
        f'{{"type":"debit","account":"{account}","amount":1}},{{"type":"\\ud800"}},"\\ud800"]}}'
    )
    answer = api.post("/v2/batch", body)
    assert answer.status_code == 200, answer.text
    statuses = [one["status"] for one in answer.json()["results"]]
    assert (statuses[1], api.wallet(account)["posted"]) == (201, "9")
    assert all(status in (404, 422) for status in statuses[:1] + statuses[2:])
    assert results(api, [{"type": "debit", "account": account, "amount": 1}])[0]["status"] == 201


@pytest.mark.parametrize("path", ["/v2/credit-types", "/v2/api-keys"])
def test_every_list_has_pages(api: Api, path: str) -> None:
    problem(api.get(path, limit=0), 422, "invalid_request")
    problem(api.get(path, bogus=1), 422, "invalid_request")
    api.send("PUT", "/v2/credit-types", {"code": "second", "name": "Second"})
    api.post("/v2/api-keys", {"name": "second", "scope": "read"})
    whole = api.get(path).json()["data"]
    first = api.get(path, limit=1).json()
    second = api.get(path, limit=1, cursor=first["next_cursor"]).json()
    assert first["data"] + second["data"] == whole[:2]
    assert api.get(path).json()["next_cursor"] is None
