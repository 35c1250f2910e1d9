"""Many at once: never below the limit, nothing lost, nothing twice; and who holds an account delays it alone."""

import asyncio
import contextlib
import os
import random
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.ledger import actions, jobs
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.errors import Busy, Conflict, Fact, InsufficientCredits, NotFound

from .driver import CREDITS, Ledger, another, debit, entry_of, rates, running, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]


@pytest.fixture
def chance() -> random.Random:
    """Randomness that a failure can be repeated with: TALLYSTICK_SEED."""
    seed = int(os.environ.get("TALLYSTICK_SEED", time.time_ns() % 1_000_000))
    print(f"TALLYSTICK_SEED={seed}")  # noqa: T201
    return random.Random(seed)


async def test_64_clients_ask_for_twice_what_is_there(ledger: Ledger) -> None:
    account = await ledger.account(10_000)

    async def client(asks: int) -> list[Result]:
        return [await ledger.ask(debit(account, 1)) for _ in range(asks)]

    asks = [20_000 // 64 + (n < 20_000 % 64) for n in range(64)]
    results = [result for lot in await asyncio.gather(*map(client, asks)) for result in lot]
    given = [entry_of(result) for result in results if isinstance(result, Answer)]
    assert len(results) == 20_000
    assert sorted(entry.posted_after for entry in given) == list(range(10_000))
    assert all(isinstance(one, InsufficientCredits) for one in results if not isinstance(one, Answer))
    assert await ledger.wallet(account) == (0, 0, 0)


async def test_each_is_decided_by_what_those_before_it_left(ledger: Ledger) -> None:
    account = await ledger.account(100)
    big, small = await asyncio.gather(ledger.ask(debit(account, 150)), ledger.ask(debit(account, 40)))
    assert isinstance(big, InsufficientCredits)
    assert entry_of(small).posted_after == 60
    [first, second] = await ledger.lanes.submit_batch([ledger.order(debit(account, n)) for n in (150, 40)])
    assert isinstance(first, InsufficientCredits)
    assert entry_of(second).posted_after == 20


async def test_two_first_writes_to_a_wallet_at_once(ledger: Ledger) -> None:
    accounts = await ledger.accounts(30)
    first = command.Grant(account=0, credit_type=CREDITS, amount=10)
    async with another(ledger.url) as db, running(db) as elsewhere:
        for account in accounts:
            asked = command.Grant(account=account, credit_type=CREDITS, amount=first.amount)
            both = await asyncio.gather(
                *[ledger.ask(asked, None, lanes) for lanes in (ledger.lanes, elsewhere)]
            )
            assert sorted(entry_of(result).posted_after for result in both) == [10, 20]


async def test_two_processes_on_the_same_accounts(ledger: Ledger, chance: random.Random) -> None:
    """Debits, grants and transfers both ways, from two lanes in each of two processes."""
    accounts = await ledger.accounts(4, 2_000)
    async with another(ledger.url) as db, running(db, lanes=2) as elsewhere:
        asks: list[tuple[AnyCommand, Lanes]] = []
        for _ in range(600):
            one, other = chance.sample(accounts, 2)
            choices: list[AnyCommand] = [
                debit(one, 3),
                command.Grant(account=one, credit_type=CREDITS, amount=3),
                transfer(one, other, 5),
            ]
            asks.append((chance.choice(choices), chance.choice([ledger.lanes, elsewhere])))
        results = await asyncio.gather(*[ledger.ask(asked, None, lanes) for asked, lanes in asks])
    assert all(isinstance(result, Answer) for result in results), {str(r) for r in results}
    given = 8_000 + sum({command.Debit: -3, command.Grant: 3}.get(type(asked), 0) for asked, _ in asks)
    assert sum([(await ledger.wallet(account))[0] for account in accounts]) == given


async def test_everything_at_once_never_goes_below_the_limit(ledger: Ledger, chance: random.Random) -> None:
    account = await ledger.account()
    await ledger.overdraft(account, 500)
    await ledger.grant(account, 3_000, source="purchase", paid_minor=100, currency="USD")
    ends = datetime.now(UTC) + timedelta(seconds=1.5)
    for n in range(5):
        await ledger.grant(account, 400, expires_at=ends - timedelta(milliseconds=200 * n))
    outcomes: list[Result] = []

    async def client(lanes: Lanes) -> None:
        while datetime.now(UTC) < ends + timedelta(seconds=0.5):
            outcomes.extend(await one_turn(ledger, account, lanes, chance))

    async with another(ledger.url) as db, running(db) as elsewhere, asyncio.TaskGroup() as tasks:
        for n in range(16):
            tasks.create_task(client((ledger.lanes, elsewhere)[n % 2]))
        tasks.create_task(sweep_and_check(ledger, account, ends))
    assert all(isinstance(one, Answer | InsufficientCredits | Conflict) for one in outcomes)
    assert len({type(one) for one in outcomes}) > 1


async def one_turn(ledger: Ledger, account: int, lanes: Lanes, chance: random.Random) -> list[Result]:
    match chance.randrange(4):
        case 0:
            return [await ledger.ask(debit(account, chance.randint(1, 60)), None, lanes)]
        case 1:
            asked = command.Hold(
                account=account, credit_type=CREDITS, amount=chance.randint(1, 90), expires_in=1
            )
            held = await ledger.ask(asked, None, lanes)
            if not isinstance(held, Answer):
                return [held]
            capture = command.Capture(
                account=account,
                hold=held.facts["hold"],
                amount=chance.randint(1, 90),
                final=True,
                overage="debit",
            )
            return [held, await ledger.ask(capture, None, lanes)]
        case 2:
            return [await ledger.ask(command.Refund(account=account, grant=1, amount=20), None, lanes)]
        case _:
            spent = await ledger.ask(debit(account, 30), None, lanes)
            if not isinstance(spent, Answer):
                return [spent]
            undo = command.Reverse(account=account, entry=entry_of(spent).seq, amount=chance.randint(1, 30))
            return [spent, *await asyncio.gather(*[ledger.ask(undo, None, lanes) for _ in range(2)])]


async def sweep_and_check(ledger: Ledger, account: int, ends: datetime) -> None:
    while datetime.now(UTC) < ends + timedelta(seconds=0.5):
        await jobs.sweep(ledger.db, rates)
        posted, held, _ = await ledger.wallet(account)
        assert posted - held >= -500
        assert (await ledger.verify()).faults == []
        await asyncio.sleep(0.1)


# Who holds an account ----------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def held(ledger: Ledger, accounts: list[int]) -> AsyncIterator[None]:
    """Another part's transaction has the heads of these accounts."""
    async with ledger.db.tx() as tx:
        assert len(await actions.lock(tx, accounts)) == len(accounts)
        yield


async def timed_ask(ledger: Ledger, asked: AnyCommand) -> tuple[float, Result]:
    began = time.monotonic()
    result = await ledger.ask(asked)
    return time.monotonic() - began, result


@pytest.mark.parametrize("seconds", [1.5, pytest.param(5, marks=pytest.mark.long)])
async def test_who_holds_accounts_delays_them_alone(ledger: Ledger, seconds: float) -> None:
    """More accounts than the waiting room has places: those that are free are not delayed by them either."""
    taken, free = await ledger.accounts(12, 100), await ledger.accounts(4, 10_000)
    waits = []
    async with held(ledger, taken):
        blocked = [
            asyncio.create_task(timed_ask(ledger, debit(account, 1))) for account in taken for _ in "12"
        ]
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            waits += await asyncio.gather(*[timed_ask(ledger, debit(account, 1)) for account in free])
            await asyncio.sleep(0.02)
        assert not any(task.done() for task in blocked)
    assert all(isinstance(result, Answer) for _, result in waits)
    assert max(wait for wait, _ in waits) < seconds  # none waited until the others were let go
    late = await asyncio.gather(*blocked)
    assert all(isinstance(result, Answer) for _, result in late)
    assert max(wait for wait, _ in late) < seconds + 10
    assert [await ledger.wallet(account) for account in taken] == [(98, 0, 0)] * 12


async def test_a_short_lock_is_not_made_long_by_others(ledger: Ledger) -> None:
    taken, brief = await ledger.accounts(12, 100), await ledger.account(100)
    async with held(ledger, taken):
        blocked = [asyncio.create_task(ledger.ask(debit(account, 1))) for account in taken]
        await asyncio.sleep(0.2)
        async with held(ledger, [brief]):
            waiting = asyncio.create_task(timed_ask(ledger, debit(brief, 1)))
            await asyncio.sleep(0.2)
            assert not waiting.done()
        wait, result = await waiting
        assert isinstance(result, Answer)
        assert wait < 0.7
        wait, result = await timed_ask(ledger, debit(brief, 1))
        assert wait < 1.5
    assert all(isinstance(result, Answer) for result in await asyncio.gather(*blocked))


async def test_a_transfer_to_a_held_account_does_not_hold_its_giver(ledger: Ledger) -> None:
    giver, receiver = await ledger.accounts(2, 100)
    waits = []
    async with held(ledger, [receiver]):
        sent = asyncio.create_task(ledger.ask(transfer(giver, receiver, 10)))
        for _ in range(20):
            await asyncio.sleep(0.05)
            waits.append(await timed_ask(ledger, debit(giver, 1)))
        assert not sent.done()
    assert max(wait for wait, _ in waits) < 1.5
    assert isinstance(await sent, Answer)
    assert await ledger.wallet(giver) == (70, 0, 0)
    assert await ledger.wallet(receiver) == (110, 0, 0)


async def test_an_account_that_stays_held_is_busy(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.domain.ledger.waiting_room.LOCK_TIMEOUT_MS", 400)
    taken = await ledger.accounts(10, 100)
    async with held(ledger, taken):
        asks: list[AnyCommand] = [*(debit(account, 1) for account in taken), transfer(taken[0], taken[1], 5)]
        results = await asyncio.gather(*[timed_ask(ledger, asked) for asked in asks])
        assert all(isinstance(result, Busy) for _, result in results), results
        assert max(wait for wait, _ in results) < 3
        with pytest.raises(Busy):
            async with ledger.db.tx() as tx:
                await actions.lock(tx, taken, timeout_ms=100)
    assert await ledger.wallet(taken[0]) == (100, 0, 0)


async def test_an_unknown_account_among_others(ledger: Ledger) -> None:
    account = await ledger.account(100)
    asks: list[AnyCommand] = [
        debit(account, 1),
        debit(999_999, 1),
        transfer(account, 999_999, 1),
        transfer(999_999, account, 1),
    ]
    found = await asyncio.gather(*[ledger.ask(asked) for asked in asks])
    assert isinstance(found[0], Answer)
    assert all(isinstance(result, NotFound) for result in found[1:])


@pytest.mark.parametrize("tries", [150, pytest.param(1000, marks=pytest.mark.long)])
@pytest.mark.timeout(300)
async def test_transactions_over_several_accounts_never_deadlock(
    ledger: Ledger, chance: random.Random, tries: int
) -> None:
    accounts = await ledger.accounts(6, 10_000)
    given = 0
    going = True

    async def other_part() -> None:
        nonlocal given
        for _ in range(tries // 5):
            some = chance.sample(accounts, chance.randint(2, 5))
            asks: list[AnyCommand] = [transfer(some[0], some[1], 3)]
            asks += [command.Grant(account=n, credit_type=CREDITS, amount=2) for n in some]
            async with ledger.db.tx() as tx:
                heads = await actions.lock(tx, some)
                results = await actions.apply(tx, heads, [ledger.order(asked) for asked in asks], rates)
            assert all(isinstance(result, Answer) for result in results)
            given += 2 * len(some)

    async def client(lanes: Lanes) -> None:
        while going:
            one, other = chance.sample(accounts, 2)
            assert isinstance(await ledger.ask(transfer(one, other, 1), None, lanes), Answer)

    async with another(ledger.url) as db, running(db) as elsewhere:
        clients = [asyncio.create_task(client(lanes)) for lanes in (ledger.lanes, elsewhere) * 3]
        try:
            await asyncio.gather(*[other_part() for _ in range(5)])
        finally:
            going = False
            await asyncio.gather(*clients)
    assert sum([(await ledger.wallet(account))[0] for account in accounts]) == 60_000 + given


async def test_a_caller_that_goes_away_changes_nothing_for_others(ledger: Ledger) -> None:
    account = await ledger.account(1_000)
    async with asyncio.TaskGroup() as tasks:
        leaving = [tasks.create_task(ledger.ask(debit(account, 1), key=f"l{n}")) for n in range(100)]
        staying = [tasks.create_task(ledger.ask(debit(account, 1), key=f"s{n}")) for n in range(100)]
        await asyncio.sleep(0)
        for n, task in enumerate(leaving):
            task.cancel()
            if n % 10 == 0:
                await asyncio.sleep(0.001)
    assert all(isinstance(task.result(), Answer) for task in staying)
    again: list[Result | Fact] = [await ledger.ask(debit(account, 1), key=f"l{n}") for n in range(100)]
    assert all(isinstance(one, Answer) for one in again)
    assert await ledger.wallet(account) == (800, 0, 0)
    assert ledger.lanes.depth == 0
