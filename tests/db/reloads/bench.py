"""A shop with a gateway of the tests' own, whose customers may have their credits bought automatically."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import commands as command
from tallystick.domain.payments import jobs as payments_jobs
from tallystick.domain.payments import methods
from tallystick.domain.payments.till import Till
from tallystick.domain.reloads import actions, jobs, views
from tallystick.domain.reloads.model import Alert, AutoReload
from tallystick.domain.reloads.views import Standing
from tests.db.subscriptions.shop import CREDIT, Shop
from tests.doubles.gateway import BenchGateway, Card


def till_of(db: Database, bench: BenchGateway) -> Till:
    return Till(db, Vault(b"k" * 32), {bench.name: bench}, rates_in_force, "https://pay.example", {})


@dataclass
class Place:
    """Credits in whole numbers; a credit costs a cent. ``shop`` stops its time, until a test moves it."""

    shop: Shop
    bench: BenchGateway = field(default_factory=BenchGateway)

    @property
    def db(self) -> Database:
        return self.shop.db

    @property
    def tenant(self) -> int:
        return self.shop.tenant

    @property
    def till(self) -> Till:
        return till_of(self.db, self.bench)

    async def customer(self, credits: int = 100, card: Card | None = "ok", **fields: Any) -> int:
        async with self.db.tx() as tx:
            made = await identity.create_account(tx, self.tenant, **({"email": "ann@acme.example"} | fields))
        if card is not None:
            await self.card(made.account_id, made.uuid, card)
        if credits:
            await self.give(made.account_id, credits)
        return made.account_id

    async def card(self, account: int, uuid: UUID, card: Card) -> None:
        """Save another way to pay; the first is the standard one."""
        seen = self.bench.card(self.bench.customer_of(uuid), card)
        async with self.db.tx() as tx:
            await ledger.lock(tx, [account])
            now = await identities.now(tx, self.tenant)
            await methods.save(tx, self.tenant, account, self.bench.name, seen, at=now)

    async def give(self, account: int, credits: int) -> None:
        await self.shop.order(command.Grant(account=account, credit_type="credits", amount=credits * CREDIT))

    async def spend(self, account: int, credits: int) -> None:
        result = await self.shop.spend(account, credits)
        assert not isinstance(result, Exception), result

    async def auto(
        self, account: int, threshold: int = 50, amount: int | None = 100, **more: Any
    ) -> AutoReload:
        async with self.db.tx() as tx:
            return await actions.put_auto_reload(
                tx, self.tenant, account, "credits", threshold=threshold * CREDIT,
                amount=None if amount is None else amount * CREDIT, by="test", **more,
            )  # fmt: skip

    async def alert(self, account: int, threshold: int, **more: Any) -> Alert:
        async with self.db.tx() as tx:
            return await actions.add_alert(
                tx, self.tenant, account, "credits", threshold=threshold * CREDIT, by="test", **more
            )

    # Time

    async def begin(self) -> int:
        """The reloads' step of the worker alone: no money moves."""
        return await jobs.run_due(self.till, tenant=self.tenant)

    async def charge(self) -> int:
        return await payments_jobs.run_due(self.till, tenant=self.tenant)

    async def work(self) -> None:
        """All that the worker does, until it has nothing more to do."""
        while await self.begin() + await self.charge():
            pass

    async def until(self, moment: datetime) -> None:
        await self.shop.set_time(moment)
        await self.work()

    # What came of it

    async def balance(self, account: int) -> int:
        return await self.shop.balance(account)

    async def standing(self, account: int) -> Standing:
        async with self.db.connection() as conn:
            row = await views.auto_reload(conn, self.tenant, account, "credits")
            return await views.standing(conn, row)

    def reloads(self, account: int) -> list[tuple[str, int, datetime]]:
        rows = self.shop.rows(
            "select * from reload where account_id = %s order by wanted_at, invoice_id", account
        )
        return [(row["status"], row["amount"], row["wanted_at"]) for row in rows]

    def events(self, account: int, type: str) -> list[dict[str, Any]]:
        rows = self.shop.rows(
            "select at, data from event where account_id = %s and type = %s order by place", account, type
        )
        return [{"at": row["at"]} | row["data"] for row in rows]

    def mail(self, account: int, kind: str) -> list[str]:
        rows = self.shop.rows(
            "select subject, body from mail where account_id = %s and kind = %s order by created_at",
            account,
            kind,
        )
        return [f"{row['subject']}\n{row['body']}" for row in rows]

    def bought(self, account: int) -> list[int]:
        """Whole credits of the grants that were bought."""
        rows = self.shop.rows(
            "select amount from credit_grant where account_id = %s and source = 'purchase' order by id",
            account,
        )
        return [row["amount"] // CREDIT for row in rows]

    def invoices(self, account: int) -> list[str]:
        rows = self.shop.rows("select status from invoice where account_id = %s order by place", account)
        return [row["status"] for row in rows]
