"""POST /v2/usage, /v2/usage/batch; GET /v2/accounts/{account}/usage; GET, PATCH, DELETE /v2/usage/{event}"""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from tallystick.kernel.clock import iso
from tallystick.kernel.ids import owned_uuid, typeid
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/usage",
    "POST /v2/usage/batch",
    "GET /v2/accounts/{account}/usage",
    "GET /v2/usage/{event}",
    "PATCH /v2/usage/{event}",
    "DELETE /v2/usage/{event}",
)


def ago(**by: float) -> str:
    return iso(datetime.now(UTC) - timedelta(**by))


def used(api: Api, account: str, **fields: Any) -> dict[str, Any]:
    made = api.post("/v2/usage", {"account": account, "metric": "calls", "quantity": 1} | fields)
    assert made.status_code == 201, made.text
    return dict(made.json())


def cloud(api: Api, path: str, body: Any, media: str = "application/cloudevents+json") -> httpx2.Response:
    headers = {"Content-Type": media + "; charset=utf-8"}
    return api.http.post(path, content=body if isinstance(body, str) else json.dumps(body), headers=headers)


def test_an_event(api: Api) -> None:
    account = api.account(external_id="meter-me")
    at = ago(days=2)
    said = {
        "account": "ext:meter-me",
        "metric": "tokens",
        "quantity": "12.5",
        "timestamp": at,
        "event_id": "job-1",
        "metadata": {"model": "small"},
    }
    made = api.post("/v2/usage", said)
    assert made.status_code == 201
    body = made.json()
    assert body == {"id": body["id"], "duplicate": False, "entry": None}
    again = api.post("/v2/usage", said)
    assert (again.status_code, again.json()) == (200, {"id": body["id"], "duplicate": True, "entry": None})
    problem(api.post("/v2/usage", said | {"quantity": 13}), 409, "event_id_reused")
    shown = api.get(f"/v2/usage/{body['id']}").json()
    assert shown == {
        "id": body["id"],
        "account": account,
        "metric": "tokens",
        "quantity": "12.5",
        "timestamp": at,
        "event_id": "job-1",
        "subscription": None,
        "metadata": {"model": "small"},
        "entry": None,
        "received_at": shown["received_at"],
        "changes": 0,
        "deleted_at": None,
        "history": [],
    }


def test_an_idempotency_key_stands_for_an_event_id(api: Api) -> None:
    said = {"account": api.account(), "metric": "calls", "quantity": 1}
    first = api.post("/v2/usage", said, key="u")
    again = api.post("/v2/usage", said, key="u")
    assert (first.status_code, again.status_code) == (201, 200)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json() | {"duplicate": True}
    problem(api.post("/v2/usage", said | {"quantity": 2}, key="u"), 422, "idempotency_key_reused")
    # and in a batch each event has its place's
    batch = {"events": [said, said]}
    once = api.post("/v2/usage/batch", batch, key="b").json()["results"]
    twice = api.post("/v2/usage/batch", batch, key="b").json()["results"]
    assert [one["status"] for one in once + twice] == [201, 201, 200, 200]
    assert [one["body"]["id"] for one in once] == [one["body"]["id"] for one in twice]


WRONG = [
    ({}, ["account", "metric", "quantity"]),
    ({"account": "a", "metric": "m", "quantity": 1, "colour": "red"}, ["colour"]),
    ({"account": 7, "metric": "m", "quantity": 1}, ["account"]),
    ({"account": "a", "metric": "", "quantity": 1}, ["metric"]),
    ({"account": "a", "metric": "a\0b", "quantity": 1}, ["metric"]),
    ({"account": "a", "metric": "\ud800", "quantity": 1}, ["metric"]),
    ({"account": "a", "metric": "m" * 101, "quantity": 1}, ["metric"]),
    ({"account": "a", "metric": "m", "quantity": -1}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": 1.5}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": True}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": 10**18}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": "9007199255"}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": "NaN"}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": "1e3"}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": "0.0000001"}, ["quantity"]),
    ({"account": "a", "metric": "m", "quantity": 1, "timestamp": "yesterday"}, ["timestamp"]),
    ({"account": "a", "metric": "m", "quantity": 1, "timestamp": "2026-01-01T00:00:00"}, ["timestamp"]),
    ({"account": "a", "metric": "m", "quantity": 1, "event_id": ""}, ["event_id"]),
    ({"account": "a", "metric": "m", "quantity": 1, "event_id": "x\0"}, ["event_id"]),
    ({"account": "a", "metric": "m", "quantity": 1, "event_id": "x" * 256}, ["event_id"]),
    ({"account": "a", "metric": "m", "quantity": 1, "event_id": 5}, ["event_id"]),
    ({"account": "a", "metric": "m", "quantity": 1, "metadata": []}, ["metadata"]),
    ({"account": "a", "metric": "m", "quantity": 1, "metadata": {"a": "\0"}}, ["metadata"]),
    ({"account": "a", "metric": "m", "quantity": 1, "metadata": {"a": "\ud800"}}, ["metadata"]),
    ({"account": "a", "metric": "m", "quantity": 1, "metadata": {"a": "x" * 17_000}}, ["metadata"]),
    ([], [""]),
    (7, [""]),
]


@pytest.fixture(scope="module")
def known(house: House) -> str:
    with house.client("admin") as client:
        return client.account()


@pytest.mark.parametrize(("body", "fields"), WRONG)
def test_an_event_that_is_wrong(api: Api, known: str, body: Any, fields: list[str]) -> None:
    if isinstance(body, dict) and body.get("account") == "a":
        body = body | {"account": known}
    refused = problem(api.post("/v2/usage", body), 422, "invalid_request")
    assert fields_of(refused) == fields
    # in a batch it fails alone, with the same words
    good = {"account": known, "metric": "calls", "quantity": 1}
    answered = api.post("/v2/usage/batch", {"events": [good, body, good]})
    assert answered.status_code == 200
    first, bad, last = answered.json()["results"]
    assert (first["status"], last["status"]) == (201, 201)
    assert bad["status"] == 422
    assert bad["body"]["errors"] == refused["errors"]


def test_times_too_far_away(api: Api, known: str) -> None:
    for at in (ago(days=36), ago(minutes=-10), "0001-01-01", "9999-12-31T23:59:59Z"):
        said = {"account": known, "metric": "calls", "quantity": 1, "timestamp": at}
        assert fields_of(problem(api.post("/v2/usage", said), 422, "invalid_request")) == ["timestamp"]
    used(api, known, timestamp=ago(days=34.9))
    used(api, known, timestamp=ago(minutes=-4))
    used(api, known, timestamp=ago(hours=1).replace("Z", "+00:00"))


def test_bodies_that_are_no_json(api: Api) -> None:
    for path in ("/v2/usage", "/v2/usage/batch"):
        for body in (b"", b"{", b'{"quantity": NaN}', b"\xff", b"[" * 100_000):
            problem(api.post(path, body), 400, "invalid_json")
            for media in ("application/cloudevents+json", "application/cloudevents-batch+json"):
                problem(
                    api.http.post(path, content=body, headers={"Content-Type": media}), 400, "invalid_json"
                )


def test_who_may_record(
    api: Api, reader: Api, stranger: Api, test_mode: Api, nobody: Api, known: str
) -> None:
    said = {"account": known, "metric": "calls", "quantity": 1}
    for path, body in (("/v2/usage", said), ("/v2/usage/batch", {"events": [said]})):
        problem(reader.post(path, body), 403, "forbidden")
        problem(nobody.post(path, body), 401, "unauthenticated")
    for other in (stranger, test_mode):
        problem(other.post("/v2/usage", said), 404, "not_found")
        [result] = other.post("/v2/usage/batch", {"events": [said]}).json()["results"]
        assert (result["status"], result["body"]["code"]) == (404, "not_found")
    for account in ("acct_", "ext:nobody", typeid("acct", owned_uuid(10**9)), "ext:\0", "ext:\ud800"):
        refused = api.post("/v2/usage", said | {"account": account})
        assert refused.status_code in (404, 422), refused.text


def test_a_subscription_that_is_not_the_account_s(api: Api, known: str) -> None:
    for name in ("sub_", "nonsense", typeid("sub", owned_uuid(1))):
        said = {"account": known, "metric": "calls", "quantity": 1, "subscription": name}
        problem(api.post("/v2/usage", said), 404, "not_found")


def test_a_batch(api: Api) -> None:
    account = api.account()
    events = [
        {"account": account, "metric": "calls", "quantity": n, "event_id": f"b-{n}"} for n in range(3000)
    ]
    answered = api.post("/v2/usage/batch", {"events": [*events, events[7], events[8] | {"quantity": 1}]})
    results = answered.json()["results"]
    assert [one["status"] for one in results] == [201] * 3000 + [200, 409]
    assert results[3000]["body"]["id"] == results[7]["body"]["id"]
    assert results[3001]["body"]["code"] == "event_id_reused"
    again = api.post("/v2/usage/batch", {"events": events}).json()["results"]
    assert [one["body"]["id"] for one in again] == [one["body"]["id"] for one in results[:3000]]
    assert all(one["body"]["duplicate"] for one in again)


def test_how_much_a_batch_takes(api: Api) -> None:
    event = {"account": api.account(), "metric": "calls", "quantity": 1, "metadata": {"note": "x" * 100}}
    full = api.post("/v2/usage/batch", {"events": [event] * 10_000})
    assert [one["status"] for one in full.json()["results"]] == [201] * 10_000
    problem(api.post("/v2/usage/batch", {"events": [event] * 10_001}), 422, "invalid_request")
    assert api.post("/v2/usage/batch", {"events": []}).json() == {"results": []}
    large = json.dumps({"events": [event]}).ljust((16 << 20) + 1)
    problem(api.post("/v2/usage/batch", large), 413, "body_too_large")
    for body, field in (({}, "events"), ({"events": 1}, "events"), ({"events": [], "x": 1}, "x"), ([], "")):
        assert fields_of(problem(api.post("/v2/usage/batch", body), 422, "invalid_request")) == [field]


def test_cloud_events(api: Api) -> None:
    account = api.account(external_id="cloudy")
    said: dict[str, Any] = {
        "specversion": "1.0",
        "id": "A234",
        "source": "https://app.example/workers/7",
        "type": "tokens",
        "subject": "ext:cloudy",
        "time": ago(hours=1),
        "datacontenttype": "application/json",
        "traceparent": "an extension",
        "data": {"quantity": "2.5", "model": "small", "metadata": {"region": "eu"}},
    }
    made = cloud(api, "/v2/usage", said)
    assert made.status_code == 201, made.text
    shown = api.get(f"/v2/usage/{made.json()['id']}").json()
    assert (shown["account"], shown["metric"], shown["quantity"]) == (account, "tokens", "2.5")
    assert shown["timestamp"] == said["time"]
    assert shown["metadata"] == {"region": "eu", "model": "small"}
    assert shown["event_id"] == "https://app.example/workers/7 A234"
    assert cloud(api, "/v2/usage", said).status_code == 200
    other = cloud(api, "/v2/usage", said | {"source": "https://app.example/workers/8"})
    assert other.status_code == 201
    plain = {name: said[name] for name in ("specversion", "id", "source", "type", "subject")} | {"id": "B"}
    batch = [said, plain, said | {"id": "C", "data": {"quantity": -1}}, {"id": "D"}, 7]
    results = cloud(api, "/v2/usage/batch", batch, "application/cloudevents-batch+json").json()["results"]
    assert [one["status"] for one in results] == [200, 201, 422, 422, 422]
    assert [fields_of(one["body"]) for one in results[2:]] == [
        ["data.quantity"],
        ["specversion", "source", "type", "subject"],
        [""],
    ]
    assert api.get(f"/v2/usage/{results[1]['body']['id']}").json()["quantity"] == "1"
    # a single one at the batch's address is a batch of one, and the other way round
    one = cloud(api, "/v2/usage/batch", said)
    assert [result["status"] for result in one.json()["results"]] == [200]
    whole = cloud(api, "/v2/usage", [said], "application/cloudevents-batch+json")
    assert [result["status"] for result in whole.json()["results"]] == [200]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"specversion": "0.3"}, "specversion"),
        ({"id": None}, "id"),
        ({"id": "\ud800"}, "id"),
        ({"id": "x" * 300}, "id"),
        ({"source": "a b"}, "source"),
        ({"type": 7}, "type"),
        ({"type": "x" * 101}, "type"),
        ({"type": "\0"}, "type"),
        ({"subject": ""}, "subject"),
        ({"time": "noon"}, "time"),
        ({"time": 7}, "time"),
        ({"time": "2001-01-01T00:00:00Z"}, "time"),
        ({"datacontenttype": "text/xml"}, "datacontenttype"),
        ({"data_base64": "AAAA"}, "data_base64"),
        ({"data": []}, "data"),
        ({"data": {"quantity": True}}, "data.quantity"),
        ({"data": {"quantity": 1.5}}, "data.quantity"),
        ({"data": {"subscription": 7}}, "data.subscription"),
        ({"data": {"note": "\0"}}, "data"),
        ({"data": {"note": "\ud800"}}, "data"),
    ],
)
def test_cloud_events_that_are_wrong(api: Api, known: str, change: dict[str, Any], field: str) -> None:
    said = {"specversion": "1.0", "id": "x", "source": "/s", "type": "calls", "subject": known} | change
    assert fields_of(problem(cloud(api, "/v2/usage", said), 422, "invalid_request")) == [field]


def test_listing(api: Api, reader: Api, stranger: Api) -> None:
    account = api.account()
    ids = [used(api, account, metric=metric, timestamp=ago(hours=n))["id"]
           for n, metric in enumerate(("calls", "calls", "tokens", "calls"), 1)]  # fmt: skip
    path = f"/v2/accounts/{account}/usage"
    page = reader.get(path, limit=3).json()
    assert [row["id"] for row in page["data"]] == ids[:0:-1]
    rest = reader.get(path, limit=3, cursor=page["next_cursor"]).json()
    assert ([row["id"] for row in rest["data"]], rest["next_cursor"]) == (ids[:1], None)
    assert [row["id"] for row in api.get(path, metric="tokens").json()["data"]] == [ids[2]]
    span = {"from": ago(hours=3.5), "to": ago(hours=1.5)}
    assert [row["id"] for row in api.get(path, **span).json()["data"]] == [ids[2], ids[1]]
    assert api.get(path, subscription=typeid("sub", owned_uuid(1))).json()["data"] == []
    problem(stranger.get(path), 404, "not_found")
    for query in (
        {"cursor": "x"}, {"limit": 0}, {"limit": 101}, {"from": "x"}, {"to": "x"}, {"colour": "red"},
        {"subscription": "x"}, {"metric": ""},
    ):  # fmt: skip
        assert fields_of(problem(api.get(path, **query), 422, "invalid_request")) == list(query)


def test_a_correction(api: Api, reader: Api, stranger: Api, test_mode: Api) -> None:
    account = api.account()
    made = used(api, account, quantity=5, event_id="c")
    path = f"/v2/usage/{made['id']}"
    changed = api.send("PATCH", path, {"quantity": "2.5", "reason": "counted twice"})
    assert changed.status_code == 200, changed.text
    shown = changed.json()
    assert (shown["quantity"], shown["changes"]) == ("2.5", 1)
    [change] = shown["history"]
    assert change == {
        "kind": "corrected",
        "at": change["at"],
        "quantity": "5",
        "entry": None,
        "by": change["by"],
        "reason": "counted twice",
    }
    assert change["by"].startswith("key_")
    assert api.send("PATCH", path, {"quantity": "2.5", "reason": "again"}).json() == shown
    gone = api.http.delete(path, params={"reason": "a test"})
    assert gone.status_code == 200
    assert gone.json()["deleted_at"]
    assert [one["kind"] for one in gone.json()["history"]] == ["corrected", "deleted"]
    assert api.http.delete(path, params={"reason": "a test"}).json() == gone.json()
    problem(api.send("PATCH", path, {"quantity": 1, "reason": "x"}), 409, "event_deleted")
    assert api.get(path).json() == gone.json()
    assert api.get(f"/v2/accounts/{account}/usage").json()["data"] == []
    said = {"account": account, "metric": "calls", "quantity": 5, "event_id": "c"}
    assert api.post("/v2/usage", said).json()["duplicate"]
    audited = [row["action"] for row in api.get("/v2/audit-log").json()["data"]][:2]
    assert audited == ["usage.deleted", "usage.corrected"]


def test_ids_that_no_event_can_have(api: Api) -> None:
    made = used(api, api.account())["id"]
    where = f"/v2/usage/usage_7{'z' * 15}{made[-10:]}"
    problem(api.get(where), 404, "not_found")
    problem(api.send("PATCH", where, {"quantity": 2, "reason": "x"}), 404, "not_found")
    problem(api.http.delete(where, params={"reason": "x"}), 404, "not_found")


def test_changes_that_are_refused(api: Api, reader: Api, stranger: Api, test_mode: Api, known: str) -> None:
    path = f"/v2/usage/{used(api, known)['id']}"
    body = {"quantity": 1, "reason": "x"}
    for wrong, fields in (
        ({}, ["quantity", "reason"]),
        ({"quantity": 1}, ["reason"]),
        (body | {"reason": ""}, ["reason"]),
        (body | {"reason": "\0"}, ["reason"]),
        (body | {"quantity": -1}, ["quantity"]),
        (body | {"quantity": True}, ["quantity"]),
        (body | {"quantity": 10**18}, ["quantity"]),
        (body | {"metric": "x"}, ["metric"]),
    ):
        assert fields_of(problem(api.send("PATCH", path, wrong), 422, "invalid_request")) == fields
    for query in ({}, {"reason": ""}, {"reason": "\0"}, {"reason": "x", "colour": "red"}):
        problem(api.http.delete(path, params=query), 422, "invalid_request")
    problem(reader.send("PATCH", path, body), 403, "forbidden")
    problem(reader.http.delete(path, params={"reason": "x"}), 403, "forbidden")
    for client, where in (
        (stranger, path),
        (test_mode, path),
        (api, "/v2/usage/usage_x"),
        (api, f"/v2/usage/{typeid('usage', owned_uuid(10**9))}"),
        (api, f"/v2/usage/{typeid('usage', owned_uuid(1))}"),
    ):
        problem(client.get(where), 404, "not_found")
        problem(client.send("PATCH", where, body), 404, "not_found")
        problem(client.http.delete(where, params={"reason": "x"}), 404, "not_found")
    assert reader.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/v2/usage", "/v2/usage/batch"])
def test_every_documented_media_type(api: Api, path: str) -> None:
    if api.get("/v2/accounts/ext:customer-1").status_code == 404:
        api.account(external_id="customer-1")
    document = api.get("/v2/openapi.json").json()
    described = document["paths"][path]["post"]["requestBody"]["content"]
    assert list(described) == [
        "application/json", "application/cloudevents+json", "application/cloudevents-batch+json",
    ]  # fmt: skip
    for media, body in described.items():
        assert body["schema"]["$ref"].rpartition("/")[2] in document["components"]["schemas"]
        answer = cloud(api, path, body["example"], media)
        assert answer.status_code in (200, 201), answer.text
        assert {one["status"] for one in answer.json().get("results", ())} <= {200, 201}
    quantity = document["components"]["schemas"]["CloudDataRequest"]["properties"]["quantity"]
    assert quantity["description"] == "An event without it counts as 1."
