"""Both stores' doubles, a server that asks them, and workspaces with credits for it."""

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx2
import pytest

from tallystick.domain.identity import views as identity
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import owner_of, parse_typeid
from tests import cast
from tests.contract.account.conftest import join, token_of
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House, housed
from tests.doubles.stores import Stores

_numbers = itertools.count(1)
CALLS: Final = 100
"""The credits of each type that a workspace begins with, where a test does not say otherwise."""


@dataclass(frozen=True)
class Workspace:
    """A workspace and one who works in it; ``api`` is its tenant's admin."""

    house: House
    api: Api
    id: str
    token: str

    @property
    def uuid(self) -> UUID:
        found = parse_typeid("acct", self.id)
        assert found is not None
        return found

    @property
    def account(self) -> int:
        return owner_of(self.uuid)

    def ask(self, what: str, body: Any, key: str | None = None, **headers: str) -> httpx2.Response:
        """POST /api/aso/<what>/ as the one who works here, whose home it is."""
        if key is not None:
            headers["Idempotency-Key"] = key
        return post(self.api, what, body, **{"Authorization": f"Bearer {self.token}"} | headers)

    def got(self, what: str, body: Any, key: str | None = None, **headers: str) -> Any:
        """The answer's body: a 200, as the document has it."""
        answer = self.ask(what, body, key, **headers)
        assert answer.status_code == 200, answer.text
        return hold(answer)

    def spent(self) -> tuple[int, int]:
        """How many api_calls and data_scrapes were spent of what it began with; none may be held."""
        wallets = self.wallets()
        assert all(wallet["held"] == "0" for wallet in wallets.values()), wallets
        left = [int(wallets[name]["available"]) for name in ("api_calls", "data_scrapes")]
        return CALLS - left[0], CALLS - left[1]

    def wallets(self) -> dict[str, dict[str, Any]]:
        rows = self.api.get(f"/v2/accounts/{self.id}/balance").json()["balances"]
        return {row["credit_type"]: row for row in rows}

    def entries(self) -> list[dict[str, Any]]:
        """What was spent, the newest first."""
        rows = self.api.get(f"/v2/accounts/{self.id}/entries", limit=100).json()["data"]
        return [row for row in rows if row["kind"] != "grant"]

    def held(self) -> tuple[int, int]:
        """How many api_calls and data_scrapes are held for what is under way."""
        held = {name: int(wallet["held"]) for name, wallet in self.wallets().items()}
        return held.get("api_calls", 0), held.get("data_scrapes", 0)


@pytest.fixture(scope="package")
def _stores() -> Iterator[Stores]:
    with Stores() as stores:
        yield stores


@pytest.fixture
def stores(_stores: Stores) -> Iterator[Stores]:
    """Both stores, of which nothing is wrong."""
    yield _stores
    for edge in (_stores.play, _stores.apple):
        edge.fault, edge.failing, edge.times = None, "", None
        edge.release()


@pytest.fixture(scope="package")
def house(server: Any, template: str, _stores: Stores) -> Iterator[House]:
    """The package's server."""
    with housed(server, template, database(), **_stores.settings) as house:
        for key in ("admin", "test"):
            with house.client(key) as api:
                credit_types(api)
        yield house


@pytest.fixture
def work(house: House, api: Api) -> Workspace:
    """A workspace of its own, with 100 of each."""
    return workspace(house, api)


def database() -> str:
    """A name for a database of a server's own."""
    return f"tallystick_aso_{os.getpid()}_{next(_numbers)}"


def post(api: Api, what: str, body: Any, **headers: str) -> httpx2.Response:
    """POST /api/aso/<what>/ with the client's own credential, where ``headers`` have no other."""
    return api.http.post(f"/api/aso/{what}/", json=body, headers=headers)


def credit_types(api: Api) -> None:
    for code, name in (("api_calls", "API Calls"), ("data_scrapes", "Data Scrapes")):
        assert api.send("PUT", "/v2/credit-types", {"code": code, "name": name}).status_code == 200


def workspace(
    house: House,
    api: Api,
    *,
    calls: int = CALLS,
    scrapes: int = CALLS,
    role: Role = Role.MEMBER,
    test: bool = False,
) -> Workspace:
    account = api.account()
    for credit_type, amount in (("api_calls", calls), ("data_scrapes", scrapes)):
        if amount:
            api.grant(account, amount, credit_type=credit_type)
    return Workspace(house, api, account, member(house, account, role, test=test))


def member(house: House, account: str, role: Role, *, test: bool = False, active: bool = True) -> str:
    """The token of a new user who has that role in the account, which is their home; perhaps one who is kept out."""
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    db, app = house.system.db, house.first.app
    tenant = app.test if test else app.live

    async def made() -> str:
        user = await cast.make_user(db, tenant, f"user-{next(_numbers)}@acme.example")
        async with db.connection() as conn:
            row = await identity.account(conn, tenant, owner_of(uuid))
        await join(db, tenant, row, user, role)
        token = await token_of(db, tenant, user)
        if not active:
            await cast.deactivate(db, tenant, user.id)
        return token

    return house.run(made())


def advance(api: Api, **by: float) -> None:
    """Move the tenant's clock on."""
    moved = api.post("/v2/test-clock/advance", {"by": int(timedelta(**by).total_seconds())})
    assert moved.status_code == 200, moved.text


def today(api: Api) -> date:
    """The tenant's day."""
    return datetime.fromisoformat(api.get("/v2/test-clock").json()["now"]).astimezone(UTC).date()
