"""Operations of people, by every credential that may not do them: refused as documented, and nothing changes."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Role
from tallystick.kernel.clock import SystemClock
from tests.contract.conformance.state import state
from tests.contract.native.people.stage import Person, person
from tests.contract.served import Api, House

OLD, NEW = "first and simple", "second and better"
OURS = ("/v2/me/", "/v2/users", "/v2/accounts/{account}/members", "/v2/auth/password/change")


@dataclass(frozen=True)
class Operation:
    """``scope`` is the least that a key needs, "" where none will do; ``role`` what a member of the account needs.

    ``personal``: whoever is signed in may, for themselves.
    """

    method: str
    path: str
    scope: str
    role: Role | None = None
    body: Any = None
    personal: bool = False


V, A = Role.VIEWER, Role.ADMIN
MEMBERS = "/v2/accounts/{account}/members"
OPERATIONS = [
    Operation("GET", "/v2/me", "read", personal=True),
    Operation("PUT", "/v2/me/home", "", V, {"account": "{account}"}),
    Operation("GET", MEMBERS, "read", V),
    Operation("POST", MEMBERS, "admin", A, {"email": "new@example.com"}),
    Operation("PATCH", MEMBERS + "/{user}", "admin", A, {"role": "member"}),
    Operation("DELETE", MEMBERS + "/{user}", "admin", A),
    Operation("GET", "/v2/users", "admin"),
    Operation("POST", "/v2/users", "admin", None, {"email": "made@example.com", "staff": True}),
    Operation("GET", "/v2/users/{user}", "admin"),
    Operation("PATCH", "/v2/users/{user}", "admin", None, {"staff": True}),
    Operation("POST", "/v2/auth/password/change", "", body={"old": OLD, "new": NEW}, personal=True),
]


@pytest.fixture(scope="module")
def known(house: House) -> dict[str, str]:
    with house.client("admin") as api:
        account = api.account()
    return {"account": account, "user": person(house, account, Role.VIEWER).id}


@pytest.fixture(scope="module")
def cast(house: House, known: dict[str, str]) -> Iterator[dict[str, Api]]:
    """Clients by what they hold: keys, nothing, what is no longer good, and people here and elsewhere."""
    with house.client("admin") as api:
        other = api.account()
        gone, left = person(house, known["account"], Role.OWNER), person(house, known["account"], Role.OWNER)
        api.send("PATCH", f"/v2/users/{gone.id}", {"active": False})
        api.send("DELETE", f"{MEMBERS.format_map(known)}/{left.id}")
    tokens = {f"{role.value} here": person(house, known["account"], role).access for role in Role}
    tokens |= {
        "owner elsewhere": person(house, other, Role.OWNER).access,
        "former owner": left.access,
        "deactivated": gone.access,
        "expired": expired(house, person(house, known["account"], Role.OWNER)),
        "liar": "cb_live_" + "0" * 72,
    }
    with ExitStack() as stack:
        clients = {name: stack.enter_context(house.client(token)) for name, token in tokens.items()}
        for name in ("admin", "write", "read", "test", "stranger"):
            clients[name] = stack.enter_context(house.client(name))
        clients["nobody"] = stack.enter_context(house.client(None))
        yield clients


def expired(house: House, who: Person) -> str:
    async def make() -> str:
        async with house.system.db.tx() as tx:
            then = SystemClock().now() - timedelta(hours=2)
            made = await issue_tokens(
                tx, house.system.secrets, tenant=house.first.app.live, user=who.user.id, now=then
            )
        return made.access

    return house.run(make())


def test_the_table_has_every_operation(api: Api) -> None:
    served = {
        (method.upper(), path)
        for path, rows in api.get("/v2/openapi.json").json()["paths"].items()
        for method in rows
        if (path + "/").startswith(OURS)
    }
    assert {(one.method, one.path) for one in OPERATIONS} == served


def test_who_may_not_changes_nothing(house: House, cast: dict[str, Api], known: dict[str, str]) -> None:
    before = state(house)
    refusals = 0
    for operation in OPERATIONS:
        for name, client in cast.items():
            wanted = _refusal(operation, name)
            if wanted is None:
                continue
            got = _send(client, operation, known)
            assert got.status_code == wanted, (operation, name, got.text)
            assert got.headers["content-type"] == "application/problem+json"
            assert got.json()["status"] == wanted
            refusals += 1
    assert refusals > 100
    assert state(house) == before


def test_who_may_is_let_in(house: House, cast: dict[str, Api], known: dict[str, str]) -> None:
    """Else the refusals above would say nothing."""
    for operation in OPERATIONS:
        names = [f"{operation.role.value} here"] if operation.role else []
        names += [operation.scope] if operation.scope else []
        for name in names:
            got = _send(cast[name], operation, known)
            # a second one invites, or removes, or makes again
            allowed = (404, 409) if name != names[0] else ()
            assert got.status_code in (200, 201, *allowed), (operation, name, got.text)


def test_lists_show_strangers_nothing(cast: dict[str, Api], known: dict[str, str]) -> None:
    assert cast["stranger"].get("/v2/users").json()["data"] == []
    for name in ("owner elsewhere", "former owner"):
        me = cast[name].get("/v2/me")
        assert (me.status_code, known["account"] in me.text) == (200, False)


def _refusal(operation: Operation, name: str) -> int | None:
    """The status by which this one is refused; None where they may."""
    order = ("read", "write", "admin")
    if name in ("nobody", "liar", "expired", "deactivated"):
        return 401
    if name in ("owner elsewhere", "former owner"):
        if operation.personal:
            return None if operation.method == "GET" else 409  # without a password there is none to change
        return 404 if operation.role else 403
    if name.endswith(" here"):
        if operation.personal:
            return None if operation.method == "GET" else 409
        role = Role(name.removesuffix(" here"))
        return None if operation.role and role.includes(operation.role) else 403
    if not operation.scope:
        return 403
    if name == "stranger":
        return 404 if "{" in operation.path else None
    if name == "test":
        if operation.path.startswith("/v2/users"):
            return None if operation.method == "GET" else 403
        return 404 if "{" in operation.path else None
    return None if order.index(name) >= order.index(operation.scope) else 403


def _send(client: Api, operation: Operation, known: dict[str, str]) -> Any:
    body = operation.body
    if body is not None:
        body = {key: text.format_map(known) if isinstance(text, str) else text for key, text in body.items()}
    return client.send(operation.method, operation.path.format_map(known), body)
