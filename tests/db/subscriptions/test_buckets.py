"""Buckets on a real PostgreSQL: they add up after anything, and what is remembered is what is read anew."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer, Entry
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.subscriptions.buckets import Bucket, Buckets
from tallystick.kernel.errors import Fact, NotFound

from .shop import BEGIN, CREDIT, DAY, Shop

pytestmark = pytest.mark.anyio

A, B = "credits", "api_calls"


@asynccontextmanager
async def desk(shop: Shop) -> AsyncIterator[tuple[Lanes, BalanceReader]]:
    lanes, balances = Lanes(shop.db, rates_in_force), BalanceReader(shop.db)
    await lanes.start()
    await balances.start()
    try:
        yield lanes, balances
    finally:
        await lanes.stop()
        await balances.stop()


def parts(one: Bucket) -> tuple[int, int, int, int, int, int]:
    return one.allocated, one.purchased, one.bonus, one.consumed, one.held, one.available


def adds_up(one: Bucket) -> None:
    assert one.available == one.allocated + one.purchased + one.bonus - one.consumed - one.held
    assert min(one.allocated, one.purchased, one.bonus) >= 0


async def grant(shop: Shop, account: int, credits: int, source: Any = "purchase", **more: Any) -> Entry:
    asked = command.Grant(account=account, credit_type=A, amount=credits * CREDIT, source=source, **more)
    made = await shop.order(asked)
    assert isinstance(made, Answer)
    assert made.entry is not None
    return made.entry


async def test_periods_of_each_kind(shop: Shop) -> None:
    account = await shop.customer(time_zone="Africa/Kampala")
    async with desk(shop) as (lanes, balances):
        buckets = Buckets(shop.db, lanes, balances)
        await grant(shop, account, 5)
        one = await buckets.one(shop.tenant, account, A)
        assert (one.period_start.isoformat(), str(one.period_end)) == (
            "2026-12-31T21:00:00+00:00", "2027-01-31 21:00:00+00:00",
        )  # fmt: skip
        weekly = Allowance(credit_type=A, amount=10 * CREDIT, reset="weekly")
        async with shop.tx() as tx:
            await catalog.put_credit_type(tx, shop.tenant, code="once", name="Once", by="test")
        never = Allowance(credit_type="once", amount=3 * CREDIT, reset="never")
        plan = await shop.plan("Pro", allowances=(weekly, never))
        row = await shop.subscribe(account, plan)
        week, once, other = [await buckets.one(shop.tenant, account, code) for code in (A, "once", "none")]
        assert (week.period_start, week.period_end) == (BEGIN, BEGIN + 7 * DAY)
        assert (once.period_start, once.period_end) == (BEGIN, None)
        assert (other.period_start, other.period_end) == (row.period_start, row.period_end)
        assert parts(week) == (10, 5, 0, 0, 0, 15)
        assert parts(once) == (3, 0, 0, 0, 0, 3)
        assert parts(other) == (0, 0, 0, 0, 0, 0)
        assert [one.credit_type for one in await buckets.of(shop.tenant, account)] == [A, "once"]


async def test_a_reset_that_nobody_has_done_yet(shop: Shop) -> None:
    account = await shop.customer()
    plan = await shop.plan("Pro", allowances=(Allowance(credit_type=A, amount=10 * CREDIT, reset="weekly"),))
    await shop.subscribe(account, plan)
    async with desk(shop) as (lanes, balances):
        buckets = Buckets(shop.db, lanes, balances)
        await shop.spend(account, 4)
        assert parts(await buckets.one(shop.tenant, account, A)) == (10, 0, 0, 4, 0, 6)
        await shop.set_time(BEGIN + 8 * DAY)
        one = await buckets.one(shop.tenant, account, A)
        assert parts(one) == (10, 0, 0, 0, 0, 10)
        assert one.period_start == BEGIN + 7 * DAY


async def test_a_hold_that_expired_and_was_used(shop: Shop) -> None:
    account = await shop.customer()
    await grant(shop, account, 100)
    asked = command.Hold(
        account=account, credit_type=A, amount=40 * CREDIT, expires_in=60, on_expiry="capture_reported"
    )
    made = await shop.order(asked)
    assert isinstance(made, Answer)
    await shop.order(command.Report(account=account, hold=made.facts["hold"], amount=15 * CREDIT))
    async with desk(shop) as (lanes, balances):
        buckets = Buckets(shop.db, lanes, balances)
        assert parts(await buckets.one(shop.tenant, account, A)) == (0, 100, 0, 0, 40, 60)
        await shop.set_time(BEGIN + timedelta(minutes=2))
        assert parts(await buckets.one(shop.tenant, account, A)) == (0, 100, 0, 15, 0, 85)


async def test_another_tenants(shop: Shop) -> None:
    account = await shop.customer()
    async with desk(shop) as (lanes, balances):
        buckets = Buckets(shop.db, lanes, balances)
        with pytest.raises(NotFound):
            await buckets.of(shop.tenant + 1000, account)
        with pytest.raises(NotFound):
            await buckets.one(shop.tenant, 2**40, A)


@pytest.mark.parametrize("seed", range(6))
async def test_any_history_adds_up_and_is_remembered_as_it_is_read(shop: Shop, seed: int) -> None:
    """Random commands with fractions, transfers, holds, reversals, overdrafts and time; after each the bucket from
    memory is the one that is read anew, and `after` what was answered first."""
    random_ = random.Random(seed)
    account, other = await shop.customer(), await shop.customer()
    if seed % 2:
        allowance = Allowance(credit_type=A, amount=10_500_000, reset="weekly")
        await shop.subscribe(account, await shop.plan("Pro", allowances=(allowance,)))
    posted: list[Entry] = []
    holds: list[int] = []
    answered: list[tuple[Entry, Bucket]] = []

    def amount(most: int = 9) -> int:
        return random_.choice((CREDIT, 3 * CREDIT, 400_000, random_.randint(1, most * CREDIT)))

    def some() -> int:
        return random_.choice(posted).seq if posted else 1

    def made() -> command.AnyCommand:
        sources: tuple[command.Source, ...] = ("purchase", "bonus", "promo")
        source = random_.choice(sources)
        due = BEGIN + timedelta(days=random_.randint(1, 90)) if random_.random() < 0.4 else None
        choices: list[Callable[[], command.AnyCommand]] = [
            lambda: command.Grant(
                account=account, credit_type=A, amount=amount(), source=source, expires_at=due
            ),
            lambda: command.Debit(account=account, credit_type=A, amount=amount(4), operation="x"),
            lambda: command.Debit(account=account, credit_type=A, amount=amount(4)),
            lambda: command.Hold(account=account, credit_type=A, amount=amount(3), expires_in=90_000),
            lambda: command.Capture(
                account=account, hold=random_.choice(holds or [1]), amount=amount(2), overage="debit"
            ),
            lambda: command.Release(account=account, hold=random_.choice(holds or [1])),
            lambda: command.Reverse(account=account, entry=some(), reason="r"),
            lambda: command.Reverse(account=account, entry=some(), amount=amount(2), reason="r"),
            lambda: command.Refund(account=account, grant=some(), amount=amount(3), reason="r"),
            lambda: command.Transfer(account=account, to=other, credit_type=A, amount=amount(3)),
            lambda: command.Transfer(account=other, to=account, credit_type=A, amount=amount(2)),
            lambda: command.Adjust(
                account=account, credit_type=A, direction="debit", amount=amount(3), reason="r"
            ),
            lambda: command.Adjust(
                account=account, credit_type=A, direction="credit", amount=amount(3), reason="r"
            ),
            lambda: command.SetOverdraft(account=account, credit_type=A, overdraft=amount(9)),
            lambda: command.Grant(account=account, credit_type=B, amount=amount(), source="bonus"),
            lambda: command.Debit(account=account, credit_type=B, amount=amount(4)),
        ]
        return random_.choice(choices)()

    async with desk(shop) as (lanes, balances):
        known = Buckets(shop.db, lanes, balances)
        moment = BEGIN
        for _ in range(80):
            if random_.random() < 0.06:
                moment += timedelta(days=random_.randint(1, 12))
                await shop.set_time(moment)
            asked = command.order(made(), tenant=shop.tenant, actor="test")
            done = await tried(lanes.submit(asked))
            if done is None:
                continue
            if done.kind == "hold":
                holds.append(done.facts["hold"])
            entry = done.entry
            if entry is not None and entry.account == account:
                posted.append(entry)
                bucket = await known.after(shop.tenant, account, entry)
                adds_up(bucket)
                assert bucket.available == (entry.posted_after - entry.held_after) // CREDIT
                answered.append((entry, bucket))
            if random_.random() < 0.3:
                fresh = Buckets(shop.db, lanes, balances)
                now = await known.of(shop.tenant, account)
                assert now == await fresh.of(shop.tenant, account)
                for one in now:
                    adds_up(one)
        fresh = Buckets(shop.db, lanes, balances)
        for entry, bucket in random_.sample(answered, min(len(answered), 12)):
            again = await fresh.after(shop.tenant, account, entry)
            assert again == bucket == await known.after(shop.tenant, account, entry)


async def tried(work: Awaitable[Answer]) -> Answer | None:
    try:
        return await work
    except Fact:
        return None


async def test_many_at_once_in_any_order(shop: Shop) -> None:
    """Asked for in whatever order, each entry has its own bucket."""
    account = await shop.customer()
    await grant(shop, account, 1000)
    async with desk(shop) as (lanes, balances):
        buckets = Buckets(shop.db, lanes, balances)
        orders = [
            command.order(
                command.Debit(account=account, credit_type=A, amount=CREDIT), tenant=shop.tenant, actor="test"
            )
            for _ in range(64)
        ]
        answers = await asyncio.gather(*(lanes.submit(one) for one in orders))
        entries = [answer.entry for answer in answers if answer.entry is not None]
        random.Random(1).shuffle(entries)
        found = await asyncio.gather(*(buckets.after(shop.tenant, account, entry) for entry in entries))
        for entry, bucket in zip(entries, found, strict=True):
            assert bucket.consumed == entry.seq - 1
            assert bucket.available == 1001 - entry.seq
