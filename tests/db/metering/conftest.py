"""A tenant, an account and an intake for each test. ``plan`` says which metrics debit credits."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database, Tx
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.commands import Grant, order
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import Billed, NewEvent, Recorded
from tallystick.domain.metering.verify import verify
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Fact
from tallystick.kernel.ids import owned_uuid
from tests import cast


@dataclass
class Plan:
    """How the accounts are billed: a port like the one that subscriptions fill."""

    live: dict[int, Billed] = field(default_factory=dict)
    others: dict[tuple[int, UUID], Billed] = field(default_factory=dict)

    async def __call__(
        self, conn: Tx, wanted: list[tuple[int, UUID | None]]
    ) -> dict[tuple[int, UUID | None], Billed]:
        found: dict[tuple[int, UUID | None], Billed] = {}
        for account, subscription in wanted:
            one = self.live.get(account)
            if subscription is not None and (one is None or one.subscription != subscription):
                one = self.others.get((account, subscription))
            if one is not None:
                found[account, subscription] = one
        return found

    def debit(self, account: int, **debits: str) -> Billed:
        self.live[account] = Billed(owned_uuid(account), "active", debits)
        return self.live[account]


@dataclass
class Metering:
    db: Database
    tenant: int
    account: int
    intake: UsageIntake
    plan: Plan
    altered: bool = False
    """The test changed rows behind metering's back: they are not proved at its end."""

    async def record(self, *events: NewEvent) -> list[Recorded | Fact]:
        return await self.intake.record(self.tenant, "test", events)

    async def one(self, metric: str = "calls", quantity: int = MICRO, **more: Any) -> Recorded | Fact:
        more.setdefault("account", self.account)
        [result] = await self.record(NewEvent(metric=metric, quantity=quantity, **more))
        return result

    async def recorded(self, metric: str = "calls", quantity: int = MICRO, **more: Any) -> Recorded:
        result = await self.one(metric, quantity, **more)
        assert isinstance(result, Recorded), result
        return result

    async def now(self) -> datetime:
        async with self.db.connection() as conn:
            return await identity.now(conn, self.tenant)

    async def price(self, **rates: int) -> None:
        """What operations cost, in credits."""
        async with self.db.tx() as tx:
            lines = [Rate(name, "credits", cost * MICRO) for name, cost in rates.items()]
            await catalog.put_rate_card(tx, self.tenant, rates=lines, by="test")

    async def grant(self, credits: int) -> None:
        command = Grant(account=self.account, credit_type="credits", amount=credits * MICRO)
        async with self.db.tx() as tx:
            heads = await ledger.lock(tx, [self.account])
            one = order(command, tenant=self.tenant, actor="test")
            await ledger.apply(tx, heads, [one], rates_in_force)

    async def rows(self, query: str) -> list[Any]:
        async with self.db.connection() as conn:
            return list(await (await conn.execute(query.encode())).fetchall())

    async def posted(self) -> int:
        """The balance, in credits."""
        [(posted,)] = await self.rows(
            f"select coalesce(sum(posted), 0) from wallet where account_id = {self.account}"
        )
        return int(posted) // MICRO


@pytest.fixture
async def metering(db: Database) -> AsyncIterator[Metering]:
    tenant = (await cast.first_app(db)).app.live
    account = (await cast.acme(db, tenant)).account_id
    plan = Plan()
    intake = UsageIntake(db, rates_in_force, plan)
    await intake.start()
    made = Metering(db, tenant, account, intake, plan)
    try:
        yield made
    finally:
        await intake.stop()
    if not made.altered:
        assert await verify(db) == []
