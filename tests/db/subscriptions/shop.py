"""A shop in a test tenant whose time stands still until a test moves it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tallystick.db.pool import Database, Tx
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance, Component, Interval, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.subscriptions import actions, jobs, views
from tallystick.domain.subscriptions.model import Outcome, Subscription

BEGIN = datetime(2027, 1, 31, 10, tzinfo=UTC)
CREDIT = 1_000_000
DAY = timedelta(days=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def flat(amount: int, key: str = "base", **more: Any) -> Component:
    return Component(key=key, kind="flat", amount=amount, **more)


def calls(unit_price: int = 2_000_000, **more: Any) -> Component:
    """Metered: two cents a call."""
    return Component(key="calls", name="Calls", kind="per_unit", meter="calls", unit_price=unit_price, **more)


def monthly(credits: int, **more: Any) -> Allowance:
    return Allowance(credit_type="credits", amount=credits * CREDIT, **more)


@dataclass
class Shop:
    """``events`` are what was used: metric, moment and quantity. Times of day are UTC unless a zone is given."""

    db: Database
    tenant: int
    plans: dict[str, UUID] = field(default_factory=dict)

    async def plan(
        self, name: str, *components: Component, allowances: Sequence[Allowance] = (), rank: int | None = None,
        interval: Interval = "monthly", **terms: Any,
    ) -> UUID:  # fmt: skip
        made = Terms(
            interval=interval, currency="USD", components=components, allowances=tuple(allowances), **terms
        )
        async with self.db.tx() as tx:
            plan = await catalog.create_plan(tx, self.tenant, name=name, terms=made, rank=rank, by="test")
        self.plans[name] = plan.id
        return plan.id

    async def customer(self, **fields: Any) -> int:
        async with self.db.tx() as tx:
            return (await identity.create_account(tx, self.tenant, **fields)).account_id

    @asynccontextmanager
    async def tx(self) -> AsyncIterator[Tx]:
        async with self.db.tx() as tx:
            yield tx

    async def subscribe(self, account: int, plan: UUID, *, pay: bool = True, **more: Any) -> Subscription:
        async with self.db.tx() as tx:
            made = await actions.subscribe(
                tx, self.tenant, account, plan=plan, rates=rates_in_force, by="test", **more
            )
        if pay and made.invoice is not None and made.invoice.status == "open":
            await self.pay(account, made.invoice)
        return await self.see(made.subscription.id)

    async def act(self, what: Any, row: Subscription, **more: Any) -> Outcome:
        async with self.db.tx() as tx:
            made: Outcome = await what(
                tx, self.tenant, row.account, row.id, rates=rates_in_force, by="test", **more
            )
        return made

    async def pay(self, account: int, invoice: Invoice, **more: Any) -> Invoice:
        async with self.db.tx() as tx:
            return await actions.pay_invoice(
                tx, self.tenant, account, invoice.id, rates=rates_in_force, by="test", **more
            )

    async def pay_all(self, row: Subscription) -> None:
        async with self.db.connection() as conn:
            unpaid = await invoices.unpaid(conn, row.account, row.id)
        for invoice in unpaid:
            await self.pay(row.account, invoice)

    async def order(self, asked: command.AnyCommand) -> Result:
        async with self.db.tx() as tx:
            heads = await ledger.lock(tx, [asked.account])
            one = command.order(asked, tenant=self.tenant, actor="test")
            return (await ledger.apply(tx, heads, [one], rates_in_force))[0]

    async def spend(self, account: int, credits: int, credit_type: str = "credits") -> Result:
        return await self.order(
            command.Debit(account=account, credit_type=credit_type, amount=credits * CREDIT)
        )

    # Time

    async def now(self) -> datetime:
        async with self.db.connection() as conn:
            return await identities.now(conn, self.tenant)

    async def set_time(self, moment: datetime) -> None:
        async with self.db.tx() as tx:
            await identity.set_clock(tx, self.tenant, moment - BEGIN)

    async def work(self) -> int:
        return await jobs.run_due(self.db, rates_in_force, tenant=self.tenant)

    async def until(self, moment: datetime) -> None:
        """Move the time there, and then do at once all that fell due meanwhile."""
        await self.set_time(moment)
        await self.work()

    # What came of it

    async def see(self, subscription: UUID) -> Subscription:
        async with self.db.connection() as conn:
            return await views.subscription(conn, self.tenant, subscription)

    async def bills(self, row: Subscription) -> list[Invoice]:
        async with self.db.connection() as conn:
            page = await invoices.invoices(
                conn, self.tenant, subscription=row.id, account=row.account, limit=500
            )
        return sorted(page.rows, key=lambda one: one.place)

    async def log(self, row: Subscription) -> list[str]:
        async with self.db.connection() as conn:
            return [one.kind for one in reversed(await views.changes(conn, self.tenant, row.id, limit=1000))]

    async def balance(self, account: int, credit_type: str = "credits") -> int:
        """Whole credits, when all that is due has ended."""
        await self.order(command.EndDue(account=account))
        rows = self.rows(
            "select posted from wallet where account_id = %s and credit_type = %s", account, credit_type
        )
        return int(rows[0]["posted"]) // CREDIT if rows else 0

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.db.url, row_factory=dict_row) as conn:
            conn.execute("set timezone to 'UTC'")
            return conn.execute(query.encode(), values).fetchall()
