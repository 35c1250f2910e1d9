"""Subscriptions: who may do what, and what is refused"""

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tests import cast
from tests.contract.native.subscribing import feature, plan, read, subscribe
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/subscriptions/{subscription}",
    "PATCH /v2/subscriptions/{subscription}",
    "POST /v2/subscriptions/{subscription}/change",
    "DELETE /v2/subscriptions/{subscription}/change",
    "POST /v2/subscriptions/{subscription}/change/preview",
    "POST /v2/subscriptions/{subscription}/cancel",
    "DELETE /v2/subscriptions/{subscription}/cancel",
    "POST /v2/subscriptions/{subscription}/pause",
    "POST /v2/subscriptions/{subscription}/resume",
    "GET /v2/subscriptions/{subscription}/changes",
    "GET /v2/subscriptions/{subscription}/allowances",
)

UNKNOWN = "sub_" + "0" * 26

READS = ["", "/changes", "/allowances", "/upcoming-invoice"]


def writes(api: Api) -> list[tuple[str, str, Any]]:
    """Every write that names a subscription: method, the rest of the path, and a body that is right."""
    to = plan(api)
    return [
        ("PATCH", "", {"metadata": {}}),
        ("POST", "/change", {"plan": to}),
        ("POST", "/change/preview", {"plan": to}),
        ("DELETE", "/change", None),
        ("POST", "/cancel", {}),
        ("DELETE", "/cancel", None),
        ("POST", "/pause", {}),
        ("POST", "/resume", {}),
    ]


def every(api: Api) -> list[tuple[str, str, Any]]:
    return [*(("GET", path, None) for path in READS), *writes(api)]


def test_another_tenants_are_as_unknown(api: Api, stranger: Api, test_mode: Api) -> None:
    made = subscribe(api, plan(api))
    for method, path, body in every(api):
        for other in (stranger, test_mode):
            found = other.send(method, f"/v2/subscriptions/{made['id']}{path}", body)
            unknown = other.send(method, f"/v2/subscriptions/{UNKNOWN}{path}", body)
            problem(found, 404, "not_found")
            assert (found.status_code, found.content) == (unknown.status_code, unknown.content)
    assert read(api, made["id"])["status"] == "active"
    for other in (stranger, test_mode):
        body = {"account": made["account"], "plan": plan(other)}
        problem(other.post("/v2/subscriptions", body), 404, "not_found")
        problem(other.get("/v2/subscriptions", account=made["account"]), 404, "not_found")
        mine = other.account()
        problem(
            other.post("/v2/subscriptions", {"account": mine, "plan": made["plan"]["id"]}), 404, "not_found"
        )
        assert other.get("/v2/subscriptions").json()["data"] == []
    own = subscribe(stranger, plan(stranger))
    change = {"plan": made["plan"]["id"]}
    problem(stranger.post(f"/v2/subscriptions/{own['id']}/change", change), 404, "not_found")


@pytest.mark.parametrize("name", ["x", "sub_x", "sub_" + "z" * 26, "acct_" + "0" * 26, "%00", UNKNOWN])
def test_ids_that_are_none(api: Api, name: str) -> None:
    for method, path, body in every(api):
        problem(api.send(method, f"/v2/subscriptions/{name}{path}", body), 404, "not_found")


def test_an_id_of_another_account_is_nobodys(api: Api) -> None:
    """The id says the account: the same with another account's number in it is none."""
    made, other = subscribe(api, plan(api)), subscribe(api, plan(api))
    forged = made["id"][:-9] + other["id"][-9:]
    for method, path, body in every(api):
        problem(api.send(method, f"/v2/subscriptions/{forged}{path}", body), 404, "not_found")


def test_a_read_only_key(api: Api, reader: Api) -> None:
    made = subscribe(api, plan(api, "10.00"), trial=False)
    free = subscribe(api, plan(api))
    for path in READS[:-1]:
        assert reader.get(f"/v2/subscriptions/{made['id']}{path}").status_code == 200
    assert reader.get("/v2/subscriptions").status_code == 200
    for method, path, body in writes(api):
        problem(reader.send(method, f"/v2/subscriptions/{free['id']}{path}", body), 403, "forbidden")
    problem(
        reader.post("/v2/subscriptions", {"account": reader_account(api), "plan": plan(api)}),
        403,
        "forbidden",
    )


def reader_account(api: Api) -> str:
    return api.account()


def test_a_writing_key(api: Api, writer: Api) -> None:
    made = subscribe(writer, plan(api))
    for method, path, body in writes(api):
        assert writer.send(method, f"/v2/subscriptions/{made['id']}{path}", body).status_code != 403


def test_nobody(api: Api, nobody: Api) -> None:
    made = subscribe(api, plan(api))
    for method, path, body in every(api):
        problem(nobody.send(method, f"/v2/subscriptions/{made['id']}{path}", body), 401, "unauthenticated")
    problem(nobody.post("/v2/subscriptions", {}), 401, "unauthenticated")
    problem(nobody.get("/v2/subscriptions"), 401, "unauthenticated")


@pytest.fixture(scope="module")
def people(house: House) -> Iterator[dict[str, Api]]:
    """A member of each role of the account ``ext:people``."""
    tenant = house.first.app.live

    async def make() -> None:
        db = house.system.db
        account = await cast.make_account(db, tenant, external_id="people")
        for role in Role:
            user = await cast.make_user(db, tenant, f"{role.value}@people.example", cast.PASSWORD)
            async with db.tx() as tx:
                await memberships.add(
                    tx, tenant, account=account.account_id, user=user.id, role=role, by="test"
                )

    house.run(make())
    with house.client(None) as nobody:
        tokens = {
            role.value: nobody.post(
                "/v2/auth/login", {"email": f"{role.value}@people.example", "password": cast.PASSWORD}
            ).json()["access"]
            for role in Role
        }
    clients = {role: house.client(token) for role, token in tokens.items()}
    yield {role: client.__enter__() for role, client in clients.items()}
    for client in clients.values():
        client.__exit__(None, None, None)


def test_members_read_their_own(api: Api, people: dict[str, Api]) -> None:
    feature(api, "projects")
    mine = subscribe(api, plan(api, features={"projects": 3}), "ext:people")
    other = subscribe(api, plan(api))
    for member in people.values():
        for path in READS[:-1]:
            assert member.get(f"/v2/subscriptions/{mine['id']}{path}").status_code == 200
            problem(member.get(f"/v2/subscriptions/{other['id']}{path}"), 404, "not_found")
        for query in ({}, {"account": "ext:people"}):
            assert [row["id"] for row in member.get("/v2/subscriptions", **query).json()["data"]] == [
                mine["id"]
            ]
        problem(member.get("/v2/subscriptions", account=other["account"]), 404, "not_found")
        assert member.get("/v2/accounts/ext:people/entitlements").status_code == 200
        assert member.get("/v2/accounts/ext:people/entitlements/projects").json()["limit"] == "3"
        problem(member.get(f"/v2/accounts/{other['account']}/entitlements"), 404, "not_found")
        body = {"account": "ext:people", "feature": "projects", "amount": 1}
        assert member.post("/v2/features/check", body).json()["allowed"]
        problem(member.post("/v2/features/check", body | {"account": other["account"]}), 404, "not_found")
        for path in ("consume", "release"):
            problem(member.post(f"/v2/features/{path}", body), 403, "forbidden")
    api.post(f"/v2/subscriptions/{mine['id']}/cancel", {"at_period_end": False})


def test_what_members_may_change(api: Api, people: dict[str, Api]) -> None:
    """Owners and admins may cancel, take that back, and resume; no member may do more."""
    other = subscribe(api, plan(api))
    mine = subscribe(api, plan(api), "ext:people")
    path = f"/v2/subscriptions/{mine['id']}"
    for role, member in people.items():
        for method, rest, body in writes(api):
            steers = rest in ("/cancel", "/resume")
            if steers and role in ("owner", "admin"):
                continue
            problem(member.send(method, path + rest, body), 403, "forbidden")
        for rest in ("/cancel", "/resume"):
            problem(member.post(f"/v2/subscriptions/{other['id']}{rest}"), 404, "not_found")
        problem(
            member.post("/v2/subscriptions", {"account": "ext:people", "plan": plan(api)}), 403, "forbidden"
        )
    assert read(api, mine["id"])["cancel_at_period_end"] is False
    for role in ("owner", "admin"):
        assert (
            people[role].post(f"{path}/cancel", {"reason": "enough"}).json()["cancel_at_period_end"] is True
        )
        assert people[role].send("DELETE", f"{path}/cancel").json()["cancel_at_period_end"] is False
        assert api.post(f"{path}/pause").status_code == 200
        assert people[role].post(f"{path}/resume").json()["status"] == "active"
    api.post(f"{path}/cancel", {"at_period_end": False})


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"plan": "p"}, "account"),
        ({"account": "ext:x"}, "plan"),
        ({"account": 1, "plan": "p"}, "account"),
        ({"account": "ext:x", "plan": 7}, "plan"),
        ({"account": "ext:x", "plan": ""}, "plan"),
        ({"account": "ext:x", "plan": "a\0b"}, "plan"),
        ({"account": "ext:x", "plan": "\ud800"}, "plan"),
        ({"account": "ext:\0", "plan": "p"}, "account"),
        ({"account": "ext:x", "plan": "p", "version": 0}, "version"),
        ({"account": "ext:x", "plan": "p", "version": "1"}, "version"),
        ({"account": "ext:x", "plan": "p", "version": 2**31}, "version"),
        ({"account": "ext:x", "plan": "p", "start": "soon"}, "start"),
        ({"account": "ext:x", "plan": "p", "start": 1}, "start"),
        ({"account": "ext:x", "plan": "p", "trial": "yes"}, "trial"),
        ({"account": "ext:x", "plan": "p", "billing": "lunar"}, "billing"),
        ({"account": "ext:x", "plan": "p", "metadata": [1]}, "metadata"),
        ({"account": "ext:x", "plan": "p", "metadata": {"a": "\ud800"}}, "metadata"),
        ({"account": "ext:x", "plan": "p", "metadata": {"a": "x" * 17000}}, "metadata"),
        ({"account": "ext:x", "plan": "p", "status": "active"}, "status"),
    ],
)
def test_bodies_that_are_wrong(api: Api, body: Any, field: str) -> None:
    assert fields_of(problem(api.post("/v2/subscriptions", body), 422, "invalid_request")) == [field]


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/change", {}, "plan"),
        ("POST", "/change", {"plan": 1}, "plan"),
        ("POST", "/change", {"plan": "p", "at": "now"}, "at"),
        ("POST", "/change", {"plan": "p", "overrides": 1}, "overrides"),
        ("POST", "/change/preview", {}, "plan"),
        ("POST", "/change/preview", {"plan": "p", "colour": 1}, "colour"),
        ("POST", "/cancel", {"at_period_end": "no"}, "at_period_end"),
        ("POST", "/cancel", {"reason": "a\0b"}, "reason"),
        ("POST", "/cancel", {"reason": "x" * 501}, "reason"),
        ("POST", "/cancel", {"reason": "\ud800"}, "reason"),
        ("POST", "/cancel", {"when": 1}, "when"),
        ("POST", "/pause", {"resume_at": "soon"}, "resume_at"),
        ("POST", "/pause", {"resume_at": "2001-01-01T00:00:00Z"}, "resume_at"),
        ("POST", "/pause", {"until": 1}, "until"),
        ("POST", "/resume", {"now": True}, "now"),
        ("PATCH", "", {"status": "active"}, "status"),
        ("GET", "/changes?limit=0", None, "limit"),
        ("GET", "/changes?cursor=x", None, "cursor"),
        ("GET", "/changes?colour=1", None, "colour"),
        ("GET", "/allowances?limit=x", None, "limit"),
        ("GET", "/allowances?colour=1", None, "colour"),
    ],
)
def test_acts_that_are_wrong(api: Api, method: str, path: str, body: Any, field: str) -> None:
    made = subscribe(api, plan(api))
    refused = api.send(method, f"/v2/subscriptions/{made['id']}{path}", body)
    assert fields_of(problem(refused, 422, "invalid_request")) == [field]
    assert read(api, made["id"]) == {name: made[name] for name in made if name not in ("change", "invoice")}


def test_no_json(api: Api) -> None:
    made = subscribe(api, plan(api))
    problem(api.post("/v2/subscriptions", b"{"), 400, "invalid_json")
    for method, path, body in writes(api):
        if body is not None:
            problem(api.send(method, f"/v2/subscriptions/{made['id']}{path}", b"{"), 400, "invalid_json")


def test_a_start_that_is_too_far(api: Api) -> None:
    for start in ("2001-01-01T00:00:00Z", "2200-01-01T00:00:00Z"):
        body = {"account": api.account(), "plan": plan(api), "start": start}
        assert fields_of(problem(api.post("/v2/subscriptions", body), 422, "invalid_request")) == ["start"]


def test_methods(api: Api) -> None:
    made = subscribe(api, plan(api))
    for method, path in (
        ("PUT", ""),
        ("DELETE", ""),
        ("GET", "/change"),
        ("GET", "/cancel"),
        ("PATCH", "/pause"),
    ):
        problem(api.send(method, f"/v2/subscriptions/{made['id']}{path}"), 405, "method_not_allowed")
