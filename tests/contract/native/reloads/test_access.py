"""Automatic purchases and alerts: who may do what."""

from collections.abc import Iterator
from typing import Any

import pytest

from tallystick.domain.identity import memberships
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import account_of, parse_typeid
from tests import cast
from tests.contract.served import Api, House, problem

from .saving import save_card

RELOAD = {"threshold": 5, "amount": 100}


def every(account: str, alert: str) -> list[tuple[str, str, Any]]:
    path = f"/v2/accounts/{account}"
    return [
        ("GET", f"{path}/auto-reload", None),
        ("GET", f"{path}/auto-reload/credits", None),
        ("GET", f"{path}/alerts", None),
        ("PUT", f"{path}/auto-reload/credits", RELOAD),
        ("POST", f"{path}/alerts", {"threshold": 7}),
        ("DELETE", f"{path}/alerts/{alert}", None),
        ("DELETE", f"{path}/auto-reload/credits", None),
    ]


@pytest.fixture
def account(api: Api, house: House) -> str:
    account = api.funded(100)
    save_card(house, account)
    assert api.send("PUT", f"/v2/accounts/{account}/auto-reload/credits", RELOAD).status_code == 200
    return account


@pytest.fixture
def alert(api: Api, account: str) -> str:
    return str(api.post(f"/v2/accounts/{account}/alerts", {"threshold": 3}).json()["id"])


def member(house: House, role: Role, account: str) -> str:
    """The access token of a new member of the account."""
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    live = house.first.app.live
    email = f"{role.value}-{account[-10:]}@acme.example"
    user = house.run(cast.make_user(house.system.db, live, email, cast.PASSWORD))

    async def join() -> None:
        async with house.system.db.tx() as tx:
            await memberships.add(tx, live, account=account_of(uuid), user=user.id, role=role, by="test")

    house.run(join())
    with house.client(None) as nobody:
        done = nobody.post("/v2/auth/login", {"email": email, "password": cast.PASSWORD})
        assert done.status_code == 200, done.text
        return str(done.json()["access"])


@pytest.fixture(params=[Role.OWNER, Role.ADMIN])
def head(request: pytest.FixtureRequest, house: House, account: str) -> Iterator[Api]:
    with house.client(member(house, request.param, account)) as made:
        yield made


def test_nobody_is_asked_who_they_are(nobody: Api, account: str, alert: str) -> None:
    for method, path, body in every(account, alert):
        problem(nobody.send(method, path, body), 401, "unauthenticated")


def test_another_tenants_are_as_unknown(stranger: Api, test_mode: Api, account: str, alert: str) -> None:
    for other in (stranger, test_mode):
        for method, path, body in every(account, alert):
            problem(other.send(method, path, body), 404, "not_found")


def test_a_read_only_key_reads(reader: Api, account: str, alert: str) -> None:
    for method, path, body in every(account, alert):
        answer = reader.send(method, path, body)
        if method == "GET":
            assert answer.status_code == 200, answer.text
        else:
            problem(answer, 403, "forbidden")


def test_owners_and_admins_set_their_own(head: Api, api: Api, account: str, alert: str) -> None:
    for method, path, body in every(account, alert):
        assert head.send(method, path, body).status_code in (200, 201), (method, path)
    for method, path, body in every(api.account(), alert):
        problem(head.send(method, path, body), 404, "not_found")


def test_members_and_viewers_read(house: House, account: str, alert: str) -> None:
    with house.client(member(house, Role.VIEWER, account)) as viewer:
        for method, path, body in every(account, alert):
            answer = viewer.send(method, path, body)
            if method == "GET":
                assert answer.status_code == 200, answer.text
            else:
                problem(answer, 403, "forbidden")
