"""The stage of this contract's tests: a running system, Ann who owns Acme, and what the product does."""

import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tallystick.app import build
from tallystick.config import Settings
from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import tokens
from tallystick.domain.identity.model import Account, FirstRun, User
from tallystick.domain.ledger import commands
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.actor import Role
from tallystick.kernel.credits import parse_credits
from tallystick.wiring import System, system
from tests import cast


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
        return self.first.app.live

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


async def token_of(db: Database, tenant: int, user: User, now: datetime | None = None) -> str:
    secrets = await cast.secrets(db)
    async with db.tx() as tx:
        made = await tokens.issue_tokens(
            tx, secrets, tenant=tenant, user=user.id, now=now or datetime.now(UTC)
        )
    return made.access


async def join(db: Database, tenant: int, account: Account, user: User, role: Role) -> None:
    async with db.tx() as tx:
        await identity.add_membership(
            tx, tenant, account=account.account_id, user=user.id, role=role, by="test"
        )


@pytest.fixture
async def stage(db: Database, db_url: str, tmp_path: Path) -> AsyncIterator[Stage]:
    first = await cast.first_app(db)
    account = await cast.acme(db, first.app.live)
    user = await cast.make_user(db, first.app.live)
    await join(db, first.app.live, account, user, Role.OWNER)
    token = await token_of(db, first.app.live, user)
    async with system(Settings(data=tmp_path), db_url) as running:
        transport = httpx2.ASGITransport(build(running))
        async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
            yield Stage(running, client, first, account, user, token)
