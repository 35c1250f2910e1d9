"""Watched wallets: a signal is there exactly when a commit took the wallet from a threshold or above to below it."""

import asyncio
import random
from datetime import UTC, datetime, timedelta

import pytest
from psycopg import Rollback

from tallystick.domain.ledger import actions, watching
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.model import Answer, Signal

from .conftest import Timed
from .driver import CREDITS, Ledger, another, debit, rates, running, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


async def watch(ledger: Ledger, account: int, *thresholds: int, credit_type: str = CREDITS) -> None:
    async with ledger.db.tx() as tx:
        await actions.lock(tx, [account])
        await watching.watch(tx, ledger.tenant, account, credit_type, thresholds, at=NOON)


async def take(ledger: Ledger, tenant: int | None = None) -> list[Signal]:
    async with ledger.db.tx() as tx:
        return [signal for _, rows in await watching.take_signals(tx, tenant=tenant) for signal in rows]


async def crossed(ledger: Ledger) -> dict[int, list[int]]:
    """The thresholds of each account, taken."""
    return {signal.account: sorted(signal.crossed) for signal in await take(ledger)}


async def test_a_debit_below_a_threshold_is_signalled_once(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await watch(ledger, account, 50)
    await ledger.debit(account, 50)
    assert await take(ledger) == []
    entry = await ledger.debit(account, 1)
    assert await take(ledger) == [Signal(account, CREDITS, entry.effective_at, 49, [50])]
    await ledger.debit(account, 1)
    assert await take(ledger) == []
    await ledger.grant(account, 2)
    await ledger.debit(account, 1)
    assert await crossed(ledger) == {account: [50]}


async def test_every_way_down_is_signalled(ledger: Ledger) -> None:
    giver, taker = await ledger.accounts(2, 100)
    await watch(ledger, giver, 60)
    hold = await ledger.hold(giver, 41)
    assert await crossed(ledger) == {giver: [60]}
    await ledger.do(command.Release(account=giver, hold=hold))
    await ledger.do(transfer(giver, taker, 41))
    assert await crossed(ledger) == {giver: [60]}
    await ledger.grant(giver, 41)
    await ledger.do(
        command.Adjust(account=giver, credit_type=CREDITS, amount=41, direction="debit", reason="x")
    )
    assert await crossed(ledger) == {giver: [60]}
    await ledger.grant(giver, 41)
    hold = await ledger.hold(giver, 10)
    assert await crossed(ledger) == {}
    await ledger.do(command.Capture(account=giver, hold=hold, amount=45, final=True, overage="debit"))
    assert await crossed(ledger) == {giver: [60]}


async def test_what_expires_is_signalled_when_it_is_swept(timed: Timed) -> None:
    ledger = timed.ledger
    await timed.clock.stand(NOON)
    account = await ledger.account()
    await ledger.grant(account, 100, expires_at=NOON + timedelta(hours=1))
    await watch(ledger, account, 10)
    await timed.clock.stand(NOON + timedelta(hours=2))
    async with ledger.db.tx() as tx:
        assert await actions.end_due(tx, rates) == 1
    assert await take(ledger) == [Signal(account, CREDITS, NOON + timedelta(hours=1), 0, [10])]


async def test_a_commit_that_ends_above_says_nothing(ledger: Ledger) -> None:
    """Within one commit a wallet may be low for a moment that nobody can see."""
    account = await ledger.account(100)
    await watch(ledger, account, 50)
    orders = [
        ledger.order(debit(account, 90)),
        ledger.order(command.Grant(account=account, credit_type=CREDITS, amount=90)),
    ]
    assert all(isinstance(one, Answer) for one in await ledger.lanes.submit_batch(orders, atomic=True))
    assert await take(ledger) == []


async def test_what_nobody_took_is_told_together(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await watch(ledger, account, 20, 50)
    await ledger.debit(account, 60)
    entry = await ledger.debit(account, 30)
    [signal] = await take(ledger)
    assert (signal.at, signal.available, sorted(signal.crossed)) == (entry.effective_at, 10, [20, 50])


async def test_watching_a_wallet_that_is_low_is_signalled_at_once(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await watch(ledger, account, 50, 150)
    assert await take(ledger) == [Signal(account, CREDITS, NOON, 100, [150])]
    await watch(ledger, account, 150)
    await watch(ledger, account)
    await ledger.debit(account, 90)
    assert await take(ledger) == []


async def test_a_wallet_that_is_not_there_yet_can_be_watched(ledger: Ledger) -> None:
    account = await ledger.account()
    await watch(ledger, account, 5, credit_type="api_calls")
    assert await crossed(ledger) == {account: [5]}
    await ledger.grant(account, 9, credit_type="api_calls")
    await ledger.debit(account, 5, credit_type="api_calls")
    assert await crossed(ledger) == {account: [5]}


async def test_overdraft_does_not_count(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await ledger.overdraft(account, 1000)
    await watch(ledger, account, 1)
    await ledger.debit(account, 100)
    assert await crossed(ledger) == {account: [1]}


async def test_a_tenant_takes_its_own_and_a_rollback_gives_back(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await watch(ledger, account, 50)
    await ledger.debit(account, 60)
    assert await take(ledger, tenant=ledger.tenant + 1) == []
    async with ledger.db.tx() as tx:
        assert await watching.take_signals(tx, tenant=ledger.tenant)
        raise Rollback
    async with ledger.db.connection() as conn:
        assert await watching.signalled(conn, ledger.tenant)
        assert not await watching.signalled(conn, ledger.tenant + 1)
    assert len(await take(ledger, tenant=ledger.tenant)) == 1


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 20))]
)
async def test_random_histories_signal_exactly_the_crossings(ledger: Ledger, seed: int) -> None:
    """One command a commit: after each the signals are what the wallets' rows, before and after, say."""
    chance = random.Random(seed)
    accounts = await ledger.accounts(2, 100)
    thresholds = {account: chance.sample(range(1, 130), 3) for account in accounts}
    for account in accounts:
        await watch(ledger, account, *thresholds[account])
    await take(ledger)
    holds: dict[int, list[int]] = {account: [] for account in accounts}
    for _ in range(60):
        before = {account: await _own(ledger, account) for account in accounts}
        account, other = chance.sample(accounts, 2)
        result = await ledger.ask(_any(chance, account, other, holds[account]))
        if isinstance(result, Answer) and result.kind == "hold":
            holds[account].append(result.facts["hold"])
        after = {account: await _own(ledger, account) for account in accounts}
        said = {
            account: [t for t in sorted(thresholds[account]) if after[account] < t <= before[account]]
            for account in accounts
        }
        assert await crossed(ledger) == {account: rows for account, rows in said.items() if rows}


def _any(chance: random.Random, account: int, other: int, holds: list[int]) -> command.AnyCommand:
    amount = chance.randint(1, 60)
    hold = chance.choice(holds) if holds else 1
    asked: list[command.AnyCommand] = [
        debit(account, amount),
        debit(account, amount),
        transfer(account, other, amount),
        command.Grant(account=account, credit_type=CREDITS, amount=amount),
        command.Hold(account=account, credit_type=CREDITS, amount=amount, expires_in=3600),
        command.Capture(account=account, hold=hold, amount=amount, overage="debit"),
        command.Release(account=account, hold=hold),
    ]
    return chance.choice(asked)


async def _own(ledger: Ledger, account: int) -> int:
    posted, held, _ = await ledger.wallet(account)
    return posted - held


async def test_debits_at_once_by_two_processes_cross_each_threshold_once(ledger: Ledger) -> None:
    accounts = await ledger.accounts(4, 100)
    for account in accounts:
        await watch(ledger, account, 10, 50, 90)
    told: dict[tuple[int, int], int] = {}
    done = asyncio.Event()

    async def listen() -> None:
        while True:
            last = done.is_set()
            for signal in await take(ledger):
                for threshold in signal.crossed:
                    told[signal.account, threshold] = told.get((signal.account, threshold), 0) + 1
            if last:
                return
            await asyncio.sleep(0.001)

    async def spend() -> None:
        async with another(ledger.url) as db, running(db) as lanes:
            asked: list[asyncio.Task[Result]] = []
            for n in range(200):
                one = debit(accounts[n % 4], 1)
                asked.append(asyncio.create_task(ledger.ask(one, lanes=(lanes, ledger.lanes)[n // 4 % 2])))
            await asyncio.gather(*asked)
            done.set()

    await asyncio.gather(spend(), listen(), listen())
    assert told == {(account, threshold): 1 for account in accounts for threshold in (90,)}
    assert {(await ledger.wallet(account))[0] for account in accounts} == {50}
    for account in accounts:
        await ledger.debit(account, 45)
    assert await crossed(ledger) == {account: [10, 50] for account in accounts}
