"""/v2/api-keys, /v2/auth, /v2/audit-log, and what a signed-in member may do"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import account_of, parse_typeid
from tests import cast
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/api-keys",
    "GET /v2/api-keys",
    "DELETE /v2/api-keys/{key}",
    "POST /v2/auth/login",
    "POST /v2/auth/refresh",
    "GET /v2/audit-log",
)


def test_api_keys(api: Api, house: House) -> None:
    made = api.post("/v2/api-keys", {"name": "Server", "scope": "write", "expires_at": "2100-01-01"})
    assert made.status_code == 201
    shown = made.json()
    key = shown.pop("key")
    assert key.startswith("cb_live_")
    assert shown["hint"] == key[-4:]
    assert (shown["name"], shown["scope"], shown["revoked_at"]) == ("Server", "write", None)
    assert shown["created_by"].startswith("key_")
    listed = api.get("/v2/api-keys")
    assert shown in listed.json()["data"]
    assert key not in listed.text
    with house.client(key) as client:
        client.account()
        problem(client.get("/v2/api-keys"), 403, "forbidden")
        revoked = api.send("DELETE", f"/v2/api-keys/{shown['id']}")
        assert (revoked.status_code, revoked.json()["id"]) == (200, shown["id"])
        time.sleep(1.1)
        problem(client.get("/v2/accounts"), 401, "unauthenticated")
    again = api.send("DELETE", f"/v2/api-keys/{shown['id']}")
    assert again.json()["revoked_at"] == revoked.json()["revoked_at"]
    for unknown in ("x", "key_x", "key_" + "0" * 26):
        problem(api.send("DELETE", f"/v2/api-keys/{unknown}"), 404, "not_found")


def test_a_key_is_given_again_and_stored_nowhere(api: Api, house: House) -> None:
    body = {"name": "Server", "scope": "read"}
    first, again = (api.post("/v2/api-keys", body, key="k") for _ in range(2))
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"

    async def stored() -> str:
        async with house.system.db.connection() as conn:
            cursor = await conn.execute(b"select coalesce(string_agg(body::text, ''), '') from request_key")
            [text] = await cursor.fetchone() or [""]
            return str(text)

    kept = house.run(stored())
    assert first.json()["id"] in kept
    assert first.json()["key"] not in kept
    with house.client(first.json()["key"]) as client:
        assert client.get("/v2/accounts").status_code == 200


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": "read"}, "name"),
        ({"name": "x"}, "scope"),
        ({"name": "x", "scope": "owner"}, "scope"),
        ({"name": "", "scope": "read"}, "name"),
        ({"name": "x", "scope": "read", "expires_at": "soon"}, "expires_at"),
        ({"name": "x", "scope": [], "key": 1}, "key"),
    ],
)
def test_keys_that_are_wrong(api: Api, body: Any, field: str) -> None:
    assert field in fields_of(problem(api.post("/v2/api-keys", body), 422, "invalid_request"))


def test_sign_in(house: House, nobody: Api) -> None:
    body = {"email": house.first.owner_email, "password": house.first.owner_password}
    made = nobody.post("/v2/auth/login", body)
    assert made.status_code == 200
    tokens = made.json()
    assert set(tokens) == {"access", "refresh", "token_type", "access_expires_at", "refresh_expires_at"}
    with house.client(tokens["access"]) as staff:
        account = staff.funded(10)
        assert staff.debit(account)["available"] == "9"
        assert staff.get("/v2/api-keys").status_code == 200
    fresh = nobody.post("/v2/auth/refresh", {"refresh": tokens["refresh"]})
    assert fresh.status_code == 200
    problem(nobody.post("/v2/auth/refresh", {"refresh": tokens["refresh"]}), 401, "unauthenticated")
    problem(nobody.post("/v2/auth/refresh", {"refresh": fresh.json()["refresh"]}), 401, "unauthenticated")
    problem(nobody.post("/v2/auth/refresh", {"refresh": tokens["access"]}), 401, "unauthenticated")
    test = nobody.post("/v2/auth/login", {**body, "mode": "test"}).json()
    with house.client(test["access"]) as staff:
        problem(staff.get(f"/v2/accounts/{account}"), 404, "not_found")


def test_sign_in_that_fails(house: House, nobody: Api) -> None:
    for email in (house.first.owner_email, "nobody@nowhere.example", "nonsense"):
        refused = nobody.post("/v2/auth/login", {"email": email, "password": "wrong"})
        assert problem(refused, 401, "unauthenticated")["detail"].startswith("The e-mail address or")
    faults = problem(nobody.post("/v2/auth/login", {"email": 5}), 422, "invalid_request")
    assert fields_of(faults) == ["email", "password"]
    for _ in range(12):
        last = nobody.post("/v2/auth/login", {"email": "guess@acme.example", "password": "wrong"})
    problem(last, 429, "too_many_attempts")
    assert int(last.headers["retry-after"]) > 0


@pytest.fixture(scope="module")
def member(house: House) -> Iterator[tuple[Api, str, str]]:
    """A member of one account, that account's id and another's; and of a third, where they are admin."""
    tenant = house.first.app.live

    async def make() -> str:
        db = house.system.db
        ann = await cast.make_user(db, tenant, "ann@acme.example", cast.PASSWORD)
        for external, role in (("ann-member", Role.MEMBER), ("ann-admin", Role.ADMIN)):
            account = await cast.make_account(db, tenant, external_id=external)
            async with db.tx() as tx:
                await memberships.add(
                    tx, tenant, account=account.account_id, user=ann.id, role=role, by="test"
                )
        return ann.email

    email = house.run(make())
    with house.client() as api:
        mine = api.get("/v2/accounts/ext:ann-member").json()["id"]
        other = api.funded(10)
        tokens = api.post("/v2/auth/login", {"email": email, "password": cast.PASSWORD}).json()
    with house.client(tokens["access"]) as client:
        yield client, mine, other


def test_a_member_reads_their_own(member: tuple[Api, str, str], api: Api) -> None:
    client, mine, other = member
    grant, hold = api.grant(mine, 10), api.hold(mine, 1)
    their_hold, their_entry = api.hold(other, 1)["id"], api.debit(other)["entry"]
    for path in ("", "/balance", "/entries", "/grants", "/holds"):
        assert client.get(f"/v2/accounts/{mine}{path}").status_code == 200
        assert client.get(f"/v2/accounts/ext:ann-member{path}").status_code == 200
        problem(client.get(f"/v2/accounts/{other}{path}"), 404, "not_found")
    assert client.get(f"/v2/holds/{hold['id']}").status_code == 200
    assert client.get(f"/v2/entries/{grant['entry']}").status_code == 200
    assert client.get(f"/v2/entries/{grant['entry']}/explain").status_code == 200
    problem(client.get(f"/v2/holds/{their_hold}"), 404, "not_found")
    problem(client.get(f"/v2/entries/{their_entry}"), 404, "not_found")
    problem(client.get(f"/v2/entries/{their_entry}/explain"), 404, "not_found")


def test_a_member_writes_nothing(member: tuple[Api, str, str], api: Api) -> None:
    client, mine, _ = member
    hold = api.hold(api.funded(5), 1)["id"]
    for path, body in (
        ("/v2/debits", {"account": mine, "amount": 1}),
        ("/v2/grants", {"account": mine, "amount": 1}),
        (f"/v2/holds/{hold}/release", {}),
        ("/v2/batch", {"commands": []}),
        ("/v2/accounts", {}),
        ("/v2/api-keys", {"name": "x", "scope": "read"}),
        ("/v2/requests", {"requests": []}),
    ):
        problem(client.post(path, body), 403, "forbidden")
    for path in ("/v2/accounts", "/v2/api-keys", "/v2/audit-log", "/v2/credit-types"):
        problem(client.get(path), 403, "forbidden")
    problem(client.send("PATCH", f"/v2/accounts/{mine}", {"name": "x"}), 403, "forbidden")


def test_an_admin_of_an_account(member: tuple[Api, str, str]) -> None:
    client, _, other = member
    changed = client.send("PATCH", "/v2/accounts/ext:ann-admin", {"name": "Ann's", "time_zone": "UTC"})
    assert changed.json()["name"] == "Ann's"
    problem(client.send("PATCH", "/v2/accounts/ext:ann-admin", {"external_id": "x"}), 403, "forbidden")
    problem(client.send("PATCH", f"/v2/accounts/{other}", {"name": "x"}), 404, "not_found")


def test_audit_log(api: Api) -> None:
    account = api.funded(10)
    number = account_of(parse_typeid("acct", account) or pytest.fail("no id"))
    assert number > 0
    api.post(f"/v2/accounts/{account}/overdraft", {"overdraft": 1})
    page = api.get("/v2/audit-log", limit=1).json()
    [newest] = page["data"]
    assert newest["action"] == "set_overdraft"
    assert newest["actor"].startswith("key_")
    assert (
        api.get("/v2/audit-log", limit=1, cursor=page["next_cursor"]).json()["data"][0]["id"] < newest["id"]
    )
