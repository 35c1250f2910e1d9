"""The same story told to the server: a test tenant's clock, over a database's own that stands still."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog import terms as t
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.clocks import actions as clocks
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import views as invoicing_views
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.jobs import sweep
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions.views import billed
from tallystick.kernel.errors import Fact, InsufficientCredits
from tests.doubles.till import till_of

from .plans import Allowance, Plan, Price
from .said import Bill, Books, Given, Line
from .story import BEGIN, PLANS, RATES, Act, Story

BY: Final = "test"
MICRO: Final = 1_000_000


def stop_the_clock(url: str, moment: datetime) -> None:
    """From now on this database, asked for the time, says this moment: only tenants' own clocks move."""
    with psycopg.connect(url, autocommit=True) as conn:
        name = sql.Identifier(conn.info.dbname)
        for call in ("clock_timestamp", "now"):
            conn.execute(
                sql.SQL("create function public.{}() returns timestamptz language sql stable as {}").format(
                    sql.Identifier(call), sql.Literal(f"select '{moment.isoformat()}'::timestamptz")
                )
            )
        conn.execute(sql.SQL("alter database {} set search_path to public, pg_catalog").format(name))
        # an account's time never goes before its last moment: it begins by this clock too
        conn.execute("alter table account_head alter column last_at set default public.now()")


def micro(number: int | Fraction) -> int:
    exact = number * MICRO
    assert exact == int(exact), number
    return int(exact)


def terms_of(plan: Plan) -> t.Terms:
    interval = {0: "one_time", 1: "monthly", 3: "quarterly", 12: "yearly"}[plan.months]
    return t.check_terms(
        t.Terms(
            interval=interval,  # type: ignore[arg-type]
            currency=plan.currency,
            components=tuple(component_of(price) for price in plan.prices),
            allowances=tuple(allowance_of(credit, one) for credit, one in plan.allowances.items()),
            trial_days=plan.trial_days,
            debits=dict(plan.debits),
        )
    )


def component_of(price: Price) -> t.Component:
    return t.Component(
        key=price.key,
        kind=price.kind,  # type: ignore[arg-type]
        amount=price.amount,
        meter=price.meter,
        unit_price=micro(price.each),
        free_units=micro(price.free),
        tiers=tuple(
            t.Tier(
                up_to=None if tier.up_to is None else micro(tier.up_to),
                unit_price=micro(tier.each),
                flat=tier.flat,
            )
            for tier in price.tiers
        ),
        package_size=micro(price.size),
        package_price=price.package,
        rate=micro(price.rate),
        minimum=price.minimum,
    )


def allowance_of(credit: str, one: Allowance) -> t.Allowance:
    rollover = t.Rollover()
    if one.rollover == "all":
        rollover = t.Rollover(mode="all", periods=one.times)
    elif isinstance(one.rollover, int):
        rollover = t.Rollover(mode="up_to", limit=micro(one.rollover), periods=one.times)
    return t.Allowance(
        credit_type=credit,
        amount=micro(one.amount),
        reset=one.reset,  # type: ignore[arg-type]
        rollover=rollover,
    )


class Server:
    """One test tenant. ``rude``: whenever its clock moves, credits expire first, as a sweeper may have it."""

    def __init__(self, db: Database, tenant: int, step: timedelta, *, rude: bool = False) -> None:
        self._db = db
        self.tenant = tenant
        self._step = step
        self._rude = rude
        self._plans: dict[str, UUID] = {}
        self._accounts: dict[str, int] = {}
        self._named: dict[tuple[str, str], UUID] = {}
        self.failed: dict[str, str] = {}
        """What was refused, by the person to whom it was."""
        self._usage = UsageIntake(db, rates_in_force, billed)

    async def furnish(self, story: Story) -> None:
        """The catalog, and the people."""
        async with self._db.tx() as tx:
            for code in ("credits", "boosts"):
                await catalog.put_credit_type(tx, self.tenant, code=code, name=code, by=BY)
            rates = [Rate(name, credit, micro(price)) for name, (credit, price) in RATES.items()]
            await catalog.put_rate_card(tx, self.tenant, rates=rates, by=BY)
            for plan in PLANS:
                for price in plan.metered():
                    assert price.meter is not None
                    await metering.ensure_meter(tx, self.tenant, price.meter, by=BY)
                made = await catalog.create_plan(
                    tx, self.tenant, name=plan.key, key=plan.key, terms=terms_of(plan), rank=plan.rank, by=BY
                )
                self._plans[plan.key] = made.id
        for name, zone in story.people.items():
            async with self._db.tx() as tx:
                made_account = await identity.create_account(tx, self.tenant, name=name, time_zone=zone)
                self._accounts[name] = made_account.account_id
                if story.money[name]:
                    await invoicing.add_credit(
                        tx,
                        self.tenant,
                        made_account.account_id,
                        story.currency[name],
                        story.money[name],
                        reason="Paid before",
                        by=BY,
                    )

    async def tell(self, story: Story, end: datetime) -> None:
        """Let it happen, the clock no further at once than a step."""
        await self._usage.start()
        try:
            for act in story.in_order():
                if act.who in self.failed:
                    continue
                await self._until(act.at)
                try:
                    await self.do(act)
                except Exception as error:  # one person's fault must not hide the others'
                    said = f"{act.at} {act.do} {act.args}: {type(error).__name__}: {error}"
                    self.failed[act.who] = said
            await self._until(end)
        finally:
            await self._usage.stop()

    def account(self, who: str) -> int:
        return self._accounts[who]

    async def do(self, act: Act) -> None:
        await getattr(self, act.do)(act.who, **act.args)

    async def _until(self, moment: datetime) -> None:
        while (now := await self.now()) < moment:
            target = min(moment, now + self._step)
            if self._rude:
                async with self._db.tx() as tx:
                    await identity.set_clock(tx, self.tenant, target - BEGIN)
                await sweep(self._db, rates_in_force)
            await clocks.advance(till_of(self._db), self.tenant, to=target, actor=BY)

    async def now(self) -> datetime:
        async with self._db.connection() as conn:
            return await views.now(conn, self.tenant)

    # What people do ------------------------------------------------------------------------------------

    async def subscribe(
        self, who: str, *, name: str, plan: Plan, start: datetime | None = None, trial: bool = True,
        calendar: bool = False,
    ) -> None:  # fmt: skip
        async with self._db.tx() as tx:
            made = await subscriptions.subscribe(
                tx, self.tenant, self._accounts[who], plan=self._plans[plan.key], rates=rates_in_force, by=BY,
                start=start, trial=trial, billing="calendar" if calendar else "anniversary",
            )  # fmt: skip
        self._named[who, name] = made.subscription.id

    async def use(
        self, who: str, *, metric: str, quantity: Fraction, used_at: datetime | None = None
    ) -> None:
        event = NewEvent(
            account=self._accounts[who], metric=metric, quantity=micro(quantity), at=used_at, event_id=None,
            metadata={}, subscription=None,
        )  # fmt: skip
        [said] = await self._usage.record(self.tenant, BY, [event])
        if isinstance(said, Fact) and not isinstance(said, InsufficientCredits):
            raise said

    async def spend(self, who: str, *, credit: str, amount: Fraction) -> None:
        debit = command.Debit(account=self._accounts[who], credit_type=credit, amount=micro(amount))
        async with self._db.tx() as tx:
            heads = await ledger.lock(tx, [debit.account])
            asked = command.order(debit, tenant=self.tenant, actor=BY)
            [said] = await ledger.apply(tx, heads, [asked], rates_in_force)
        if isinstance(said, Fact) and not isinstance(said, InsufficientCredits):
            raise said

    async def pay(self, who: str, *, name: str) -> None:
        account, subscription = self._accounts[who], self._named[who, name]
        async with self._db.connection() as conn:
            unpaid = await invoicing_views.unpaid(conn, account, subscription)
        for invoice in sorted(unpaid, key=lambda one: one.place):
            async with self._db.tx() as tx:
                await subscriptions.pay_invoice(
                    tx, self.tenant, account, invoice.id, rates=rates_in_force, by=BY
                )

    async def change(self, who: str, *, name: str, plan: Plan) -> None:
        await self._do(subscriptions.change, who, name, plan=self._plans[plan.key])

    async def keep_plan(self, who: str, *, name: str) -> None:
        await self._do(subscriptions.revoke_change, who, name)

    async def cancel(self, who: str, *, name: str, at_end: bool) -> None:
        await self._do(subscriptions.cancel, who, name, at_period_end=at_end)

    async def keep(self, who: str, *, name: str) -> None:
        await self._do(subscriptions.revoke_cancel, who, name)

    async def pause(self, who: str, *, name: str, resume_at: datetime | None = None) -> None:
        await self._do(subscriptions.pause, who, name, resume_at=resume_at)

    async def resume(self, who: str, *, name: str) -> None:
        await self._do(subscriptions.resume, who, name)

    async def _do(self, act: Any, who: str, name: str, **args: Any) -> None:
        async with self._db.tx() as tx:
            await act(
                tx, self.tenant, self._accounts[who], self._named[who, name], rates=rates_in_force, by=BY, **args
            )  # fmt: skip

    # What came of it -------------------------------------------------------------------------------------

    def books(self) -> dict[str, Books]:
        """Everybody's, straight from the tables."""
        found = {name: Books() for name in self._accounts}
        names = {account: name for name, account in self._accounts.items()}
        with psycopg.connect(self._db.url) as conn:
            conn.execute("set timezone to 'UTC'")
            subscriptions = {id: name for (_, name), id in self._named.items()}
            for account, subscription, status in self._rows(conn, _SUBSCRIPTIONS):
                found[names[account]].statuses[subscriptions[subscription]] = status
            bills: dict[UUID, Bill] = {}
            for account, id, subscription, *rest in self._rows(conn, _INVOICES):
                bills[id] = Bill(subscriptions[subscription], *rest)
                found[names[account]].bills.append(bills[id])
            for id, *line in self._rows(conn, _LINES):
                bills[id].lines.append(Line(*line))
            for account, *given in self._rows(conn, _GRANTS):
                found[names[account]].grants.append(Given(*given))
            for account, credit, posted in self._rows(conn, _WALLETS):
                found[names[account]].balances[credit] = posted
        for books in found.values():
            books.tidy()
        return found

    def _rows(self, conn: psycopg.Connection[Any], query: LiteralString) -> list[tuple[Any, ...]]:
        return conn.execute(query, {"tenant": self.tenant}).fetchall()


_SUBSCRIPTIONS: Final = """
    select account_id, id, status from subscription where tenant_id = %(tenant)s"""
_INVOICES: Final = """
    select account_id, id, subscription_id, reason, issued_at, status, total, credit_applied from invoice
    where tenant_id = %(tenant)s order by place"""
_LINES: Final = """
    select l.invoice_id, l.kind, l.component, l.amount, l.period_start, l.period_end
    from invoice_line l join invoice i using (account_id) where i.id = l.invoice_id and i.tenant_id = %(tenant)s"""
_GRANTS: Final = """
    select e.account_id, e.credit_type, e.effective_at, e.amount,
           (e.detail->'grant'->>'expires_at')::timestamptz
    from entry e join account_head h using (account_id) where h.tenant_id = %(tenant)s and e.kind = 'grant'"""
_WALLETS: Final = """
    select w.account_id, w.credit_type, w.posted
    from wallet w join account_head h using (account_id) where h.tenant_id = %(tenant)s"""
