"""/v2/meters, /v2/meters/{meter}, /v2/meters/{meter}/query"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid, uuid7
from tests.contract.served import Api, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/meters",
    "GET /v2/meters",
    "GET /v2/meters/{meter}",
    "PATCH /v2/meters/{meter}",
    "DELETE /v2/meters/{meter}",
    "GET /v2/meters/{meter}/query",
)


def make(api: Api, key: str, **fields: Any) -> dict[str, Any]:
    made = api.post("/v2/meters", {"key": key, "metric": key, "aggregation": "sum"} | fields)
    assert made.status_code == 201, made.text
    return dict(made.json())


def test_meters(api: Api, reader: Api, stranger: Api, test_mode: Api) -> None:
    said = {
        "key": "eu-tokens",
        "metric": "tokens",
        "aggregation": "max",
        "name": "Tokens in Europe",
        "field": "size",
        "filters": [{"field": "region", "in": ["eu", "ch"]}],
        "group_by": ["model"],
    }
    made = api.post("/v2/meters", said, key="m")
    assert made.status_code == 201, made.text
    shown = made.json()
    assert shown == {
        "id": shown["id"], **said, "created_at": shown["created_at"], "updated_at": shown["updated_at"],
    }  # fmt: skip
    assert api.post("/v2/meters", said, key="m").content == made.content
    problem(api.post("/v2/meters", said), 409, "meter_key_taken")
    path = f"/v2/meters/{shown['id']}"
    assert reader.get(path).json() == shown
    changed = api.send("PATCH", path, {"name": "EU", "group_by": ["model", "team"]}).json()
    assert (changed["name"], changed["group_by"]) == ("EU", ["model", "team"])
    assert api.send("PATCH", path, {}).json() == changed
    plain = make(api, "plain", metric="tokens")
    assert (plain["name"], plain["field"], plain["filters"], plain["group_by"]) == ("plain", None, [], [])
    page = api.get("/v2/meters", metric="tokens", limit=1).json()
    assert [row["key"] for row in page["data"]] == ["eu-tokens"]
    rest = api.get("/v2/meters", metric="tokens", limit=1, cursor=page["next_cursor"]).json()
    assert ([row["key"] for row in rest["data"]], rest["next_cursor"]) == (["plain"], None)
    assert stranger.get("/v2/meters").json()["data"] == []
    for client, where in (
        (stranger, path),
        (test_mode, path),
        (api, "/v2/meters/meter_x"),
        (api, f"/v2/meters/{typeid('meter', uuid7())}"),
    ):
        problem(client.get(where), 404, "not_found")
        problem(client.send("PATCH", where, {"name": "x"}), 404, "not_found")
        problem(client.send("DELETE", where), 404, "not_found")
    for method, body in (("PATCH", {"name": "x"}), ("DELETE", None)):
        problem(reader.send(method, path, body), 403, "forbidden")
    problem(reader.post("/v2/meters", said), 403, "forbidden")
    assert api.send("DELETE", path).json()["id"] == shown["id"]
    problem(api.get(path), 404, "not_found")
    problem(api.post("/v2/meters", said), 409, "meter_key_taken")


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ({"key": None}, ["key"]),
        ({"key": "a b"}, ["key"]),
        ({"key": "\0"}, ["key"]),
        ({"metric": ""}, ["metric"]),
        ({"metric": "\ud800"}, ["metric"]),
        ({"aggregation": "median"}, ["aggregation"]),
        ({"aggregation": "unique"}, ["field"]),
        ({"aggregation": "count", "field": "x"}, ["field"]),
        ({"name": ""}, ["name"]),
        ({"name": "a\tb"}, ["name"]),
        ({"field": 7}, ["field"]),
        ({"filters": [{"field": "x"}]}, ["filters.0.in"]),
        ({"filters": [{"field": "x", "in": []}]}, ["filters.0.in"]),
        ({"filters": [{"field": "x", "in": [1]}]}, ["filters.0.in.0"]),
        ({"filters": [{"field": "x", "in": ["\0"]}]}, ["filters.0.in.0"]),
        ({"filters": [{"field": "x", "in": ["a"], "not": 1}]}, ["filters.0.not"]),
        ({"group_by": ["a", "a"]}, ["group_by"]),
        ({"group_by": ["a\0"]}, ["group_by.0"]),
        ({"group_by": "a"}, ["group_by"]),
        ({"colour": "red"}, ["colour"]),
    ],
)
def test_a_meter_that_is_wrong(api: Api, change: dict[str, Any], fields: list[str]) -> None:
    body = {"key": "k", "metric": "m", "aggregation": "sum"} | change
    assert fields_of(problem(api.post("/v2/meters", body), 422, "invalid_request")) == fields


def test_a_query(api: Api, reader: Api, stranger: Api) -> None:
    account = api.account(time_zone="Asia/Kolkata")
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(days=3)
    # 18:30 UTC is midnight in Kolkata
    for n, (hours, model) in enumerate(((1, "a"), (18.4, "a"), (18.6, "b"), (30, "b"))):
        at = iso(first + timedelta(hours=hours))
        said = {"account": account, "metric": "queried", "quantity": n + 1, "timestamp": at,
                "metadata": {"model": model}}  # fmt: skip
        assert api.post("/v2/usage", said).status_code == 201
    meter = make(api, "queried", group_by=["model"])
    path = f"/v2/meters/{meter['id']}/query"
    span = {"account": account, "from": iso(first), "to": iso(first + timedelta(days=2))}
    answer = reader.get(path, **span)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["meter"], body["account"], body["window"]) == (meter["id"], account, "day")
    assert body["time_zone"] == "Asia/Kolkata"
    assert [row["quantity"] for row in body["data"]] == ["3", "7", "0"]
    assert body["data"][1]["start"] == iso(first + timedelta(hours=18.5))
    assert [row["quantity"] for row in body["totals"]] == ["10"]
    grouped = api.get(path, **span, group_by="model", time_zone="UTC").json()
    assert [(row["group"], row["quantity"]) for row in grouped["data"]] == [
        ({"model": "a"}, "3"),
        ({"model": "b"}, "3"),
        ({"model": "b"}, "4"),
    ]
    assert [(row["group"]["model"], row["quantity"]) for row in grouped["totals"]] == [("a", "3"), ("b", "7")]
    assert len(api.get(path, **span, window="hour").json()["data"]) == 49
    assert len(api.get(path, **span, window="month").json()["data"]) <= 2
    problem(stranger.get(path, **span), 404, "not_found")
    problem(api.get(path, **span | {"account": "ext:nobody"}), 404, "not_found")
    for change, fields in (
        ({"account": None}, ["account"]),
        ({"from": None}, ["from"]),
        ({"to": "x"}, ["to"]),
        ({"to": span["from"]}, ["to"]),
        ({"window": "week"}, ["window"]),
        ({"time_zone": "Mars"}, ["time_zone"]),
        ({"time_zone": "\0"}, ["time_zone"]),
        ({"group_by": "colour"}, ["group_by"]),
        ({"colour": "red"}, ["colour"]),
        ({"from": "0001-01-01", "to": "9999-12-31", "window": "hour"}, ["to"]),
    ):
        query = {name: value for name, value in (span | change).items() if value is not None}
        assert fields_of(problem(api.get(path, **query), 422, "invalid_request")) == fields, change
    edge = span | {"from": "0001-01-01", "to": "9999-12-31", "window": "month", "time_zone": "Etc/GMT+12"}
    assert api.get(path, **edge).status_code == 422


def test_a_meter_by_its_key(api: Api, stranger: Api) -> None:
    shown = make(api, "by:key.1")
    path = "/v2/meters/by:key.1"
    assert api.get(path).json() == shown
    account = api.account()
    span = {"account": account, "from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
    assert api.get(path + "/query", **span).json()["meter"] == shown["id"]
    assert api.send("PATCH", path, {"name": "Mine"}).json()["name"] == "Mine"
    assert api.send("DELETE", path).json()["id"] == shown["id"]
    for client, where in (
        (api, path),
        (stranger, path),
        (api, "/v2/meters/%00"),
        (api, "/v2/meters/%ED%A0%80"),
    ):
        problem(client.get(where), 404, "not_found")
