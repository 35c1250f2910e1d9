"""/v2/me: who is asking, and which account is theirs when they name none"""

import pytest

from tallystick.kernel.actor import Role
from tallystick.kernel.ids import typeid
from tests.contract.native.payments.paying import CREDITS
from tests.contract.native.people.stage import person
from tests.contract.served import Api, House, fields_of, problem

pytestmark = pytest.mark.holds("native", "GET /v2/me", "PUT /v2/me/home")


def test_a_user(house: House, api: Api) -> None:
    home, other = api.account(name="Home"), api.account(name="Other")
    ann = person(house, home, Role.OWNER, first_name="Ann", last_name="Bell")
    api.post(f"/v2/accounts/{other}/members", {"email": ann.email})
    with house.client(ann.access) as client:
        got = client.get("/v2/me")
    assert got.status_code == 200
    me = got.json()
    number = api.get(f"/v2/accounts/{home}").json()["number"]
    [belonging] = me.pop("memberships")
    assert belonging.pop("joined_at").endswith("Z")
    assert belonging == {"account": home, "number": number, "name": "Home", "role": "owner", "home": True}
    user = me.pop("user")
    assert user.pop("created_at").endswith("Z")
    assert user == {
        "id": ann.id,
        "number": ann.user.number,
        "email": ann.email,
        "first_name": "Ann",
        "last_name": "Bell",
        "staff": False,
        "active": True,
        "last_login_at": None,
    }
    app = typeid("app", house.first.app.id)
    assert me == {
        "type": "user", "app": app, "mode": "live", "scope": "read", "staff": False, "key": None, "home": home,
    }  # fmt: skip


def test_a_key(house: House, reader: Api, test_mode: Api, nobody: Api) -> None:
    me = reader.get("/v2/me").json()
    assert me["key"]["id"].startswith("key_")
    assert (me["type"], me["scope"], me["mode"]) == ("key", "read", "live")
    assert (me["user"], me["home"], me["memberships"], me["staff"]) == (None, None, [], False)
    assert house.keys["read"] not in reader.get("/v2/me").text
    assert test_mode.get("/v2/me").json()["mode"] == "test"
    problem(nobody.get("/v2/me"), 401, "unauthenticated")


def test_another_home(house: House, api: Api) -> None:
    home, other, foreign = api.account(), api.account(external_id="other-home"), api.account()
    bob = person(house, home, Role.OWNER, password="a good one for Bob")
    carl = person(house, other, Role.OWNER)
    with house.client(carl.access) as client:
        assert client.post(f"/v2/accounts/{other}/members", {"email": bob.email}).status_code == 201
    sent = {"email": bob.email, "password": "a good one for Bob"}
    with house.client(None) as client:
        first = client.post("/v2/auth/login", sent).json()
    with house.client(first["access"]) as client:
        assert [one["home"] for one in client.get("/v2/me").json()["memberships"]] == [True, False]
        # not of this contract's shape, somebody else's, or nobody's
        assert fields_of(problem(client.send("PUT", "/v2/me/home", {}), 422, "invalid_request")) == [
            "account"
        ]
        for account in (foreign, "acct_x", "ext:nobody"):
            problem(client.send("PUT", "/v2/me/home", {"account": account}), 404, "not_found")
        moved = client.send("PUT", "/v2/me/home", {"account": "ext:other-home"}, key="home")
        assert moved.status_code == 200, moved.text
        assert [one["home"] for one in moved.json()["memberships"]] == [False, True]
        assert moved.json()["home"] == home  # of this token
        again = client.send("PUT", "/v2/me/home", {"account": "ext:other-home"}, key="home")
        assert (again.content, again.headers["idempotent-replayed"]) == (moved.content, "true")
        reused = client.send("PUT", "/v2/me/home", {"account": home}, key="home")
        problem(reused, 422, "idempotency_key_reused")
    with house.client(None) as client:
        fresh = client.post("/v2/auth/refresh", {"refresh": first["refresh"]}).json()
    with house.client(fresh["access"]) as client:
        assert client.get("/v2/me").json()["home"] == other


def test_a_key_of_one_user_is_no_other_users(house: House, api: Api) -> None:
    for _ in range(2):
        account = api.account()
        one = person(house, account, Role.OWNER)
        with house.client(one.access) as client:
            home = client.send("PUT", "/v2/me/home", {"account": account}, key="same")
            alert = client.post(f"/v2/accounts/{account}/alerts", {"threshold": 5}, key="alert")
            order = client.post("/v2/checkouts", {"account": account, "credits": CREDITS}, key="order")
        assert (home.status_code, home.json()["user"]["id"]) == (200, one.id)
        assert (alert.status_code, order.status_code) == (201, 201), (alert.text, order.text)
        assert alert.json()["account"] == order.json()["account"] == account
        assert not [got for got in (home, alert, order) if "idempotent-replayed" in got.headers]


def test_a_key_has_no_home(api: Api) -> None:
    problem(api.send("PUT", "/v2/me/home", {"account": api.account()}), 403, "forbidden")
