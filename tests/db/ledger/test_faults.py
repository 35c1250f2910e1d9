"""Faults: connections that break, a database that is away, a command that the database refuses, a full queue."""

import asyncio
import os
import random
import time
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand, Order
from tallystick.domain.ledger.model import Answer
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.kernel.errors import Busy, Conflict, InsufficientCredits, Unavailable

from .driver import CREDITS, Ledger, another, debit, entry_of, running, said, send, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(90)]


async def terminate(ledger: Ledger, condition: str = "true") -> int:
    """End sessions of the application, whatever they are at."""
    rows = await ledger.sql(
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database()"
        f" and application_name = 'tallystick' and {condition}"
    )
    return len(rows)


@pytest.mark.parametrize("kills", [30, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.timeout(300)
async def test_connections_that_break_under_load(ledger: Ledger, kills: int) -> None:
    """Every answered command is there once, every other at most once, and the same key tells."""
    seed = int(os.environ.get("TALLYSTICK_SEED", time.time_ns() % 1_000_000))
    print(f"TALLYSTICK_SEED={seed}")  # noqa: T201
    chance = random.Random(seed)
    accounts = await ledger.accounts(5, 1_000_000)
    sent: list[tuple[Order, Result]] = []
    going = True

    async def client(number: int) -> None:
        turn = 0
        while going:
            turn += 1
            one, other = chance.sample(accounts, 2)
            choices: list[AnyCommand] = [debit(one, 1), debit(one, 1), transfer(one, other, 2)]
            order = ledger.order(
                chance.choice(choices), f"{number}-{turn}" if chance.random() < 0.7 else None
            )
            sent.append((order, await send(ledger.lanes, order)))
            if not isinstance(sent[-1][1], Answer):
                await asyncio.sleep(0.01)

    clients = [asyncio.create_task(client(n)) for n in range(24)]
    for _ in range(kills):
        await asyncio.sleep(chance.random() * 0.06)
        await terminate(ledger)
    going = False
    await asyncio.gather(*clients)
    answered = [(order, result) for order, result in sent if isinstance(result, Answer)]
    lost = [(order, result) for order, result in sent if not isinstance(result, Answer)]
    assert len(answered) > kills
    assert all(isinstance(result, Unavailable) for _, result in lost)
    rows = await ledger.sql("select account_id, op_key, seq from entry where op_key is not null")
    places = {(account, key): seq for account, key, seq in rows}
    assert len(places) == len(rows)
    for order, result in answered:
        assert places[order.command.account, order.key] == entry_of(result).seq
    for order, _ in lost:
        again = await send(ledger.lanes, order)
        before = places.get((order.command.account, order.key))
        assert isinstance(again, Answer)
        assert before is None or entry_of(again).seq == before
    [(count,)] = await ledger.sql("select count(*) from entry where op_key is not null")
    assert count == len(sent) + len(accounts)


async def test_a_commit_that_happened_unseen_is_found_by_its_key(ledger: Ledger) -> None:
    """The connection breaks as the server answers the COMMIT: also a command without a client's key has one effect."""
    account = await ledger.account(100)
    await ledger.sql(
        """create function break_off() returns trigger language plpgsql security definer as $$ begin
               if new.op_key like 's:%' and not exists (select from entry where posted_after = 90) then
                   perform pg_terminate_backend(pg_backend_pid());
               end if;
               return null; end $$"""
    )
    await ledger.sql(
        "create constraint trigger at_commit after insert on entry deferrable initially deferred"
        " for each row execute function break_off()"
    )
    results = await asyncio.gather(*[ledger.ask(debit(account, 10)) for _ in range(3)])
    assert all(isinstance(result, Answer | Unavailable) for result in results)
    await ledger.sql("drop trigger at_commit on entry")
    done = sum(isinstance(result, Answer) for result in results)
    assert await ledger.wallet(account) == (100 - 10 * done, 0, 0)


@pytest.fixture
def away(ledger: Ledger, server_url: str) -> Iterator[Any]:
    """Switches the test's database off and on again."""
    name = conninfo_to_dict(ledger.url)["dbname"]
    maintenance = make_conninfo(server_url, dbname="postgres")

    def switch(on: bool) -> None:
        with psycopg.connect(maintenance, autocommit=True) as conn:
            conn.execute(f"alter database {name} allow_connections {str(on).lower()}".encode())
            if not on:
                conn.execute(
                    b"select pg_terminate_backend(pid) from pg_stat_activity where datname = %s"
                    b" and application_name = 'tallystick'",
                    [name],
                )

    yield switch
    switch(True)


async def test_a_database_that_is_away_answers_at_once_and_comes_back(ledger: Ledger, away: Any) -> None:
    account = await ledger.account(100)
    reader = BalanceReader(ledger.db)
    await reader.start()
    assert (await reader.balances(ledger.tenant, account)).wallets[0].posted == 100
    away(False)
    began = time.monotonic()
    results = await asyncio.gather(*[ledger.ask(debit(account, 1), key=f"k{n}") for n in range(50)])
    assert all(isinstance(result, Unavailable) for result in results)
    with pytest.raises(Unavailable):
        await reader.balances(ledger.tenant, account)
    with pytest.raises(Unavailable):
        async with ledger.db.tx() as tx:
            await tx.execute(b"select 1")
    assert time.monotonic() - began < 10
    [unavailable] = await ledger.lanes.submit_batch([ledger.order(debit(account, 1))])
    assert isinstance(unavailable, Unavailable)
    away(True)
    again = await asyncio.gather(*[ledger.ask(debit(account, 1), key=f"k{n}") for n in range(50)])
    assert all(isinstance(result, Answer) for result in again)
    assert (await reader.balances(ledger.tenant, account)).wallets[0].posted == 50
    assert await until_it_answers(ledger) < 10
    await reader.stop()
    assert ledger.lanes.depth == 0


async def until_it_answers(ledger: Ledger) -> float:
    began = time.monotonic()
    while True:
        try:
            async with ledger.db.tx() as tx:
                await tx.execute(b"select 1")
            return time.monotonic() - began
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_no_place_for_another_connection(ledger: Ledger, server_url: str) -> None:
    name = conninfo_to_dict(ledger.url)["dbname"]
    account = await ledger.account(100)
    # superusers are not bound by a database's limit: let the application be somebody else
    password = f"p{random.randrange(10**9)}"
    await ledger.sql(f"create role {name}_login login password '{password}' in role tallystick_app")
    url = make_conninfo(ledger.url, user=f"{name}_login", password=password)
    try:
        async with another(url) as db, running(db) as lanes:
            assert isinstance(await send(lanes, ledger.order(debit(account, 1))), Answer)
            await ledger.sql(f"alter database {name} connection limit 0")
            await terminate(ledger, f"usename = '{name}_login'")
            began = time.monotonic()
            assert isinstance(await send(lanes, ledger.order(debit(account, 1))), Unavailable)
            assert time.monotonic() - began < 10
            await ledger.sql(f"alter database {name} connection limit -1")
            assert isinstance(await send(lanes, ledger.order(debit(account, 1))), Answer)
    finally:
        await ledger.sql(f"drop role {name}_login")


async def test_a_poison_command_costs_only_itself(ledger: Ledger) -> None:
    """Of every sort: text that PostgreSQL does not take, a row that a check refuses, a number that does not fit."""
    good, checked = await ledger.account(1_000), await ledger.account(1_000)
    await ledger.sql(
        f"alter table wallet add constraint poisoned check (account_id <> {checked} or posted >= 990) not valid"
    )
    asks = [ledger.order(debit(good, 1), key=f"g{n}") for n in range(60)]
    asks[7] = ledger.order(debit(good, 1, labels=command.Labels(reference="a\x00b")), key="nul")
    asks[21] = ledger.order(debit(checked, 11), key="checked")
    asks[33] = ledger.order(
        command.Grant(account=good, credit_type=CREDITS, amount=5, priority=2**40), key="large"
    )
    results = await asyncio.gather(*[send(ledger.lanes, one) for one in asks])
    bad = {n: result for n, result in enumerate(results) if not isinstance(result, Answer)}
    assert set(bad) == {7, 21, 33}, bad
    assert isinstance(bad[7], Conflict)
    assert isinstance(bad[21], Conflict)
    assert isinstance(bad[33], Unavailable | Conflict)
    assert await ledger.wallet(good) == (943, 0, 0)
    assert await ledger.wallet(checked) == (1000, 0, 0)
    assert ledger.lanes.depth == 0
    assert isinstance(await ledger.ask(debit(good, 1)), Answer)


@pytest.mark.parametrize("atomic", [False, True])
async def test_a_poison_command_in_a_batch(ledger: Ledger, atomic: bool) -> None:
    """It costs only itself, save where all or none was asked for."""
    account = await ledger.account(1_000)
    asks = [ledger.order(debit(account, 1)) for _ in range(9)]
    asks[4] = ledger.order(debit(account, 1, labels=command.Labels(reference="a\x00b")))
    results = await ledger.lanes.submit_batch(asks, atomic=atomic)
    answered = [n for n, result in enumerate(results) if isinstance(result, Answer)]
    assert answered == ([] if atomic else [0, 1, 2, 3, 5, 6, 7, 8])
    assert isinstance(results[4], Conflict)
    assert await ledger.wallet(account) == (1000 - len(answered), 0, 0)
    assert ledger.lanes.depth == 0


async def test_shutdown_answers_what_came_before_it(ledger: Ledger) -> None:
    accounts = await ledger.accounts(3, 10_000)
    async with another(ledger.url) as db, running(db, lanes=2) as lanes:
        tasks = [
            asyncio.create_task(send(lanes, ledger.order(debit(accounts[n % 3], 1)))) for n in range(1500)
        ]
        await asyncio.sleep(0.02)
        stopping = asyncio.create_task(lanes.stop())
        await asyncio.sleep(0)
        late = await send(lanes, ledger.order(debit(accounts[0], 1)))
        await stopping
        assert isinstance(late, Unavailable)
        assert all(isinstance(result, Answer) for result in await asyncio.gather(*tasks))
        assert lanes.depth == 0
    assert sum([(await ledger.wallet(account))[0] for account in accounts]) == 28_500


async def test_shutdown_waits_for_a_locked_account(ledger: Ledger) -> None:
    accounts = await ledger.accounts(10, 10)
    async with another(ledger.url) as db, running(db) as lanes:
        async with ledger.db.tx() as tx:
            await tx.execute(b"select from account_head where account_id = any(%s) for update", [accounts])
            tasks = [asyncio.create_task(send(lanes, ledger.order(debit(n, 1)))) for n in accounts]
            await asyncio.sleep(0.2)
            stopping = asyncio.create_task(lanes.stop())
            await asyncio.sleep(0.2)
        await stopping
        assert all(isinstance(task.result(), Answer) for task in tasks)


async def test_a_full_queue_is_busy(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.domain.ledger.lanes.QUEUE", 50)
    account = await ledger.account(100)
    results = await asyncio.gather(*[ledger.ask(debit(account, 1)) for _ in range(80)])
    assert sum(isinstance(result, Answer) for result in results) == 50
    assert sum(isinstance(result, Busy) for result in results) == 30
    assert await ledger.wallet(account) == (50, 0, 0)
    assert isinstance(await ledger.ask(debit(account, 1)), Answer)


async def test_the_reader_of_balances_survives_a_broken_connection(ledger: Ledger) -> None:
    account = await ledger.account(100)
    reader = BalanceReader(ledger.db)
    await reader.start()
    for _ in range(10):
        found = await asyncio.gather(*[reader.balances(ledger.tenant, account) for _ in range(20)])
        assert all(one.wallets[0].posted == 100 for one in found)
        await terminate(ledger)
    await reader.stop()
    with pytest.raises(Unavailable):
        await reader.balances(ledger.tenant, account)


async def test_declines_under_faults_stay_declines(ledger: Ledger) -> None:
    account = await ledger.account(10)
    first = await ledger.ask(debit(account, 11), key="k")
    assert isinstance(first, InsufficientCredits)
    await ledger.grant(account, 100)
    for _ in range(3):
        await terminate(ledger)
        assert said(await ledger.ask(debit(account, 11), key="k")) == said(first)
