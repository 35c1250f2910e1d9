"""/v2/users: the app's users, for its operators"""

from typing import Any

import pytest

from tallystick.kernel.actor import Role
from tests.contract.native.people.stage import Person, person, stored
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds(
    "native", "GET /v2/users", "POST /v2/users", "GET /v2/users/{user}", "PATCH /v2/users/{user}"
)

PASSWORD = "twelve wild geese"


def signs_in(house: House, email: str, password: str = PASSWORD, mode: str = "live") -> str | None:
    """An access token, or None."""
    with house.client(None) as client:
        got = client.post("/v2/auth/login", {"email": email, "password": password, "mode": mode})
    return str(got.json()["access"]) if got.status_code == 200 else None


def test_a_user_is_made_with_password_and_accounts(house: House, api: Api) -> None:
    mine = api.account(external_id="made-with")
    body = {
        "email": "Made@Example.com", "first_name": "Made", "last_name": "Here", "password": PASSWORD,
        "accounts": [{"account": "ext:made-with", "role": "owner"}, {"account": api.account()}],
    }  # fmt: skip
    made = api.post("/v2/users", body)
    assert made.status_code == 201, made.text
    shown = made.json()
    assert set(shown) == {
        "id", "number", "email", "first_name", "last_name", "staff", "active", "created_at", "last_login_at",
    }  # fmt: skip
    assert (shown["email"], shown["staff"], shown["active"]) == ("made@example.com", False, True)
    token = signs_in(house, "made@example.com")
    with house.client(token) as client:
        me = client.get("/v2/me").json()
    assert me["home"] == mine
    assert [one["role"] for one in me["memberships"]] == ["owner", "member"]
    read = api.get(f"/v2/users/{shown['id']}").json()
    assert read["last_login_at"] is not None
    assert read | {"last_login_at": None} == shown


def test_the_same_key_makes_one_user_and_keeps_no_password(house: House, api: Api) -> None:
    body = {"email": "keyed@example.com", "password": PASSWORD}
    first, again = (api.post("/v2/users", body, key="new-user") for _ in range(2))
    assert (first.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    other = api.post("/v2/users", body | {"password": PASSWORD + "!"}, key="new-user")
    problem(other, 422, "idempotency_key_reused")
    assert stored(house, PASSWORD) == []
    problem(api.post("/v2/users", body), 409, "email_taken")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "email"),
        ({"email": "nonsense"}, "email"),
        ({"email": "a@b.example", "password": "short"}, "password"),
        ({"email": "a@b.example", "password": "x" * 1025}, "password"),
        ({"email": "a@b.example", "password": 12345678}, "password"),
        ({"email": "a@b.example", "staff": "yes"}, "staff"),
        ({"email": "a@b.example", "accounts": [{"role": "owner"}]}, "accounts.0.account"),
        ({"email": "a@b.example", "accounts": [{"account": "ext:x", "role": "boss"}]}, "accounts.0.role"),
    ],
)
def test_users_that_are_wrong(api: Api, body: Any, field: str) -> None:
    assert fields_of(problem(api.post("/v2/users", body), 422, "invalid_request")) == [field]


def test_half_a_character_is_no_password(api: Api) -> None:
    body = '{"email": "half@example.com", "password": "\\ud800 and the rest"}'
    assert fields_of(problem(api.post("/v2/users", body), 422, "invalid_request")) == ["password"]


def test_an_account_that_is_not_there_makes_no_user(api: Api, stranger: Api) -> None:
    foreign = stranger.account()
    for account in (foreign, "ext:nowhere", "acct_x"):
        body = {"email": "unmade@example.com", "accounts": [{"account": account}]}
        problem(api.post("/v2/users", body), 404, "not_found")
    twice = [{"account": api.account(external_id="twice-in")}, {"account": "ext:twice-in"}]
    problem(api.post("/v2/users", {"email": "unmade@example.com", "accounts": twice}), 409, "already_member")
    assert api.post("/v2/users", {"email": "unmade@example.com"}).status_code == 201


def test_names_and_rights_change(house: House, api: Api) -> None:
    ann = person(house, password=PASSWORD, first_name="Ann")
    path = f"/v2/users/{ann.id}"
    assert api.send("PATCH", path, {"last_name": "Bell"}).json()["last_name"] == "Bell"
    assert api.get(path).json()["first_name"] == "Ann"
    assert api.send("PATCH", path, {}).json() == api.get(path).json()
    token = signs_in(house, ann.email)
    made = api.send("PATCH", path, {"staff": True}, key="staff")
    again = api.send("PATCH", path, {"staff": True}, key="staff")
    assert (made.json()["staff"], again.content) == (True, made.content)
    with house.client(signs_in(house, ann.email)) as client:
        assert client.get("/v2/users").status_code == 200
    off = api.send("PATCH", path, {"active": False, "staff": False})
    assert (off.json()["active"], off.json()["staff"]) == (False, False)
    assert signs_in(house, ann.email) is None
    with house.client(token) as client:
        _refused_soon(client)
    assert api.send("PATCH", path, {"active": True}).json()["active"] is True
    assert signs_in(house, ann.email) is not None
    for body, field in (
        ({"first_name": None}, "first_name"),
        ({"active": 1}, "active"),
        ({"email": "x@y.example"}, "email"),
        ({"password": PASSWORD}, "password"),
    ):
        got = problem(api.send("PATCH", path, body), 422, "invalid_request")
        assert fields_of(got) == [field]


def test_staff_do_not_lock_themselves_out(house: House, api: Api) -> None:
    boss = staff(house, api)
    with house.client(boss.access) as client:
        for body in ({"staff": False}, {"active": False}):
            problem(client.send("PATCH", f"/v2/users/{boss.id}", body), 409, "own_user")
        named = client.send("PATCH", f"/v2/users/{boss.id}", {"first_name": "Boss", "staff": True})
        assert (named.status_code, named.json()["first_name"]) == (200, "Boss")
        made = client.post("/v2/users", {"email": "by-boss@example.com", "staff": True})
        assert (made.status_code, made.json()["staff"]) == (201, True)


def test_a_test_key_makes_nobody_who_could_enter_live_data(house: House, test_mode: Api, api: Api) -> None:
    made = test_mode.post("/v2/users", {"email": "tested@example.com"})
    assert (made.status_code, made.json()["staff"]) == (201, False)
    for more in ({"password": PASSWORD}, {"staff": True}):
        problem(test_mode.post("/v2/users", {"email": "a@example.com"} | more), 403, "forbidden")
    path = f"/v2/users/{made.json()['id']}"
    for body in ({"staff": True}, {"active": False}, {"first_name": "x"}):
        problem(test_mode.send("PATCH", path, body), 403, "forbidden")
    assert test_mode.get(path).json() == api.get(path).json() == made.json()


def test_users_come_in_pages_of_one_app(house: House, api: Api, stranger: Api) -> None:
    ann = person(house)
    seen, cursor = [], None
    while True:
        page = api.get("/v2/users", limit=3, **({"cursor": cursor} if cursor else {})).json()
        seen += [row["number"] for row in page["data"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == sorted(set(seen))
    assert ann.user.number in seen
    assert stranger.get("/v2/users").json()["data"] == []
    problem(stranger.get(f"/v2/users/{ann.id}"), 404, "not_found")
    problem(stranger.send("PATCH", f"/v2/users/{ann.id}", {"staff": True}), 404, "not_found")
    for nonsense in ("x", "user_x", "user_" + "0" * 26):
        problem(api.get(f"/v2/users/{nonsense}"), 404, "not_found")


def staff(house: House, api: Api) -> Person:
    boss = person(house, api.account(), Role.OWNER)
    assert api.send("PATCH", f"/v2/users/{boss.id}", {"staff": True}).status_code == 200
    return boss


def _refused_soon(client: Api) -> None:
    """Within a second, as fast as this machine is."""
    for _ in range(10_000):
        if client.get("/v2/me").status_code == 401:
            return
    raise AssertionError("still let in")
