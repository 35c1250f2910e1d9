"""A shop that collects: customers with a card or none, a clock to move, and what came of their invoices."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tallystick.domain.clocks.actions import advance
from tallystick.domain.clocks.model import Advanced
from tallystick.domain.dunning import jobs
from tallystick.domain.payments import methods
from tallystick.domain.subscriptions import jobs as subscriptions
from tallystick.domain.subscriptions.model import Subscription
from tests.db.payments.front import Front
from tests.db.subscriptions.shop import Shop, flat, monthly
from tests.doubles.gateway import Card

PRICE = 2900


@dataclass
class Desk:
    front: Front

    @property
    def shop(self) -> Shop:
        return self.front.shop

    async def customer(self, card: Card | None = "ok", **fields: Any) -> Subscription:
        """A customer of a monthly plan with 100 credits, paid for the first month, reminded by e-mail."""
        shop = self.shop
        plan = shop.plans.get("Pro") or await shop.plan("Pro", flat(PRICE), allowances=[monthly(100)])
        account = await shop.customer(email=f"c{len(fields)}@example.com", name="Ada", **fields)
        row = await shop.subscribe(account, plan)
        if card is not None:
            await self.front.save(account, card)
        return row

    async def switch(self, row: Subscription, card: Card) -> None:
        """The customer saves another card, and wants it charged from now on."""
        made = await self.front.save(row.account, card)
        async with self.shop.tx() as tx:
            await methods.make_standard(tx, self.front.tenant, row.account, made.id, by="test")

    async def until(self, moment: datetime) -> Advanced:
        """Move the test clock, through all that falls due."""
        return await advance(self.front.till, self.front.tenant, to=moment, actor="test")

    async def away(self, moment: datetime) -> None:
        """Time passes, and nobody works."""
        await self.shop.set_time(moment)

    async def work(self) -> int:
        """One round of each of the worker's loops."""
        shop, till = self.front.shop, self.front.till
        done = await subscriptions.run_due(shop.db, till.rates, tenant=shop.tenant, in_order=True)
        done += await jobs.run_due(till, tenant=shop.tenant)
        return done + await self.front.work()

    async def work_off(self) -> None:
        while await self.work():
            pass

    # What came of it

    async def paid(self, row: Subscription) -> list[tuple[str, str | None]]:
        """Each invoice: its state, and the day and hour it was paid."""
        return [
            (bill.status, None if bill.paid_at is None else f"{bill.paid_at:%d %b %H}")
            for bill in await self.shop.bills(row)
        ]

    async def tries(self, row: Subscription) -> list[tuple[str, str]]:
        """Each charge that nobody asked for: the moment it counts for, and what came of it."""
        return [
            (f"{one.wanted_at:%d %b %H}", one.status)
            for one in await self.front.payments(row.account)
            if one.cause == "dunning"
        ]

    def reminders(self, row: Subscription) -> list[tuple[str, int]]:
        query = """
            select at, data ->> 'days_overdue' as day from event
            where account_id = %s and type = 'invoice.reminded' order by place"""
        return [(f"{one['at']:%d %b %H}", int(one["day"])) for one in self.shop.rows(query, row.account)]

    def mails(self, row: Subscription, kind: str = "invoice_reminder") -> list[str]:
        query = "select subject from mail where account_id = %s and kind = %s order by id"
        return [one["subject"] for one in self.shop.rows(query, row.account, kind)]
