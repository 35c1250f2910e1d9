"""One customer's history, drawn at random: what they, the staff, the worker, the bank and its notices do, and go wrong
with, in any order and at once."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from random import Random
from typing import Any, Final
from uuid import UUID

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.dunning import jobs as dunning
from tallystick.domain.invoicing import settings as invoicing
from tallystick.domain.payments import charging, checkouts, refund_views, refunds, settling
from tallystick.domain.payments.model import Refund
from tallystick.domain.payments.port import DisputeSeen, RefundSeen, Seen
from tallystick.domain.subscriptions import jobs as subscriptions
from tallystick.kernel.errors import Fact
from tests.db.subscriptions.shop import CREDIT, flat, monthly
from tests.doubles.gateway import Card, Charge, Killed, Trouble

from .front import Front

ACTS: Final = (
    "buy buy again plan pay pay pay pay_twice finish tell tell tell save charge charge by_hand credit void give_up "
    "expire refund refund retry at_the_bank dispute spend spend work work work time"
).split()
TROUBLES: Final[Sequence[Trouble]] = ("down", "lost", "refused", "killed", "died")
CARDS: Final[Sequence[Card]] = ("ok", "ok", "decline", "action", "later", "no_refunds")


@dataclass
class History:
    """``told`` are the bank's notices, each of which may come never, once or again."""

    front: Front
    chance: Random
    account: int = 0
    packs: list[UUID] = field(default_factory=list)
    plans: list[UUID] = field(default_factory=list)
    pages: list[UUID] = field(default_factory=list)
    told: list[list[Seen]] = field(default_factory=list)
    spent: int = 0
    numbers: int = 0

    async def begin(self, *, plans: bool) -> None:
        front, draw = self.front, self.chance.choice
        self.account = await front.shop.customer(email="ann@example.com")
        await front.policy(
            duplicates=draw(["refund", "credit"]), refunds=draw(["unspent", "wallet", "keep"]),
            disputes=draw(["freeze", "claw_back", "none"]),
        )  # fmt: skip
        async with front.shop.tx() as tx:
            await invoicing.create_tax_rate(
                tx, front.tenant, name="VAT", rate=draw([0, 70_000, 77_700]), inclusive=draw([True, False]),
                standard=True, by="test",
            )  # fmt: skip
        for price in (99, 1000):
            self.packs.append(await front.package(draw([1, 7, 100]), price, bonus=draw([0, 3 * CREDIT])))
        if plans:
            for rank, days in ((1, 0), (2, 0), (3, 14)):
                terms: dict[str, Any] = {"rank": rank, "trial_days": days}
                made = await front.shop.plan(
                    f"Plan {rank}", flat(300 * rank), allowances=[monthly(10)], **terms
                )
                self.plans.append(made)

    async def act(self, name: str) -> None:
        """What is refused is refused, and who is killed is gone."""
        step: Callable[[], Awaitable[None]] = getattr(self, name)
        with contextlib.suppress(Fact, Killed):
            await step()

    async def go_on(self, at_once: int) -> None:
        if self.chance.random() < 0.3:
            self.front.bench.trouble(*self.chance.choices([*TROUBLES, None], k=at_once))
        await asyncio.gather(*(self.act(self.chance.choice(ACTS)) for _ in range(at_once)))
        self.front.bench.troubles.clear()

    async def end(self) -> None:
        """All troubles are over: every notice comes, and the worker has its time."""
        await self.take(*self.told)
        for _ in range(12):
            await self.front.shop.set_time(await self.front.shop.now() + timedelta(hours=30))
            await self.work()
            for one in list(self.front.bench.charges.values()):
                if one.status == "processing" and one.payment is not None:
                    await self.front.take(*self.front.bench.finish(one.payment))
        await self.take(*self.told)

    async def take(self, *told: list[Seen]) -> None:
        for seen in told:
            await self.front.take(*seen)

    async def refunds(self) -> list[Refund]:
        async with self.front.shop.db.connection() as conn:
            found = await refund_views.refunds(conn, self.front.tenant, account=self.account, limit=500)
        return list(found.rows)

    # What may happen

    async def buy(self) -> None:
        pack = checkouts.ForPackage(self.chance.choice(self.packs))
        await self._open(pack, save_method=self.chance.random() < 0.3)

    async def again(self) -> None:
        await self._open(checkouts.ForInvoice(self._invoice()))

    async def plan(self) -> None:
        if self.plans:
            await self._open(checkouts.ForPlan(self.chance.choice(self.plans)))

    async def pay(self) -> None:
        pages = [one for one in self._pages() if self.front.bench.pages[one].status == "open"]
        if pages:
            self.told.append(self.front.bench.pay(self.chance.choice(pages), self.chance.choice(CARDS)))

    async def pay_twice(self) -> None:
        pages = [one for one in self._pages() if self.front.bench.pages[one].asked.payment]
        if pages:
            self.told.append(self.front.bench.pay_twice(self.chance.choice(pages)))

    async def finish(self) -> None:
        for one in self.front.bench.charges.values():
            if one.status in ("processing", "requires_action") and one.payment is not None:
                self.told.append(self.front.bench.finish(one.payment, succeeded=self.chance.random() < 0.7))
                return

    async def tell(self) -> None:
        if self.told:
            await self.take(self.chance.choice(self.told))

    async def save(self) -> None:
        await self.front.save(self.account, self.chance.choice(CARDS))

    async def charge(self) -> None:
        row = await self.front.request(await self.front.invoice(self._invoice()))
        await charging.perform(self.front.till, self.account, row.id)

    async def by_hand(self) -> None:
        await self._staff(settling.pay_invoice, self._invoice(), amount=self.chance.choice([None, 1, 50]))

    async def credit(self) -> None:
        amount, back = self.chance.choice([1, 30, None]), self.chance.choice(["credit", "refund"])
        await self._staff(settling.credit_invoice, self._invoice(), reason="x", amount=amount, refund=back)

    async def void(self) -> None:
        await self._staff(settling.void_invoice, self._invoice())

    async def give_up(self) -> None:
        await self._staff(settling.fail_invoice, self._invoice())

    async def expire(self) -> None:
        if self.pages:
            page = self.chance.choice(self.pages)
            await checkouts.expire_checkout(self.front.till, self.front.tenant, self.account, page, by="test")

    async def refund(self) -> None:
        paid = [one for one in await self.front.payments(self.account) if one.status == "succeeded"]
        if paid:
            made = await self._staff(
                refunds.request, self.chance.choice(paid).id, amount=self.chance.choice([None, None, 1, 33])
            )
            await refunds.perform(self.front.till, self.account, made.id)

    async def retry(self) -> None:
        failed = [one for one in await self.refunds() if one.status == "failed"]
        if failed:
            async with self.front.shop.tx() as tx:
                row = self.chance.choice(failed)
                await refunds.retry(tx, self.front.tenant, self.account, row.id, by="test")

    async def at_the_bank(self) -> None:
        """Money goes back that we did not send."""
        if charge := self._succeeded():
            amount = self.chance.randint(0, charge.amount - charge.refunded)
            if amount:
                charge.refunded += amount
                self.told.append([RefundSeen(self._ref(), charge.ref, "succeeded", amount, "USD")])

    async def dispute(self) -> None:
        if charge := self._succeeded():
            seen = DisputeSeen(self._ref(), charge.ref, "open", charge.amount, "USD")
            ended = DisputeSeen(
                seen.ref, charge.ref, self.chance.choice(["won", "won", "lost"]), charge.amount, "USD"
            )
            self.told += [[seen], [ended]]

    async def spend(self) -> None:
        credits = self.chance.choice([1, 5, 40])
        if not isinstance(await self.front.shop.spend(self.account, credits), Exception):
            self.spent += credits * CREDIT

    async def work(self) -> None:
        front = self.front
        await subscriptions.run_due(front.shop.db, rates_in_force, tenant=front.tenant, in_order=True)
        await dunning.run_due(front.till, tenant=front.tenant)
        await front.work()
        await front.work()

    async def time(self) -> None:
        hours = self.chance.choice([1, 7, 25, 120, 400])
        await self.front.shop.set_time(await self.front.shop.now() + timedelta(hours=hours))

    # Of what there is

    def _invoice(self) -> UUID:
        """Raises Fact where there is none."""
        rows = self.front.shop.rows("select id from invoice order by place")
        if not rows:
            raise Fact("There is no invoice yet.")
        found: UUID = self.chance.choice(rows)["id"]
        return found

    def _pages(self) -> list[UUID]:
        return [one for one in self.pages if one in self.front.bench.pages]

    def _succeeded(self) -> Charge | None:
        found = [one for one in self.front.bench.charges.values() if one.status == "succeeded"]
        return self.chance.choice(found) if found else None

    def _ref(self) -> str:
        self.numbers += 1
        return f"bank_{self.numbers}"

    async def _open(self, wanted: checkouts.Wanted, **more: Any) -> None:
        self.pages.append((await self.front.open(self.account, wanted, **more)).id)

    async def _staff(self, what: Any, id: UUID, **more: Any) -> Any:
        async with self.front.shop.tx() as tx:
            return await what(
                tx, self.front.tenant, self.account, id, rates=rates_in_force, by="test", **more
            )
