"""A test tenant's clock: set ahead, it is what the ledger decides by; and what falls due is done by then."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from tallystick.db.pool import Database, value
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog import plans
from tallystick.domain.catalog.components import Component
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.terms import Allowance, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.clocks.actions import advance
from tallystick.domain.clocks.model import Advanced, Duration, parse_duration
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identity_views
from tallystick.domain.identity.model import App
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import jobs, views
from tallystick.domain.ledger.commands import order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer, Entry
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.ledger.verify import verify
from tallystick.domain.ledger.views import Span
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, KeyReused, NotFound
from tests import cast
from tests.doubles.till import till_of

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)
SLACK = timedelta(minutes=5)
"""Between two readings of a clock that runs."""


@dataclass
class Stage:
    """An app's two tenants, an account in each, and one set of lanes."""

    db: Database
    app: App
    lanes: Lanes
    live: int
    test: int

    async def do(self, asked: command.AnyCommand, key: str | None = None) -> Answer:
        tenant = self.app.test if asked.account == self.test else self.app.live
        return await self.lanes.submit(order(asked, tenant=tenant, actor="key:t", key=key))

    async def grant(self, account: int, amount: int, expires_at: datetime | None = None) -> Entry:
        asked = command.Grant(account=account, credit_type="credits", amount=amount, expires_at=expires_at)
        entry = (await self.do(asked)).entry
        assert entry is not None
        return entry

    async def debit(self, account: int, **said: Any) -> Entry:
        asked = command.Debit(account=account, credit_type="credits", **said)
        entry = (await self.do(asked)).entry
        assert entry is not None
        return entry

    async def advance(self, **how: Any) -> Advanced:
        return await advance(till_of(self.db), self.app.test, actor="key:t", **how)

    async def now(self, tenant: int) -> datetime:
        async with self.db.connection() as conn:
            return await identity_views.now(conn, tenant)

    async def posted(self, account: int) -> int:
        """What stands in the wallet's row, due or not."""
        async with self.db.connection() as conn:
            found = await value(conn, "select posted from wallet where account_id = %s", [account])
        return int(found or 0)


@pytest.fixture
async def stage(db: Database) -> AsyncIterator[Stage]:
    app = (await cast.first_app(db)).app
    accounts = [
        (await cast.make_account(db, tenant, external_id="acme")).account_id
        for tenant in (app.live, app.test)
    ]
    lanes = Lanes(db, rates_in_force)
    await lanes.start()
    try:
        yield Stage(db, app, lanes, *accounts)
    finally:
        await lanes.stop()
        assert (await verify(db)).faults == []


async def test_each_tenant_has_its_own_time(stage: Stage) -> None:
    real = datetime.now(UTC)
    done = await stage.advance(by=Duration(exact=40 * DAY))
    assert done.after - done.before == 40 * DAY
    assert real - SLACK < await stage.now(stage.app.live) < real + SLACK
    assert done.after <= await stage.now(stage.app.test) < done.after + SLACK
    with pytest.raises(NotFound):
        await stage.now(999)


async def test_the_ledger_decides_by_the_tenants_time(stage: Stage) -> None:
    tomorrow = datetime.now(UTC) + DAY
    for account in (stage.live, stage.test):
        await stage.grant(account, 100, tomorrow)
        await stage.grant(account, 5)
    async with stage.db.tx() as tx:
        await identity.set_clock(tx, stage.app.test, 2 * DAY)
    both = await asyncio.gather(
        stage.debit(stage.live, amount=50), stage.debit(stage.test, amount=50), return_exceptions=True
    )
    assert isinstance(both[0], Entry)
    assert isinstance(both[1], InsufficientCredits)
    late = await stage.debit(stage.test, amount=1)
    assert late.effective_at > tomorrow
    assert late.posted_after == 4
    with pytest.raises(Invalid):
        await stage.grant(stage.test, 1, tomorrow)


async def test_what_is_read_is_of_the_tenants_time(stage: Stage) -> None:
    tomorrow = datetime.now(UTC) + DAY
    for account in (stage.live, stage.test):
        await stage.grant(account, 100, tomorrow)
    async with stage.db.tx() as tx:
        await identity.set_clock(tx, stage.app.test, 2 * DAY)
    reader = BalanceReader(stage.db)
    await reader.start()
    try:
        live, test = await asyncio.gather(
            reader.balances(stage.app.live, stage.live), reader.balances(stage.app.test, stage.test)
        )
    finally:
        await reader.stop()
    assert [wallet.posted for wallet in live.wallets] == [100]
    assert [wallet.posted for wallet in test.wallets] == [0]
    assert test.at > tomorrow > live.at
    _, page, at = await views.grants(stage.db, stage.app.test, stage.test, Span(), limit=5)
    assert [lot.remaining for lot in page.rows] == [0]
    assert at > tomorrow


async def test_prices_are_those_of_the_tenants_time(stage: Stage) -> None:
    soon = datetime.now(UTC) + DAY
    for tenant in (stage.app.live, stage.app.test):
        async with stage.db.tx() as tx:
            await catalog.put_rate_card(tx, tenant, rates=[Rate("sms", "credits", 1)], by="t")
            await catalog.put_rate_card(
                tx, tenant, rates=[Rate("sms", "credits", 3)], by="t", effective_at=soon
            )
    for account in (stage.live, stage.test):
        await stage.grant(account, 1000)
    async with stage.db.tx() as tx:
        await identity.set_clock(tx, stage.app.test, 2 * DAY)
    live, test = await asyncio.gather(
        *(stage.debit(account, operation="sms", quantity=2_000_000) for account in (stage.live, stage.test))
    )
    assert (live.amount, test.amount) == (-2, -6)


async def test_moving_the_clock_ends_what_is_due_by_then_and_tells(stage: Stage) -> None:
    real = datetime.now(UTC)
    for day in (3, 1, 2, 9):
        await stage.grant(stage.test, day, real + day * DAY)
    await stage.grant(stage.live, 7, real + DAY)
    done = await stage.advance(by=Duration(exact=5 * DAY))
    assert await stage.posted(stage.test) == 9
    assert await stage.posted(stage.live) == 7
    assert done.counts == {"credits.expired": 3}
    assert [row.at for row in done.happened] == [real + day * DAY for day in (1, 2, 3)]
    assert {row.account_id for row in done.happened} == {stage.test}
    assert not done.unfinished
    again = await stage.advance(to=done.after + 5 * DAY)
    assert again.counts == {"credits.expired": 1}
    assert (await stage.advance(by=Duration())).counts == {}


async def test_a_clock_is_moved_forward_only_and_in_test_mode_only(stage: Stage) -> None:
    with pytest.raises(Conflict) as refused:
        await advance(till_of(stage.db), stage.app.live, by=Duration(exact=DAY), actor="key:t")
    assert refused.value.code == "live_clock"
    now = await stage.now(stage.app.test)
    for how in (
        {"to": now - DAY},
        {"to": now + 3700 * DAY},
        {"by": Duration(months=200)},
        {"by": Duration(months=10**5)},
        {},
        {"to": now + DAY, "by": Duration(exact=DAY)},
    ):
        with pytest.raises(Invalid):
            await stage.advance(**how)
    with pytest.raises(NotFound):
        await advance(till_of(stage.db), 999, by=Duration(exact=DAY), actor="key:t")
    async with stage.db.tx() as tx:
        with pytest.raises(Conflict):
            await identity.set_clock(tx, stage.app.live, DAY)
        with pytest.raises(Invalid):
            await identity.set_clock(tx, stage.app.test, -DAY)
    for _ in range(10):
        await stage.advance(by=Duration(months=119))
    with pytest.raises(Invalid):
        await stage.advance(by=Duration(months=119))


async def test_it_is_audited(stage: Stage) -> None:
    done = await stage.advance(by=parse_duration("P1M"))
    async with stage.db.connection() as conn:
        entry = (await identity_views.audit_log(conn, stage.app.test)).rows[0]
    assert (entry.actor, entry.action, entry.target) == ("key:t", "clock.advance", "clock")
    assert datetime.fromisoformat(entry.details["to"]) == done.after


async def test_a_year_of_a_subscription_is_led_through(stage: Stage) -> None:
    terms = Terms(
        interval="monthly",
        currency="USD",
        components=(Component(key="base", name="Base", kind="flat", amount=1000),),
        allowances=(Allowance(credit_type="credits", amount=50, reset="monthly"),),
    )
    async with stage.db.tx() as tx:
        plan = await plans.create_plan(tx, stage.app.test, name="Pro", terms=terms, by="t")
        begun = await subscriptions.subscribe(
            tx, stage.app.test, stage.test, plan=plan.id, rates=rates_in_force, by="t"
        )
        assert begun.invoice is not None
        await subscriptions.pay_invoice(
            tx, stage.app.test, stage.test, begun.invoice.id, rates=rates_in_force, by="t"
        )
    month = await stage.advance(by=parse_duration("P1M"))
    assert month.counts["subscription.renewed"] == 1
    assert month.counts["invoice.issued"] == 1
    assert month.counts["credits.expired"] == 1
    assert [row.at for row in month.happened] == sorted(row.at for row in month.happened)
    assert {row.subscription for row in month.happened} - {None} == {begun.subscription.id}
    assert await stage.posted(stage.test) == 50
    # nobody pays any more: the plan's credits are withdrawn, and in the end it is over
    rest = await stage.advance(by=parse_duration("P1Y"))
    assert rest.counts["subscription.ended"] == 1
    assert not rest.unfinished
    assert await stage.posted(stage.test) == 0


async def test_many_at_once_go_one_after_the_other(stage: Stage) -> None:
    start = await stage.now(stage.app.test)
    done = await asyncio.gather(*(stage.advance(by=Duration(exact=DAY)) for _ in range(6)))
    moves = sorted((one.before, one.after) for one in done)
    for (_, earlier), (later, _) in pairwise(moves):
        assert later >= earlier
    assert start + 6 * DAY <= moves[-1][1] < start + 6 * DAY + SLACK


async def test_what_somebody_holds_is_waited_for(stage: Stage) -> None:
    await stage.grant(stage.test, 10, datetime.now(UTC) + DAY)
    async with stage.db.tx() as holder:
        await ledger.lock(holder, [stage.test])
        moving = asyncio.create_task(stage.advance(by=Duration(exact=2 * DAY)))
        done, _ = await asyncio.wait([moving], timeout=0.5)
        assert not done
    told = await moving
    assert told.counts == {"credits.expired": 1}
    assert await stage.posted(stage.test) == 0


async def test_the_sweeper_leaves_a_tenant_to_who_moves_its_clock(stage: Stage) -> None:
    await stage.grant(stage.test, 10, datetime.now(UTC) + DAY)
    async with stage.db.tx() as tx:
        await identity.set_clock(tx, stage.app.test, 2 * DAY)
    async with stage.db.tx() as guard:
        await value(guard, "select pg_advisory_xact_lock(1668049003, %s)", [stage.app.test])
        assert await jobs.sweep(stage.db, rates_in_force) == 0
        assert await stage.posted(stage.test) == 10
    assert await jobs.sweep(stage.db, rates_in_force) == 1
    assert await stage.posted(stage.test) == 0


async def test_a_late_grant_by_a_key_that_says_what_it_is_for(stage: Stage) -> None:
    start = await stage.now(stage.app.test)
    await stage.advance(by=Duration(exact=90 * DAY))

    def late(amount: int, month: int) -> command.Grant:
        return command.Grant(
            account=stage.test,
            credit_type="credits",
            amount=amount,
            source="plan",
            expires_at=start + (month + 1) * 30 * DAY,
            effective_at=start + month * 30 * DAY,
        )

    async def give(asked: command.Grant, key: str) -> ledger.Result:
        async with stage.db.tx() as tx:
            heads = await ledger.lock(tx, [stage.test])
            one = order(asked, tenant=stage.app.test, actor="system", server_key=key)
            [result] = await ledger.apply(tx, heads, [one], rates_in_force)
        return result

    for month in range(4):
        first = await give(late(10, month), f"alw:{month}")
        again = await give(late(10, month), f"alw:{month}")
        assert isinstance(first, Answer)
        assert isinstance(again, Answer)
        assert (first.replayed, again.replayed) == (False, True)
        assert first.entry == again.entry
        assert first.entry is not None
        assert first.entry.effective_at == start + month * 30 * DAY
    assert isinstance(await give(late(11, 1), "alw:1"), KeyReused)
    await stage.advance(by=Duration())
    assert await stage.posted(stage.test) == 10
    # a client's key of the same text is another
    client = command.Grant(account=stage.test, credit_type="credits", amount=1)
    assert not (await stage.do(client, "alw:1")).replayed


async def test_a_decline_is_not_kept_under_a_key_of_the_servers(stage: Stage) -> None:
    asked = command.Debit(account=stage.test, credit_type="credits", amount=5)
    one = order(asked, tenant=stage.app.test, actor="system", server_key="usage:1")
    with pytest.raises(InsufficientCredits):
        await stage.lanes.submit(one)
    await stage.grant(stage.test, 5)
    answer = await stage.lanes.submit(one)
    assert not answer.replayed
    assert (await stage.lanes.submit(one)).replayed
