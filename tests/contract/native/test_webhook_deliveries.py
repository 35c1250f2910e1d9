"""/v2/webhook-deliveries, /v2/events, and what is sent again"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.events import actions as events
from tallystick.domain.events.model import TYPES, Event
from tallystick.domain.webhooks import jobs
from tallystick.kernel.ids import account_of, parse_typeid
from tests.contract.served import Api, House, fields_of, problem
from tests.doubles.receivers import DOWN, Receivers

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/events",
    "GET /v2/events/{event}",
    "POST /v2/webhook-endpoints/{endpoint}/test",
    "POST /v2/webhook-endpoints/{endpoint}/replay",
    "GET /v2/webhook-deliveries",
    "GET /v2/webhook-deliveries/{delivery}",
    "POST /v2/webhook-deliveries/{delivery}/replay",
)

_numbers = itertools.count(1)


class World:
    """Receivers that answer as told, and the worker's jobs run by hand."""

    def __init__(self, house: House, api: Api) -> None:
        self.house = house
        self.api = api
        self.receivers = Receivers()

    def endpoint(self, **fields: Any) -> dict[str, Any]:
        body = {"url": f"https://r{next(_numbers)}.example/", **fields}
        answer = self.api.post("/v2/webhook-endpoints", body)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def happen(self, type: str = "invoice.paid", account: str | None = None, **data: Any) -> None:
        uuid = None if account is None else parse_typeid("acct", account)
        event = Event(type, datetime.now(UTC), data, None if uuid is None else account_of(uuid))

        async def emit() -> None:
            async with self.house.system.db.tx() as tx:
                await events.emit(tx, self.house.first.app.live, event)

        self.house.run(emit())

    def work(self) -> None:
        system = self.house.system
        self.house.run(jobs.fan_out(system.db))
        self.house.run(jobs.deliver_due(system.db, self.receivers, system.vault))

    def of(self, endpoint: dict[str, Any], **query: Any) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.api.get(
            "/v2/webhook-deliveries", endpoint=endpoint["id"], **query
        ).json()["data"]
        return rows

    def act(self, path: str, body: Any = None, key: str | None = None) -> dict[str, Any]:
        answer = self.api.post(path, body, key)
        assert answer.status_code in (200, 201), answer.text
        return dict(answer.json())


@pytest.fixture
def world(house: House, api: Api) -> Iterator[World]:
    made = World(house, api)
    made.work()  # what the tests before left
    yield made
    for row in api.get("/v2/webhook-endpoints", limit=100).json()["data"]:
        api.send("DELETE", f"/v2/webhook-endpoints/{row['id']}")


def test_a_delivery_and_its_log(world: World, reader: Api) -> None:
    shop = world.endpoint(types=["invoice.*"])
    account = world.api.account(name="Acme")
    world.happen("invoice.paid", account, invoice="inv_1", amount="9.00")
    world.work()
    [row] = world.of(shop)
    assert row == {
        "id": row["id"],
        "endpoint": shop["id"],
        "event": row["event"],
        "type": "invoice.paid",
        "status": "succeeded",
        "attempts": 1,
        "last_status": 200,
        "last_error": None,
        "next_attempt_at": None,
        "created_at": row["created_at"],
        "ended_at": row["ended_at"],
    }
    read = reader.get(f"/v2/webhook-deliveries/{row['id']}")
    whole = read.json()
    [attempt] = whole.pop("log")
    assert whole == row
    assert (attempt["number"], attempt["error"], attempt["request"]["url"]) == (1, None, shop["url"])
    assert attempt["response"] == {
        "status": 200,
        "headers": [["content-type", "text/plain"]],
        "body": "thanks",
    }
    sent = dict(attempt["request"]["headers"])
    assert (sent["webhook-id"], sent["x-webhook-event"]) == (row["event"], "invoice.paid")
    [request] = world.receivers.sent
    assert sent["webhook-signature"] == "(hidden)"
    assert request.headers["webhook-signature"] not in read.text
    event = reader.get(f"/v2/events/{row['event']}").json()
    assert event == {
        "id": row["event"],
        "type": "invoice.paid",
        "account": account,
        "data": {"invoice": "inv_1", "amount": "9.00"},
        "timestamp": event["timestamp"],
        "created_at": event["created_at"],
    }


def test_lists(world: World, reader: Api) -> None:
    here, there = world.endpoint(types=["plan.*", "invoice.paid"]), world.endpoint(types=["plan.created"])
    world.receivers.answers[there["url"]] = lambda one: DOWN
    world.happen("plan.created")
    world.happen("plan.deleted")
    world.happen("invoice.paid")
    world.work()
    assert [row["type"] for row in world.of(here)] == ["invoice.paid", "plan.deleted", "plan.created"]
    assert [row["type"] for row in world.of(here, type="plan.deleted")] == ["plan.deleted"]
    assert world.of(here, status="failed") == world.of(here, status="pending") == []
    [waiting] = world.of(there, status="pending")
    assert (waiting["last_status"], waiting["last_error"]) == (None, "not_connected")
    assert waiting["next_attempt_at"] > waiting["created_at"]
    both = world.api.get("/v2/webhook-deliveries", event=waiting["event"]).json()["data"]
    assert {row["endpoint"] for row in both} == {here["id"], there["id"]}
    first = reader.get("/v2/webhook-deliveries", endpoint=here["id"], limit=2).json()
    rest = reader.get(
        "/v2/webhook-deliveries", endpoint=here["id"], limit=2, cursor=first["next_cursor"]
    ).json()
    assert first["data"] + rest["data"] == world.of(here)
    for unknown in ({"endpoint": "we_x"}, {"event": "evt_x"}, {"event": "evt_" + "0" * 26}):
        assert reader.get("/v2/webhook-deliveries", **unknown).json()["data"] == []
    for wrong in ({"status": "lost"}, {"type": "x"}, {"colour": "red"}, {"limit": 0}):
        refused = problem(reader.get("/v2/webhook-deliveries", **wrong), 422, "invalid_request")
        assert fields_of(refused) == list(wrong)


def test_test_button(world: World) -> None:
    shop, other = world.endpoint(types=["invoice.paid"]), world.endpoint()
    path = f"/v2/webhook-endpoints/{shop['id']}/test"
    sent = world.act(path, key="ping")
    assert (sent["type"], sent["status"], sent["attempts"]) == ("test.ping", "pending", 0)
    assert world.act(path, key="ping") == sent
    world.work()
    [request] = world.receivers.sent
    assert (request.url, request.headers["x-webhook-event"]) == (shop["url"], "test.ping")
    assert [row["status"] for row in world.of(shop)] == ["succeeded"]
    assert world.of(other) == []


def test_replay_one(world: World) -> None:
    shop = world.endpoint()
    world.happen(n=1)
    world.work()
    [row] = world.of(shop)
    path = f"/v2/webhook-deliveries/{row['id']}/replay"
    again = world.act(path, key="again")
    assert (again["id"], again["status"], again["ended_at"]) == (row["id"], "pending", None)
    assert world.act(path, key="again") == again
    world.work()
    first, second = world.receivers.sent
    assert (second.id, second.body) == (first.id, first.body)
    assert (first.attempt, second.attempt) == (1, 2)
    log = world.api.get(f"/v2/webhook-deliveries/{row['id']}").json()["log"]
    assert [one["number"] for one in log] == [1, 2]
    world.api.send("PATCH", f"/v2/webhook-endpoints/{shop['id']}", {"enabled": False})
    problem(world.api.post(path), 409, "endpoint_disabled")
    world.api.send("DELETE", f"/v2/webhook-endpoints/{shop['id']}")
    problem(world.api.post(path), 404, "not_found")
    assert [row["status"] for row in world.of(shop)] == ["succeeded"]


def test_replay_a_span(world: World) -> None:
    shop = world.endpoint(types=["invoice.*", "plan.*"])
    path = f"/v2/webhook-endpoints/{shop['id']}"
    begin = datetime.now(UTC)
    world.happen("invoice.paid", n=1)
    world.happen("customer.created", n=2)
    world.work()
    world.api.send("PATCH", path, {"enabled": False})
    world.happen("plan.created", n=3)
    world.work()
    world.api.send("PATCH", path, {"enabled": True})
    world.work()
    assert world.receivers.said(shop["url"]) == [1]
    span = {"from": begin.isoformat(), "to": (begin + timedelta(hours=1)).isoformat()}
    assert world.act(f"{path}/replay", span | {"only_failed": True}) == {"replayed": 0}
    assert world.act(f"{path}/replay", span | {"types": ["customer.*"]}) == {"replayed": 0}
    assert world.act(f"{path}/replay", span | {"types": ["plan.*"]}) == {"replayed": 1}
    world.work()
    assert world.receivers.said(shop["url"]) == [1, 3]
    assert world.act(f"{path}/replay", span) == {"replayed": 2}
    assert world.act(f"{path}/replay", span) == {"replayed": 0}
    world.work()
    assert sorted(world.receivers.said(shop["url"])) == [1, 1, 3, 3]
    for change, field in (
        ({"to": span["from"]}, "to"),
        ({"from": "soon"}, "from"),
        ({"from": ...}, "from"),
        ({"types": []}, "types"),
        ({"types": ["x"]}, "types.0"),
        ({"only_failed": 1}, "only_failed"),
        ({"until": 1}, "until"),
    ):
        body = {name: value for name, value in (span | change).items() if value is not ...}
        assert fields_of(problem(world.api.post(f"{path}/replay", body), 422, "invalid_request")) == [field]


def test_events(world: World, reader: Api) -> None:
    account = world.api.account(external_id="watched")
    begin = datetime.now(UTC)
    for n in range(3):
        world.happen("credits.granted", account, n=n)
    world.happen("credits.granted", world.api.account(), n=9)

    def listed(**query: Any) -> list[Any]:
        rows = reader.get("/v2/events", type="credits.granted", **query).json()["data"]
        return [row["data"].get("n") for row in rows]

    assert listed(account="ext:watched") == listed(account=account) == [2, 1, 0]
    assert listed(limit=2) == [9, 2]
    assert listed(**{"from": (begin + timedelta(hours=1)).isoformat()}) == []
    assert listed(to=begin.isoformat(), account=account) == []
    first = reader.get("/v2/events", account=account, type="credits.granted", limit=2).json()
    assert listed(account=account, limit=2, cursor=first["next_cursor"]) == [0]
    for wrong in ({"type": "x"}, {"from": "soon"}, {"colour": "red"}):
        assert fields_of(problem(reader.get("/v2/events", **wrong), 422, "invalid_request")) == list(wrong)
    kinds = reader.get("/v2/event-types", limit=100).json()["data"]
    assert {row["type"]: row["description"] for row in kinds} == dict(TYPES)


def test_another_app_sees_nothing(world: World, stranger: Api, test_mode: Api, nobody: Api) -> None:
    shop = world.endpoint()
    world.happen(n=1)
    world.work()
    [row] = world.of(shop)
    for client in (stranger, test_mode):
        problem(client.get(f"/v2/webhook-deliveries/{row['id']}"), 404, "not_found")
        problem(client.post(f"/v2/webhook-deliveries/{row['id']}/replay"), 404, "not_found")
        problem(client.get(f"/v2/events/{row['event']}"), 404, "not_found")
        for query in ({}, {"endpoint": shop["id"]}, {"event": row["event"]}):
            assert row["id"] not in client.get("/v2/webhook-deliveries", **query).text
        assert row["event"] not in client.get("/v2/events").text
    for path in ("webhook-deliveries", "events", "event-types", "emails"):
        problem(nobody.get(f"/v2/{path}"), 401, "unauthenticated")


@pytest.mark.parametrize("path", ["x", "{}_x", "{}_" + "0" * 26, "%00"])
def test_unknown_ids(api: Api, path: str) -> None:
    problem(api.get("/v2/webhook-deliveries/" + path.format("wd")), 404, "not_found")
    problem(api.post("/v2/webhook-deliveries/" + path.format("wd") + "/replay"), 404, "not_found")
    problem(api.get("/v2/events/" + path.format("evt")), 404, "not_found")
    problem(api.get("/v2/emails/" + path.format("mail")), 404, "not_found")
