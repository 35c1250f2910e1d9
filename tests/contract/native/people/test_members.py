"""/v2/accounts/{account}/members: who belongs to an account, and who is invited"""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.people.stage import letters, link_in, person
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native",
    "GET /v2/accounts/{account}/members",
    "POST /v2/accounts/{account}/members",
    "PATCH /v2/accounts/{account}/members/{user}",
    "DELETE /v2/accounts/{account}/members/{user}",
)

PASSWORD = "long enough, and new"


def members(api: Api, account: str) -> dict[str, dict[str, Any]]:
    """By address."""
    got = api.get(f"/v2/accounts/{account}/members")
    assert got.status_code == 200, got.text
    return {row["email"]: row for row in got.json()["data"]}


def test_an_invitation_is_accepted_by_its_link(house: House, api: Api, nobody: Api) -> None:
    account = api.account(name="Acme")
    ann = person(house, account, Role.OWNER, first_name="Ann")
    with house.client(ann.access) as client:
        body = {"email": " New@Example.com ", "first_name": "Nora", "last_name": "New"}
        made = client.post(f"/v2/accounts/{account}/members", body)
        assert made.status_code == 201, made.text
        shown = made.json()
        assert shown.pop("created_at").endswith("Z")
        assert shown.pop("user").startswith("user_")
        assert isinstance(shown.pop("number"), int)
        assert shown == {
            "account": account,
            "email": "new@example.com",
            "first_name": "",
            "last_name": "",
            "role": "member",
            "status": "invited",
            "active": True,
            "joined_at": None,
        }
        assert members(client, account)["new@example.com"] == made.json()
    [(kind, text)] = letters(house, "new@example.com")
    assert (kind, "Ann" in text, "Acme" in text) == ("invitation", True, True)
    token = link_in(house, "new@example.com")
    assert token not in made.text
    reset = nobody.post("/v2/auth/password/reset", {"token": token, "password": PASSWORD})
    assert (reset.status_code, reset.json()) == (200, {"changed": True})
    signed = nobody.post("/v2/auth/login", {"email": "new@example.com", "password": PASSWORD}).json()
    with house.client(signed["access"]) as client:
        me = client.get("/v2/me").json()
        assert [(one["account"], one["role"]) for one in me["memberships"]] == [(account, "member")]
        assert me["user"]["first_name"] == "Nora"
    row = members(api, account)["new@example.com"]
    assert (row["status"], row["first_name"], row["last_name"]) == ("joined", "Nora", "New")
    assert row["joined_at"] is not None


def test_who_is_invited_is_nobody_before_they_sign_in(house: House, api: Api, nobody: Api) -> None:
    account = api.account()
    known = person(house, first_name="Secret", last_name="Name", password=PASSWORD)
    shown = api.post(f"/v2/accounts/{account}/members", {"email": known.email, "role": "owner"})
    assert (shown.json()["status"], shown.json()["role"]) == ("invited", "owner")
    assert "Secret" not in shown.text
    assert "Secret" not in api.get(f"/v2/accounts/{account}/members").text
    with house.client(known.access) as client:
        problem(client.get(f"/v2/accounts/{account}"), 404, "not_found")
        problem(client.get(f"/v2/accounts/{account}/members"), 404, "not_found")
    [(kind, text)] = letters(house, known.email)
    assert (kind, "/password/" in text) == ("invitation", False)  # they have a password
    signed = nobody.post("/v2/auth/login", {"email": known.email, "password": PASSWORD}).json()
    with house.client(signed["access"]) as client:
        row = members(client, account)[known.email]
    assert (row["status"], row["role"], row["first_name"]) == ("joined", "owner", "Secret")


def test_nobody_is_invited_twice(house: House, api: Api) -> None:
    account = api.account()
    owner = person(house, account, Role.OWNER)
    first = api.post(f"/v2/accounts/{account}/members", {"email": "twice@example.com"}, key="once")
    again = api.post(f"/v2/accounts/{account}/members", {"email": "twice@example.com"}, key="once")
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    other = api.post(f"/v2/accounts/{account}/members", {"email": "other@example.com"}, key="once")
    problem(other, 422, "idempotency_key_reused")
    second = api.post(f"/v2/accounts/{account}/members", {"email": "TWICE@example.com"})
    problem(second, 409, "already_invited")
    problem(api.post(f"/v2/accounts/{account}/members", {"email": owner.email}), 409, "already_member")
    assert len(letters(house, "twice@example.com")) == 1
    user = first.json()["user"]
    gone = api.send("DELETE", f"/v2/accounts/{account}/members/{user}")
    assert gone.json() == {"account": account, "user": user, "deleted": True}
    assert api.post(f"/v2/accounts/{account}/members", {"email": "twice@example.com"}).status_code == 201


def test_sixteen_invitations_at_once_are_one(house: House, api: Api) -> None:
    account = api.account()

    async def invite(client: httpx2.AsyncClient) -> list[int]:
        sent = (
            client.post(f"/v2/accounts/{account}/members", json={"email": "crowd@example.com"})
            for _ in range(16)
        )
        return sorted(one.status_code for one in await asyncio.gather(*sent))

    assert house.together(invite) == [201] + [409] * 15
    assert len(letters(house, "crowd@example.com")) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nonsense"}, "email"),
        ({"email": 5}, "email"),
        ({"email": "a@b.example", "role": "king"}, "role"),
        ({"email": "a@b.example", "role": None}, "role"),
        ({"email": "a@b.example", "first_name": "x" * 101}, "first_name"),
        ({"email": "a@b.example", "first_name": "a\u0000b"}, "first_name"),
        ({"email": "a@b.example", "staff": True}, "staff"),
    ],
)
def test_invitations_that_are_wrong(house: House, api: Api, body: Any, field: str) -> None:
    account = api.account()
    got = api.post(f"/v2/accounts/{account}/members", body)
    assert fields_of(problem(got, 422, "invalid_request")) == [field]
    assert members(api, account) == {}


def test_roles_change_within_ones_own(house: House, api: Api) -> None:
    account = api.account()
    people = {role: person(house, account, role) for role in Role}
    path = f"/v2/accounts/{account}/members/"

    def change(who: Role, whom: Role, to: str) -> httpx2.Response:
        with house.client(people[who].access) as client:
            return client.send("PATCH", path + people[whom].id, {"role": to})

    assert change(Role.ADMIN, Role.VIEWER, "admin").json()["role"] == "admin"
    assert change(Role.ADMIN, Role.VIEWER, "viewer").json()["role"] == "viewer"
    for refused in (
        change(Role.ADMIN, Role.VIEWER, "owner"),
        change(Role.ADMIN, Role.ADMIN, "owner"),
        change(Role.ADMIN, Role.OWNER, "member"),
        change(Role.MEMBER, Role.VIEWER, "viewer"),
        change(Role.VIEWER, Role.VIEWER, "viewer"),
    ):
        problem(refused, 403, "forbidden")
    with house.client(people[Role.ADMIN].access) as client:
        problem(client.post(path[:-1], {"email": "x@example.com", "role": "owner"}), 403, "forbidden")
        problem(client.send("DELETE", path + people[Role.OWNER].id), 403, "forbidden")
    problem(change(Role.OWNER, Role.OWNER, "admin"), 409, "last_owner")
    assert change(Role.OWNER, Role.ADMIN, "owner").status_code == 200
    assert change(Role.OWNER, Role.OWNER, "admin").status_code == 200
    assert api.send("PATCH", path + people[Role.OWNER].id, {"role": "owner"}).status_code == 200


def test_anyone_leaves_and_an_owner_stays(house: House, api: Api) -> None:
    account = api.account()
    owner, viewer = person(house, account, Role.OWNER), person(house, account, Role.VIEWER)
    path = f"/v2/accounts/{account}/members/"
    with house.client(viewer.access) as client:
        problem(client.send("DELETE", path + owner.id), 403, "forbidden")
        assert client.send("DELETE", path + viewer.id).status_code == 200
    with house.client(owner.access) as client:
        problem(client.send("DELETE", path + viewer.id), 404, "not_found")
        problem(client.send("DELETE", path + owner.id), 409, "last_owner")
        for nonsense in ("x", "user_x", "user_" + "0" * 26, "key_" + "0" * 26, account):
            problem(client.send("DELETE", path + nonsense), 404, "not_found")
    # an invited owner is none
    api.post(path[:-1], {"email": "late-owner@example.com", "role": "owner"})
    problem(api.send("DELETE", path + owner.id), 409, "last_owner")


def test_two_owners_who_leave_at_once_leave_one(house: House, api: Api) -> None:
    account = api.account()
    people = [person(house, account, Role.OWNER) for _ in range(2)]

    async def leave(client: httpx2.AsyncClient) -> list[int]:
        sent = (
            client.delete(
                f"/v2/accounts/{account}/members/{one.id}", headers={"Authorization": f"Bearer {one.access}"}
            )
            for one in people
        )
        return sorted(one.status_code for one in await asyncio.gather(*sent))

    assert house.together(leave) == [200, 409]
    assert [row["role"] for row in members(api, account).values()] == ["owner"]


def test_who_is_made_an_owner_meanwhile_is_not_removed_by_an_admin(house: House, api: Api) -> None:
    account = api.account()
    owner, admin = person(house, account, Role.OWNER), person(house, account, Role.ADMIN)
    for _ in range(6):
        path = f"/v2/accounts/{account}/members/{person(house, account, Role.MEMBER).id}"

        async def race(client: httpx2.AsyncClient, path: str = path) -> tuple[int, int]:
            promoted, removed = await asyncio.gather(
                client.patch(
                    path, json={"role": "owner"}, headers={"Authorization": f"Bearer {owner.access}"}
                ),
                client.delete(path, headers={"Authorization": f"Bearer {admin.access}"}),
            )
            return promoted.status_code, removed.status_code

        assert house.together(race) in ((200, 403), (404, 200))


def test_members_come_in_pages(house: House, api: Api) -> None:
    account = api.account()
    people = [person(house, account, Role.MEMBER) for _ in range(3)]
    first = api.get(f"/v2/accounts/{account}/members", limit=2).json()
    rest = api.get(f"/v2/accounts/{account}/members", cursor=first["next_cursor"]).json()
    assert [row["user"] for row in first["data"] + rest["data"]] == [one.id for one in people]
    assert rest["next_cursor"] is None


def test_acts_are_in_the_audit_log(house: House, api: Api) -> None:
    account = api.account()
    owner = person(house, account, Role.OWNER)
    with house.client(owner.access) as client:
        made = client.post(f"/v2/accounts/{account}/members", {"email": "audited@example.com"}).json()
        client.send("PATCH", f"/v2/accounts/{account}/members/{made['user']}", {"role": "viewer"})
        client.send("DELETE", f"/v2/accounts/{account}/members/{made['user']}")
    log = api.get("/v2/audit-log", limit=10).json()["data"]
    told = [(row["action"], row["actor"]) for row in reversed(log) if row["target"] == made["user"]]
    assert told == [
        ("user.create", owner.id),
        ("membership.invite", owner.id),
        ("membership.set_role", owner.id),
        ("membership.remove", owner.id),
    ]
