"""A customer who goes to a higher plan, and a gateway that takes its time."""

import asyncio
from typing import Any

from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.request_keys import Inner
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.payments.upgrading import Upgraded, upgrade
from tallystick.domain.subscriptions.model import Subscription
from tests.db.subscriptions.shop import flat, monthly
from tests.doubles.gateway import SlowGateway

from .front import Front


class Deal:
    """A customer of the small plan (10.00 a month, 100 credits), who may go to the large one (40.00, 500 credits)."""

    def __init__(self, front: Front) -> None:
        self.front, self.shop = front, front.shop
        self.account = 0
        self.row: Subscription

    async def begin(self) -> "Deal":
        small = await self.shop.plan("small", flat(1000), allowances=[monthly(100)], rank=1)
        await self.shop.plan("large", flat(4000), allowances=[monthly(500)], rank=2)
        await self.shop.plan("huge", flat(90000), rank=3, interval="yearly")
        self.account = await self.shop.customer()
        self.row = await self.shop.subscribe(self.account, small)
        return self

    async def up(self, plan: str = "large", key: Inner = None) -> Upgraded:
        return await upgrade(
            self.front.till, self.shop.tenant, self.account, self.row.id, self.shop.plans[plan], by="test", key=key
        )  # fmt: skip

    async def plan(self) -> str:
        return (await self.shop.see(self.row.id)).plan_name

    def invoices(self) -> list[Any]:
        query = "select status, total, reason from invoice where account_id = %s order by place"
        return [(row["status"], row["total"], row["reason"]) for row in self.shop.rows(query, self.account)]

    async def untouched(self) -> bool:
        """Nothing of the customer's is other than it was."""
        return (
            await self.shop.see(self.row.id) == self.row
            and self.invoices() == [("paid", 1000, "create")]
            and await self.shop.balance(self.account) == 100
        )


FIRST = ("paid", 1000, "create")
UP = ("paid", 3000, "change")


async def charging(front: Front, *, credited: int = 0) -> tuple[Deal, SlowGateway, "asyncio.Task[Upgraded]"]:
    """An upgrade whose charge is on its way, of a customer with so much credit in minor units."""
    slow = SlowGateway()
    deal = await Deal(Front(front.shop, slow)).begin()
    await deal.front.save(deal.account)
    if credited:
        await credit(deal, credited)
    task = asyncio.create_task(deal.up())
    await slow.asked.wait()
    return deal, slow, task


async def block(deal: Deal) -> None:
    async with deal.shop.tx() as tx:
        await identity.patch_account(tx, deal.shop.tenant, deal.account, {"status": "blocked"})


async def credit(deal: Deal, amount: int) -> None:
    async with deal.shop.tx() as tx:
        await invoicing.add_credit(
            tx, deal.shop.tenant, deal.account, "USD", amount, reason="Gift", by="test"
        )
