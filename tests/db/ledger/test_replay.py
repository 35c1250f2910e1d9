"""The same history through the database and through the rules alone: the same answers, the same books."""

import asyncio
import copy
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tallystick.db import arrays
from tallystick.db.pool import Tx
from tallystick.domain.ledger import actions, jobs, views
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result, settle
from tallystick.domain.ledger.books import QUERIES, accounts_of
from tallystick.domain.ledger.commands import Order
from tallystick.domain.ledger.model import Account, Entry, Grant, Hold, Moments, Wallet
from tallystick.domain.ledger.rules import end_due
from tests.unit.ledger.histories import Step, histories

from .conftest import Timed
from .driver import RATES, Ledger, all_said, entry_of, rates, said, send

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
PATHS = ["lanes", "apply", "together", "atomic"]
SHORT = settings(
    max_examples=20,
    deadline=None,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
LONG = settings(SHORT, max_examples=1500, derandomize=False)


@pytest.mark.parametrize("path", PATHS)
@SHORT
@given(history=histories(max_size=40, backwards=True))
async def test_database_and_rules_agree(timed: Timed, path: str, history: list[Step]) -> None:
    await replay(timed, path, history)


@pytest.mark.long
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("path", PATHS)
@LONG
@given(history=histories(max_size=80, backwards=True))
async def test_database_and_rules_agree_in_long_histories(
    timed: Timed, path: str, history: list[Step]
) -> None:
    await replay(timed, path, history)


async def replay(timed: Timed, path: str, history: list[Step]) -> None:
    """Send the history by one of the paths, a few orders together where the path takes several."""
    ledger, now = timed.ledger, START
    books = await new_books(ledger)
    sent: list[Order] = []
    while history:
        size = 5 if path in ("together", "atomic") else 1
        steps, history = history[:size], history[size:]
        now += timedelta(seconds=sum(step.forward for step in steps))
        await timed.clock.stand(now)
        orders = [unkeyed(step).order(books, now, sent, tenant=ledger.tenant) for step in steps]
        for one in orders:
            # a key that the server made is looked up only when its lane sends it again
            one.resent = any(one is old for old in sent)
        sent += orders
        [results] = settle(books, [(orders, path == "atomic")], Moments(now))
        expected = all_said(results)
        for account in books.values():
            account.named = {entry.seq: entry for entry in account.posted}
        assert all_said(await by_path(ledger, path, orders)) == expected, [one.command for one in orders]
    for account in books.values():
        assert early(await stored(ledger, account), account) == kept(account)
        shown = await views.balances(ledger.db, ledger.tenant, account.head.account)
        end_due(account, now)
        assert [clean(wallet) for wallet in shown.wallets] == kept(account)[1]


def unkeyed(step: Step) -> Step:
    """The sweeper's command posts nothing of its own and has no key of a client: none would be kept."""
    return replace(step, key=None) if isinstance(step.asked, command.EndDue) else step


async def by_path(ledger: Ledger, path: str, orders: list[Order]) -> list[Result]:
    if path == "lanes":
        return [await send(ledger.lanes, orders[0])]
    if path == "atomic":
        return await ledger.lanes.submit_batch(orders, atomic=True)
    async with ledger.db.tx() as tx:
        heads = await actions.lock(tx, accounts_of(orders))
        return await actions.apply(tx, heads, orders, rates)


async def new_books(ledger: Ledger) -> dict[int, Account]:
    """Three empty accounts, for the rules as they are in the database."""
    books = {}
    for number in await ledger.accounts(3):
        await ledger.sql("update account_head set last_at = %s where account_id = %s", START, number)
        async with ledger.db.connection() as conn:
            books[number] = Account(await views.head(conn, ledger.tenant, number), rates=dict(RATES))
    return books


def clean(row: Any) -> Any:
    """A row without the marks that say how it must be written."""
    row = copy.copy(row)
    row.changed = False
    if hasattr(row, "fresh"):
        row.fresh = False
    return row


def early(found: list[Any], account: Account) -> list[Any]:
    """The same with the next due time that the rules know, where what stands is earlier: that costs a look, and is
    allowed. The lanes bring in fewer holds than the rules have here."""
    head, *rest = found
    known, stands = account.head.next_due_at, head.next_due_at
    if stands is not None and (known is None or stands < known):
        head = replace(head, next_due_at=known)
    return [head, *rest]


def kept(account: Account) -> list[Any]:
    """Everything of an account that the database must hold after a history."""
    return [
        clean(account.head),
        sorted((clean(wallet) for wallet in account.wallets.values()), key=lambda w: str(w.credit_type)),
        [clean(account.grants[number]) for number in sorted(account.grants)],
        [clean(account.holds[number]) for number in sorted(account.holds)],
        account.posted,
        sorted((o.op_key, o.request_hash, o.kind, o.declined, o.answer) for o in account.outcomes),
    ]


async def stored(ledger: Ledger, account: Account) -> list[Any]:
    number = account.head.account
    async with ledger.db.connection() as conn:
        entries = await rows(conn, number, "entry", QUERIES.named_entries, "seq")
        holds = await rows(conn, number, "hold", QUERIES.named_holds, "id")
        grants = await rows(conn, number, "credit_grant", QUERIES.named_grants, "id")
        wallets = await conn.execute(QUERIES.wallets.encode(), {"accounts": arrays.int8s([number])})
        return [
            await views.head(conn, ledger.tenant, number),
            sorted((Wallet(*row[1:]) for row in await wallets.fetchall()), key=lambda w: w.credit_type),
            [Grant(*row[1:]) for row in grants],
            [Hold(*row[1:]) for row in holds],
            [Entry(*row) for row in entries],
            sorted(
                await ledger.sql(
                    "select op_key, request_hash, kind, declined, answer from outcome where account_id = %s",
                    number,
                )
            ),
        ]


async def rows(conn: Tx, account: int, table: str, query: str, key: str) -> list[tuple[Any, ...]]:
    """Every row of an account in a table, by the query that names rows."""
    cursor = await conn.execute(f"select {key} from {table} where account_id = %s".encode(), [account])
    ids = sorted(number for (number,) in await cursor.fetchall())
    pairs = {"accounts": arrays.int8s([account] * len(ids)), "ids": arrays.int8s(ids)}
    cursor = await conn.execute(query.encode(), pairs)
    return sorted(await cursor.fetchall(), key=lambda row: row[1])


# What falls due, in real time and by the clock ---------------------------------------------------------


async def test_a_hold_and_a_grant_end_in_real_time(ledger: Ledger) -> None:
    account = await ledger.account(100)
    soon = datetime.now(UTC) + timedelta(seconds=1.2)
    await ledger.grant(account, 50, expires_at=soon)
    await ledger.hold(account, 30, expires_in=1)
    assert await ledger.wallet(account) == (150, 30, 0)
    await wait_until(soon)
    assert (await ledger.debit(account, 100)).posted_after == 0
    assert [row[0] for row in await ledger.sql("select kind from entry order by seq")] == [
        "grant",
        "grant",
        "expire",
        "debit",
    ]


async def test_a_capture_after_expiry_is_refused_though_nothing_was_swept(timed: Timed) -> None:
    ledger = timed.ledger
    await timed.clock.stand(START + timedelta(days=365))
    account = await ledger.account(100)
    hold = await ledger.hold(account, 60, expires_in=10)
    await timed.clock.stand(START + timedelta(days=365, seconds=10))
    refused = await ledger.ask(command.Capture(account=account, hold=hold, amount=60))
    assert b'"hold_expired"' in said(refused)
    assert await ledger.wallet(account) == (100, 0, 0)


async def test_what_a_hold_pins_outlives_its_grant_and_then_ends_with_it(timed: Timed) -> None:
    ledger, begin = timed.ledger, START + timedelta(days=365)
    await timed.clock.stand(begin)
    account = await ledger.account()
    await ledger.grant(account, 100, expires_at=begin + timedelta(seconds=10))
    first = await ledger.hold(account, 40, expires_in=100)
    await ledger.hold(account, 20, expires_in=50)
    await timed.clock.stand(begin + timedelta(seconds=20))
    assert await jobs.sweep(ledger.db, rates) == 1
    assert await ledger.wallet(account) == (60, 60, 0)
    captured = await ledger.do(command.Capture(account=account, hold=first, amount=15, final=True))
    assert entry_of(captured).amount == -15
    assert await ledger.wallet(account) == (20, 20, 0)
    await timed.clock.stand(begin + timedelta(seconds=60))
    assert await jobs.sweep(ledger.db, rates) == 1
    assert await ledger.wallet(account) == (0, 0, 0)
    assert await jobs.sweep(ledger.db, rates) == 0


async def test_a_hold_that_captures_what_was_reported(timed: Timed) -> None:
    ledger, begin = timed.ledger, START + timedelta(days=365)
    await timed.clock.stand(begin)
    account = await ledger.account(100)
    hold = await ledger.hold(account, 40, expires_in=10, on_expiry="capture_reported")
    await ledger.do(command.Report(account=account, hold=hold, amount=25))
    await timed.clock.stand(begin + timedelta(days=2))
    assert await jobs.sweep(ledger.db, rates) == 1
    assert await ledger.wallet(account) == (75, 0, 0)
    [(at,)] = await ledger.sql("select effective_at from entry where kind = 'capture'")
    assert at == begin + timedelta(seconds=10)


async def test_a_clock_that_was_set_back_loses_no_hold_of_a_giver(timed: Timed) -> None:
    """The receiver's last entry is later than the clock: the transfer happens then, and ends what is due by then."""
    ledger, begin = timed.ledger, START + timedelta(days=365)
    await timed.clock.stand(begin + timedelta(seconds=100))
    receiver = await ledger.account(5)
    await timed.clock.stand(begin)
    giver = await ledger.account()
    await ledger.sql("update account_head set last_at = %s where account_id = %s", begin, giver)
    await ledger.grant(giver, 100)
    await ledger.hold(giver, 30, expires_in=50)
    await ledger.hold(giver, 20, expires_in=500)
    await ledger.do(command.Transfer(account=giver, to=receiver, credit_type="credits", amount=80))
    assert await ledger.wallet(giver) == (20, 20, 0)
    [(due,)] = await ledger.sql("select next_due_at from account_head where account_id = %s", giver)
    assert due == begin + timedelta(seconds=500)


async def wait_until(moment: datetime) -> None:
    await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()) + 0.05)
