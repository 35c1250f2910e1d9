"""The stage of this contract's tests: a running system, Ann who owns Acme, and what the product does.

`stage` is in live mode; `timed` in test mode, where a test sets the time; `quiet` is one for all tests of a module that
only look.
"""

import contextlib
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import pytest

from tallystick.app import build
from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import memberships, tokens
from tallystick.domain.identity.model import Account, App, FirstRun, User
from tallystick.domain.ledger import commands
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.actor import Role
from tallystick.kernel.credits import parse_credits
from tallystick.wiring import System, system
from tests import cast
from tests.conftest import Server, new_database


@dataclass
class Stage:
    """``client`` sends what it is told; `get` signs in as Ann."""

    system: System
    client: httpx2.AsyncClient
    first: FirstRun
    account: Account
    user: User
    token: str
    _keys: Iterator[int] = field(default_factory=itertools.count)

    @property
    def tenant(self) -> int:
        return self.tenant_of(self.first.app)

    @staticmethod
    def tenant_of(app: App) -> int:
        return app.live

    async def get(
        self, path: str, *, token: str | None = None, headers: dict[str, str] | None = None, **query: Any
    ) -> httpx2.Response:
        signed = {"authorization": f"Bearer {token or self.token}"} | (headers or {})
        names = {name.rstrip("_"): value for name, value in query.items()}
        return await self.client.get(path, headers=signed, params=names)

    async def body(self, path: str, **query: Any) -> Any:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def do(self, command: commands.AnyCommand) -> Answer:
        order = commands.order(command, tenant=self.tenant, actor="key:test", key=f"k{next(self._keys)}")
        return await self.system.lanes.submit(order)

    async def grant(self, amount: str, account: int | None = None, **fields: Any) -> Answer:
        return await self.do(
            commands.Grant(
                account=account or self.account.account_id,
                credit_type=fields.pop("credit_type", "credits"),
                amount=parse_credits(amount),
                **fields,
            )
        )

    async def debit(self, amount: str, **fields: Any) -> Answer:
        return await self.do(
            commands.Debit(
                account=self.account.account_id,
                credit_type=fields.pop("credit_type", "credits"),
                amount=parse_credits(amount),
                **fields,
            )
        )

    async def hold(self, amount: str, **fields: Any) -> int:
        """The hold's number."""
        answer = await self.do(
            commands.Hold(
                account=self.account.account_id,
                credit_type="credits",
                amount=parse_credits(amount),
                **{"expires_in": 600} | fields,
            )
        )
        number: int = answer.facts["hold"]
        return number

    async def token_of(self, user: User, now: datetime | None = None) -> str:
        return await token_of(self.system.db, self.tenant, user, now)


@dataclass
class TimedStage(Stage):
    """In test mode, where time may be set ahead; from then on it runs."""

    @staticmethod
    def tenant_of(app: App) -> int:
        return app.test

    async def at(self, moment: datetime) -> None:
        async with self.system.db.tx() as tx:
            await identity.set_clock(tx, self.tenant, moment - datetime.now(UTC))


S = TypeVar("S", bound=Stage)


async def token_of(db: Database, tenant: int, user: User, now: datetime | None = None) -> str:
    secrets = await cast.secrets(db)
    async with db.tx() as tx:
        made = await tokens.issue_tokens(
            tx, secrets, tenant=tenant, user=user.id, now=now or datetime.now(UTC)
        )
    return made.access


async def join(db: Database, tenant: int, account: Account, user: User, role: Role) -> None:
    async with db.tx() as tx:
        await memberships.add(tx, tenant, account=account.account_id, user=user.id, role=role, by="test")


@contextlib.asynccontextmanager
async def set_up(kind: type[S], db: Database, data: Path) -> AsyncIterator[S]:
    first = await cast.first_app(db)
    tenant = kind.tenant_of(first.app)
    account, user = await cast.acme(db, tenant), await cast.make_user(db, tenant)
    await join(db, tenant, account, user, Role.OWNER)
    token = await token_of(db, tenant, user)
    async with system(Settings(data=data), db.url) as running:
        transport = httpx2.ASGITransport(build(running))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield kind(running, client, first, account, user, token)


@pytest.fixture
async def stage(db: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    async with set_up(Stage, db, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
async def quiet(
    server: Server, template: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stage]:
    with new_database(server, template) as url:
        db = Database(url)
        await db.open()
        try:
            async with set_up(Stage, db, tmp_path_factory.mktemp("quiet")) as made:
                yield made
        finally:
            await db.close()


@pytest.fixture
async def timed(db: Database, tmp_path: Path) -> AsyncIterator[TimedStage]:
    async with set_up(TimedStage, db, tmp_path) as made:
        yield made
