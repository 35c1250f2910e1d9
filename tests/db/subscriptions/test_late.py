"""Work done late gives exactly what on-time work would have given: the same invoices, grants and books.

One history, drawn at random, is lived three times: with a worker that is always on time, with one that comes only
when somebody spends or at the end, and with one that comes now and then, in small bites, twice at once, a sweeper
before it.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

import pytest

from tallystick.domain.catalog.terms import Allowance, Interval, Reset, Rollover
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger.jobs import sweep
from tallystick.domain.ledger.verify import verify
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent
from tallystick.domain.subscriptions import actions, jobs
from tallystick.domain.subscriptions.model import Subscription
from tallystick.domain.subscriptions.views import billed
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, NotFound

from .shop import BEGIN, CREDIT, DAY, Shop, calls, flat

pytestmark = pytest.mark.anyio

ZONES = ["UTC", "Pacific/Niue", "Pacific/Kiritimati", "America/New_York", "Africa/Casablanca"]
END = BEGIN + 170 * DAY


@dataclass(frozen=True)
class Act:
    at: datetime
    what: str
    plan: int
    amount: int


@dataclass(frozen=True)
class History:
    """``plans``: price, whether metered, interval, trial days, allowances."""

    zone: str
    billing: str
    plans: list[tuple[int, bool, Interval, int, list[Allowance]]]
    acts: list[Act]


ACTS = (
    ["spend"] * 6 + ["use"] * 4 + ["pay"] * 8
    + ["change", "change", "revoke_change", "cancel", "cancel_end", "revoke_cancel", "pause", "pause_until", "resume",
       "fail", "subscribe"]
)  # fmt: skip


def drawn(seed: int) -> History:
    chance = Random(seed)
    plans = []
    intervals: list[Interval] = ["monthly", "monthly", "quarterly", "yearly"]
    for _ in range(3):
        allowances = []
        for code in ("credits", "boosts"):
            resets: list[Reset | None] = ["daily", "weekly", "monthly", "never", None]
            reset = chance.choice(resets)
            if reset is not None:
                rollover = chance.choice([Rollover(), Rollover(mode="all"), Rollover(mode="all", periods=2),
                                          Rollover(mode="up_to", limit=7 * CREDIT)])  # fmt: skip
                allowances.append(
                    Allowance(
                        credit_type=code,
                        amount=chance.randint(1, 20) * CREDIT,
                        reset=reset,
                        rollover=Rollover() if reset == "never" else rollover,
                    )
                )
        plans.append(
            (chance.choice([0, 999, 3001, 12345]), chance.random() < 0.5,
             chance.choice(intervals), chance.choice([0, 0, 9]), allowances)
        )  # fmt: skip
    acts = [Act(BEGIN, "subscribe", 0, 0)]
    moments = sorted(chance.randint(1, 165 * 86_400_000) for _ in range(chance.randint(4, 22)))
    for moment in moments:
        at = BEGIN + timedelta(milliseconds=moment)
        acts.append(Act(at, chance.choice(ACTS), chance.randint(0, 2), chance.randint(1, 15)))
    return History(chance.choice(ZONES), chance.choice(["anniversary", "calendar"]), plans, acts)


class Life:
    """A history as one tenant's customer lives it."""

    def __init__(
        self, shop: Shop, history: History, pass_time: Callable[["Life", datetime], Awaitable[None]]
    ) -> None:
        self.shop = shop
        self.history = history
        self.pass_time = pass_time
        self.intake = UsageIntake(shop.db, rates_in_force, billed)
        self.rows: list[Subscription] = []
        self.said: list[str] = []

    async def live(self) -> None:
        shop = self.shop
        await self.intake.start()
        async with shop.db.tx() as tx:
            await metering.ensure_meter(tx, shop.tenant, "calls", by="test")
        plans = []
        for number, (price, metered, interval, trial, allowances) in enumerate(self.history.plans):
            parts = [flat(price), *([calls(minimum=300)] if metered else [])]
            plans.append(
                await shop.plan(
                    f"Plan {number}",
                    *parts,
                    allowances=allowances,
                    rank=number,
                    interval=interval,
                    trial_days=trial,
                )
            )
        self.account = await shop.customer(time_zone=self.history.zone)
        for act in self.history.acts:
            await self.pass_time(self, act.at)
            await shop.set_time(act.at)
            try:
                await self._do(act, plans[act.plan])
                self.said.append(act.what)
            except (Conflict, NotFound) as fact:
                self.said.append(f"{act.what}: {fact.code}")
        await self.pass_time(self, END)
        await shop.set_time(END)
        await shop.work()
        await sweep(shop.db, rates_in_force, tenant=shop.tenant)
        await self.intake.stop()

    async def _do(self, act: Act, plan: Any) -> None:
        shop = self.shop
        if act.what == "subscribe":
            row = await shop.subscribe(
                self.account, plan, pay=act.amount % 3 > 0, billing=self.history.billing
            )
            self.rows.append(row)
            return
        row = self.rows[-1]
        if act.what == "spend":
            # who spends is served by what is there: the worker is not behind just then
            await shop.work()
            said = await shop.spend(self.account, act.amount, "credits" if act.plan else "boosts")
            assert not isinstance(said, Fact) or isinstance(said, InsufficientCredits)
            self.said.append(type(said).__name__)
        elif act.what == "use":
            event = NewEvent(
                account=self.account, metric="calls", quantity=act.amount * CREDIT * 100, at=act.at, event_id=None,
                metadata={}, subscription=None,
            )  # fmt: skip
            await self.intake.record(shop.tenant, "test", [event])
        elif act.what == "pay":
            await self._pay_due(row)
        elif act.what == "fail":
            await shop.work()
            async with shop.db.connection() as conn:
                unpaid = await invoices.unpaid(conn, row.account, row.id)
            for invoice in unpaid[:1]:
                async with shop.db.tx() as tx:
                    await actions.fail_invoice(
                        tx, shop.tenant, row.account, invoice.id, rates=rates_in_force, by="test"
                    )
        else:
            asked: dict[str, tuple[Any, dict[str, Any]]] = {
                "change": (actions.change, {"plan": plan}),
                "revoke_change": (actions.revoke_change, {}),
                "cancel": (actions.cancel, {"at_period_end": False}),
                "cancel_end": (actions.cancel, {"at_period_end": True}),
                "revoke_cancel": (actions.revoke_cancel, {}),
                "pause": (actions.pause, {}),
                "pause_until": (actions.pause, {"resume_at": act.at + act.amount * 3 * DAY}),
                "resume": (actions.resume, {}),
            }
            what, more = asked[act.what]
            await shop.act(what, row, **more)

    async def _pay_due(self, row: Subscription) -> None:
        # what is due must be seen to be paid
        await self.shop.work()
        await self.shop.pay_all(row)

    # What came of it

    def books(self) -> dict[str, Any]:
        rows = self.shop.rows
        account = self.account
        names = {str(row.id): f"subscription {number}" for number, row in enumerate(self.rows)}
        names |= {str(plan): name for name, plan in self.shop.plans.items()}
        found: dict[str, list[Any]] = {
            "said": self.said,
            "subscriptions": rows("select * from subscription where account_id = %s order by id", account),
            "log": rows("select * from subscription_change where account_id = %s order by subscription, seq", account),
            "invoices": rows("select * from invoice where account_id = %s order by place", account),
            "lines": rows(
                "select l.* from invoice_line l join invoice i on i.account_id = l.account_id and i.id = l.invoice_id"
                " where l.account_id = %s order by i.place, l.position", account,
            ),
            "entries": rows("select * from entry where account_id = %s order by seq", account),
            "grants": rows("select * from credit_grant where account_id = %s order by id", account),
            "wallets": rows("select * from wallet where account_id = %s order by credit_type", account),
            "periods": rows(
                "select * from allowance_period where account_id = %s order by subscription, credit_type, period_start",
                account,
            ),
            "usage": rows("select * from usage_billed where account_id = %s order by window_start", account),
        }  # fmt: skip
        for table in found.values():
            for row in table:
                if isinstance(row, dict):
                    for name in IDENTITIES:
                        row.pop(name, None)
        text = json.dumps(found, default=str, indent=1)
        for id, name in names.items():
            text = text.replace(id, name)
        plain: dict[str, Any] = json.loads(text)
        return plain


# what differs between two tenants that live the same
IDENTITIES = (
    "account_id", "tenant_id", "id", "invoice_id", "place", "recorded_at", "op_key", "request_hash", "reference",
    "details", "buyer", "retry_at", "account_uuid", "uuid", "updated_at", "seller", "number_scope",
)  # fmt: skip


async def on_time(life: Life, moment: datetime) -> None:
    """Everything happens when it is due."""
    while True:
        (row,) = life.shop.rows(
            "select min(due_at) as due from subscription where tenant_id = %s", life.shop.tenant
        )
        if row["due"] is None or row["due"] > moment:
            return
        await life.shop.until(row["due"])
        await sweep(life.shop.db, rates_in_force, tenant=life.shop.tenant)


async def late(life: Life, moment: datetime) -> None:
    """Nobody works."""


def chaotic(seed: int) -> Callable[[Life, datetime], Awaitable[None]]:
    chance = Random(seed)

    async def pass_time(life: Life, moment: datetime) -> None:
        now = await life.shop.now()
        stops = sorted(chance.random() for _ in range(chance.randint(0, 3)))
        for part in stops:
            await life.shop.set_time(now + (moment - now) * part)
            await asyncio.gather(
                *(
                    jobs.run_due(
                        life.shop.db, rates_in_force, tenant=life.shop.tenant, limit=chance.randint(1, 3)
                    )
                    for _ in range(chance.randint(1, 3))
                )
            )
            await sweep(life.shop.db, rates_in_force, tenant=life.shop.tenant)

    return pass_time


async def lived(
    shop: Shop, history: History, pass_time: Callable[[Life, datetime], Awaitable[None]]
) -> dict[str, Any]:
    async with shop.db.tx() as tx:
        app = await identity.create_app(tx, "Another shop")
        for code in ("boosts",):
            await tx.execute(
                "insert into credit_type (tenant_id, code, name) values (%s, %s, %s)", [app.test, code, code]
            )
    life = Life(Shop(shop.db, app.test), history, pass_time)
    await life.live()
    return life.books()


async def same(shop: Shop, seed: int) -> None:
    history = drawn(seed)
    first = await lived(shop, history, on_time)
    for name, pass_time in (("late", late), ("chaotic", chaotic(seed))):
        other = await lived(shop, history, pass_time)
        for table, rows in first.items():
            assert rows == other[table], f"seed {seed}, {name}: {table}"
    assert (await verify(shop.db)).ok


@pytest.mark.parametrize("seed", range(10))
async def test_late_is_as_on_time(shop: Shop, seed: int) -> None:
    await same(shop, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1000, 1200))
async def test_late_is_as_on_time_often(shop: Shop, seed: int) -> None:
    await same(shop, seed)
