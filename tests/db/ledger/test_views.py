"""Reads: what is due is shown as ended before it is swept, and the sweep then writes the same."""

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import explaining, jobs, views
from tallystick.domain.ledger.model import Entry, Grant, Hold, Wallet
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.ledger.views import Balances, Span
from tallystick.kernel.errors import NotFound
from tests import cast

from .conftest import Timed
from .driver import CREDITS, Ledger, debit, entry_of, rates, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

BEGIN = datetime(2028, 1, 1, tzinfo=UTC)
ALL = Span()


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


# What is due -------------------------------------------------------------------------------------------


async def due_story(timed: Timed) -> int:
    """An account of which much is due at second 100 and nothing was swept."""
    ledger = timed.ledger
    await timed.clock.stand(BEGIN)
    account = await ledger.account()
    await ledger.grant(account, 100)
    await ledger.grant(account, 200, priority=1, expires_at=at(50))
    await ledger.grant(account, 300, priority=2, expires_at=at(5_000))
    await ledger.hold(account, 150, expires_in=80)  # pins the second grant beyond its end
    await ledger.hold(account, 60, expires_in=60, on_expiry="capture_reported")
    await ledger.hold(account, 30, expires_in=5_000)
    await ledger.do(command.Report(account=account, hold=2, amount=45))
    released = await ledger.hold(account, 10, expires_in=70)
    await ledger.do(command.Release(account=account, hold=released))
    await timed.clock.stand(at(100))
    return account


async def shown(ledger: Ledger, account: int) -> dict[str, Any]:
    """Everything that reads say of an account's present."""
    db, tenant = ledger.db, ledger.tenant
    reader = BalanceReader(db)
    await reader.start()
    quick = await reader.balances(tenant, account)
    await reader.stop()
    plain = await views.balances(db, tenant, account)
    assert wallets(quick) == wallets(plain)
    (_, grants, _), (_, holds) = (
        await views.grants(db, tenant, account, ALL, limit=50),
        await views.holds(db, tenant, account, ALL, limit=50),
    )
    found = {
        "wallets": wallets(plain),
        "grants": [bare(grant) for grant in grants.rows],
        "holds": [bare(hold) for hold in holds.rows],
    }
    for state in ("active", "captured", "released", "expired"):
        _, page = await views.holds(db, tenant, account, Span(kind=state), limit=50)
        found[state] = [hold.id for hold in page.rows]
        assert all(hold.state == state for hold in page.rows)
    for hold in holds.rows:
        _, one, wallet = await views.hold(db, tenant, account, hold.id)
        assert bare(one) == bare(hold)
        assert [bare(wallet)] == found["wallets"]
    return found


def wallets(found: Balances) -> list[Wallet]:
    return [bare(wallet) for wallet in found.wallets]


Row = TypeVar("Row", Wallet, Grant, Hold)


def bare(row: Row) -> Row:
    return replace(row, fresh=False, changed=False)


async def test_what_is_due_is_shown_as_the_sweep_will_write_it(timed: Timed) -> None:
    ledger, account = timed.ledger, await due_story(timed)
    entries = await ledger.sql("select count(*) from entry")
    before = await shown(ledger, account)
    assert await ledger.sql("select count(*) from entry") == entries
    assert before["active"] == [3]
    assert before["expired"] == [2, 1]
    [wallet] = before["wallets"]
    assert (wallet.posted, wallet.held) == (400, 30)
    assert {grant.id: (grant.remaining, grant.closed) for grant in before["grants"]} == {
        1: (100, False),
        2: (0, True),
        3: (300, False),
    }
    assert await jobs.sweep(ledger.db, rates) == 1
    assert await shown(ledger, account) == before


async def test_pages_of_holds_are_full_though_some_are_due(timed: Timed) -> None:
    ledger = timed.ledger
    await timed.clock.stand(BEGIN)
    account = await ledger.account(1000)
    for n in range(20):
        await ledger.hold(account, 1, expires_in=10 if n % 3 else 1000)
    await timed.clock.stand(at(50))
    for state, expected in (("active", 7), ("expired", 13)):
        seen: list[int] = []
        before = None
        while True:
            span = Span(kind=state)
            _, page = await views.holds(ledger.db, ledger.tenant, account, span, limit=3, before=before)
            seen += [hold.id for hold in page.rows]
            if page.next_key is None:
                break
            assert len(page.rows) == 3
            before = int(page.next_key)
        assert len(seen) == expected
        assert seen == sorted(seen, reverse=True)


# Pages and filters -------------------------------------------------------------------------------------


async def test_pages_of_entries_and_their_bounds_in_time(timed: Timed) -> None:
    """Against a linear scan of everything, at random moments and around every entry."""
    ledger, chance = timed.ledger, random.Random(11)
    await timed.clock.stand(BEGIN)
    account = await ledger.account()
    now = 0
    for _ in range(60):
        now += chance.choice([0, 0, 1, 5, 60])
        await timed.clock.stand(at(now))
        await ledger.grant(account, 10, credit_type=chance.choice([CREDITS, "api_calls"]))
        if chance.random() < 0.5:
            await ledger.ask(debit(account, 3))
    everything = await every_entry(ledger, account, ALL)
    assert [entry.seq for entry in everything] == list(range(len(everything), 0, -1))
    moments = [entry.effective_at + timedelta(microseconds=by) for entry in everything for by in (-1, 0, 1)]
    moments += [at(-99), at(now + 99)]
    async with ledger.db.connection() as conn:
        for moment in moments:
            low, high = await views.bounds(conn, account, moment, moment)
            assert low == high == 1 + sum(entry.effective_at < moment for entry in everything)
        assert await views.bounds(conn, await ledger.account(), BEGIN, None) == (1, 2**62)
    for _ in range(30):
        start, end = sorted(chance.sample(moments, 2))
        kind, code = chance.choice([None, "grant", "debit"]), chance.choice([None, CREDITS, "api_calls"])
        span = Span(chance.choice([None, start]), chance.choice([None, end]), code, kind)
        wanted = [
            entry
            for entry in everything
            if (span.start is None or entry.effective_at >= span.start)
            and (span.end is None or entry.effective_at < span.end)
            and code in (None, entry.credit_type)
            and kind in (None, entry.kind)
        ]
        assert await every_entry(ledger, account, span) == wanted
        if code is not None:
            await check_history(ledger, account, replace(span, kind=None), kind, wanted)


async def check_history(
    ledger: Ledger, account: int, span: Span, kind: str | None, wanted: list[Entry]
) -> None:
    kinds = None if kind is None else [kind]
    whole = await views.history(ledger.db, ledger.tenant, account, span, kinds, limit=500, offset=0)
    assert (whole.entries, whole.total) == (wanted, len(wanted))
    part = await views.history(ledger.db, ledger.tenant, account, span, kinds, limit=4, offset=3)
    assert (part.entries, part.total) == (wanted[3:7], len(wanted))
    used = await views.usage_total(
        ledger.db, ledger.tenant, account, span.credit_type or "", span.start, span.end
    )
    everything = await every_entry(ledger, account, span)
    assert used == -sum(entry.amount for entry in everything if entry.contra.startswith("usage"))


async def every_entry(ledger: Ledger, account: int, span: Span) -> list[Entry]:
    """All pages, seven entries each."""
    found: list[Entry] = []
    before = None
    while True:
        _, page = await views.entries(ledger.db, ledger.tenant, account, span, limit=7, before=before)
        found += page.rows
        if page.next_key is None:
            return found
        before = int(page.next_key)


async def test_usage_is_less_what_was_given_back(ledger: Ledger) -> None:
    account = await ledger.account(1000)
    spent = await ledger.debit(account, 100, operation="render")
    hold = await ledger.hold(account, 50)
    await ledger.do(command.Capture(account=account, hold=hold, amount=60, final=True, overage="debit"))
    await ledger.do(command.Reverse(account=account, entry=spent.seq, amount=30))
    grant = await ledger.grant(account, 40)
    await ledger.do(command.Reverse(account=account, entry=grant.seq))
    await ledger.do(transfer(account, await ledger.account(), 10))
    total = await views.usage_total(ledger.db, ledger.tenant, account, CREDITS, None, None)
    assert total == 100 + 60 - 30


async def test_filters_of_grants_and_holds(timed: Timed) -> None:
    ledger = timed.ledger
    await timed.clock.stand(BEGIN)
    account = await ledger.account()
    for n in range(6):
        await timed.clock.stand(at(n))
        await ledger.grant(
            account, 10, source=("plan", "purchase")[n % 2], credit_type=(CREDITS, "api_calls")[n // 3]
        )
        await ledger.hold(account, 1, credit_type=CREDITS)
    span = Span(at(1), at(5), CREDITS, "purchase")
    _, page, _ = await views.grants(ledger.db, ledger.tenant, account, span, limit=10)
    assert [(grant.source, grant.created_at) for grant in page.rows] == [("purchase", at(1))]
    _, holds = await views.holds(ledger.db, ledger.tenant, account, Span(at(2), at(4)), limit=10)
    assert [hold.created_at for hold in holds.rows] == [at(3), at(2)]
    _, none = await views.holds(ledger.db, ledger.tenant, account, Span(credit_type="api_calls"), limit=10)
    assert none.rows == []


async def test_an_entry_is_explained(ledger: Ledger) -> None:
    account = await ledger.account()
    await ledger.overdraft(account, 100)
    late = await ledger.grant(account, 30, priority=90)
    paid = await ledger.grant(account, 20, priority=2, source="purchase", paid_minor=77, currency="USD")
    first = await ledger.grant(account, 10, priority=1)
    spent = await ledger.debit(account, 25)
    undone = entry_of(await ledger.do(command.Reverse(account=account, entry=spent.seq, amount=4)))
    told = await explaining.explain(ledger.db, ledger.tenant, account, spent.seq)
    assert told.entry == replace(spent)
    assert [(part.grant and part.grant.id, part.amount) for part in told.parts] == [
        (first.seq, -10),
        (paid.seq, -15),
    ]
    assert told.parts[1].grant is not None
    assert (told.parts[1].grant.paid_minor, told.parts[1].grant.currency) == (77, "USD")
    assert [entry.seq for entry in told.reversals] == [undone.seq]
    assert [grant.id for grant in told.others] == [late.seq]
    assert told.hold is None
    hold = await ledger.hold(account, 60)
    captured = entry_of(await ledger.do(command.Capture(account=account, hold=hold, amount=60)))
    told = await explaining.explain(ledger.db, ledger.tenant, account, captured.seq)
    assert told.hold is not None
    assert (told.hold.id, told.hold.state, told.hold.captured) == (hold, "captured", 60)
    assert told.parts[-1].grant is None
    assert sum(part.amount for part in told.parts) == -60
    _, alone = await views.entry(ledger.db, ledger.tenant, account, captured.seq)
    assert alone == captured


# Whose it is -------------------------------------------------------------------------------------------


async def test_a_strangers_account_is_not_found(ledger: Ledger) -> None:
    account = await ledger.account(100)
    await ledger.hold(account, 5)
    db = ledger.db
    async with db.tx() as tx:
        stranger = (await identity.create_app(tx, "Another")).live
    reader = BalanceReader(db)
    await reader.start()
    for tenant, number in ((stranger, account), (ledger.tenant + 1, account), (ledger.tenant, 999_999)):
        for asked in (
            reader.balances(tenant, number),
            views.balances(db, tenant, number),
            views.hold(db, tenant, number, 1),
            views.holds(db, tenant, number, ALL, limit=5),
            views.grants(db, tenant, number, ALL, limit=5),
            views.entries(db, tenant, number, ALL, limit=5),
            views.entry(db, tenant, number, 1),
            explaining.explain(db, tenant, number, 1),
            views.history(db, tenant, number, Span(credit_type=CREDITS), None, limit=5, offset=0),
            views.usage_total(db, tenant, number, CREDITS, None, None),
        ):
            with pytest.raises(NotFound, match="account"):
                await asked
    await reader.stop()
    for missing in (
        views.entry(db, ledger.tenant, account, 99),
        explaining.explain(db, ledger.tenant, account, 99),
    ):
        with pytest.raises(NotFound, match="entry"):
            await missing
    with pytest.raises(NotFound, match="hold"):
        await views.hold(db, ledger.tenant, account, 99)


async def test_the_lanes_find_no_strangers_account_either(ledger: Ledger) -> None:
    account, own = await ledger.accounts(2, 100)
    hold = await ledger.hold(account, 5)
    stranger = Ledger(ledger.db, ledger.url, ledger.superuser, ledger.tenant + 1, ledger.lanes)
    for asked in (
        debit(account, 1),
        command.Capture(account=account, hold=hold, amount=1),
        command.Reverse(account=account, entry=1),
        command.EndDue(account=account),
        transfer(account, own, 1),
    ):
        for key in (None, "k"):
            assert isinstance(await stranger.ask(asked, key), NotFound)
            [result] = await stranger.lanes.submit_batch([stranger.order(asked, key)], atomic=True)
            assert isinstance(result, NotFound)
    assert await ledger.sql("select count(*) from outcome") == [(0,)]


# Many at once ------------------------------------------------------------------------------------------


async def test_a_thousand_balances_at_once(ledger: Ledger) -> None:
    accounts = [await ledger.account(n + 1) for n in range(30)]
    empty = await ledger.account()
    reader = BalanceReader(ledger.db)
    await reader.start()
    asks = [reader.balances(ledger.tenant, accounts[n % 30]) for n in range(1000)]
    found = await asyncio.gather(*asks, reader.balances(ledger.tenant, empty))
    assert [one.wallets[0].posted for one in found[:-1]] == [n % 30 + 1 for n in range(1000)]
    assert found[-1].wallets == []
    gone = [reader.balances(ledger.tenant, 10**9 + n) for n in range(100)]
    assert all(isinstance(one, NotFound) for one in await asyncio.gather(*gone, return_exceptions=True))
    leaving = asyncio.create_task(reader.balances(ledger.tenant, accounts[0]))
    await asyncio.sleep(0)
    leaving.cancel()
    assert (await reader.balances(ledger.tenant, accounts[0])).wallets[0].posted == 1
    await reader.stop()


async def test_a_balance_is_never_older_than_an_answer(ledger: Ledger) -> None:
    account = await ledger.account(100)
    reader = BalanceReader(ledger.db)
    await reader.start()
    for left in range(99, 59, -1):
        await ledger.debit(account, 1)
        found = await asyncio.gather(*[reader.balances(ledger.tenant, account) for _ in range(5)])
        assert {one.wallets[0].posted for one in found} == {left}
    await reader.stop()


async def test_a_sum_of_spending_may_pass_what_a_balance_may_hold(db: Database) -> None:
    app = await cast.second_app(db)
    account = (await cast.acme(db, app.live)).account_id
    async with db.tx() as tx:
        await tx.execute(
            b"insert into entry (account_id, seq, credit_type, kind, amount, posted_after, held_after,"
            b" available_after, contra, splits, actor, effective_at)"
            b" select %s, n, 'credits', 'debit', -4611686018427387904, 0, 0, 0, 'usage:huge', '[]', 'x', now()"
            b" from generate_series(1, 3) n",
            [account],
        )
        await tx.execute(b"update account_head set seq = 3 where account_id = %s", [account])
    assert await views.usage_total(db, app.live, account, "credits", None, None) == 3 * 2**62
