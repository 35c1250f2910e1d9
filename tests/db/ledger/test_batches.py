"""Batches: in order, and when atomic all or none."""

import asyncio

import pytest

from tallystick.db.pool import Tx
from tallystick.domain.ledger import actions
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.actions import Result
from tallystick.domain.ledger.commands import AnyCommand, order
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Answer, Moments, RateLine
from tallystick.domain.ledger.port import Lines, Prices
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, NotFound

from .driver import CREDITS, Ledger, all_said, debit, entry_of, rates, running, send, transfer

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]

Keyed = tuple[AnyCommand, str | None]


async def batch(ledger: Ledger, *asked: Keyed, atomic: bool) -> list[Result]:
    orders = [ledger.order(one, key) for one, key in asked]
    return await ledger.lanes.submit_batch(orders, atomic=atomic)


def grant(account: int, amount: int) -> command.Grant:
    return command.Grant(account=account, credit_type=CREDITS, amount=amount)


async def count(ledger: Ledger, table: str) -> int:
    number: int = (await ledger.sql(f"select count(*) from {table}"))[0][0]
    return number


async def test_all_or_none_across_accounts(ledger: Ledger) -> None:
    one, other = await ledger.accounts(2, 100)
    before = await count(ledger, "entry")
    asks: list[Keyed] = [(debit(one, 60), "a"), (transfer(one, other, 30), "b"), (debit(other, 131), "c")]
    refused = await batch(ledger, *asks, atomic=True)
    assert [getattr(result, "code", "") for result in refused] == [
        "batch_aborted",
        "batch_aborted",
        "insufficient_credits",
    ]
    assert await count(ledger, "entry") == before
    assert await ledger.sql("select account_id, op_key, declined from outcome") == [(other, "c:c", True)]
    assert await ledger.wallet(one) == await ledger.wallet(other) == (100, 0, 0)
    done = await batch(ledger, *asks[:2], (debit(other, 130), "d"), atomic=True)
    assert all(isinstance(result, Answer) for result in done)
    assert await ledger.wallet(one) == (10, 0, 0)
    assert await ledger.wallet(other) == (0, 0, 0)
    assert all_said(await batch(ledger, *asks[:2], (debit(other, 130), "d"), atomic=True)) == all_said(done)


async def test_each_refusal_undoes_all(ledger: Ledger) -> None:
    """Whatever the fact, and whatever kinds of rows were changed before it."""
    account, other = await ledger.accounts(2, 100)
    hold = await ledger.hold(account, 20)
    spent = await ledger.debit(account, 10)
    before = await state(ledger)
    work: list[AnyCommand] = [
        grant(account, 5),
        debit(account, 3),
        command.Hold(account=account, credit_type=CREDITS, amount=7, expires_in=9),
        command.Extend(account=account, hold=hold, amount=3),
        command.Report(account=account, hold=hold, amount=2),
        command.Capture(account=account, hold=hold, amount=4),
        command.Reverse(account=account, entry=spent.seq, amount=4),
        transfer(account, other, 6),
        command.SetOverdraft(account=other, credit_type=CREDITS, overdraft=9),
        command.Release(account=account, hold=hold),
    ]
    for refused, fact in (
        (debit(account, 1_000_000), InsufficientCredits),
        (command.Release(account=account, hold=99), NotFound),
        (command.Capture(account=account, hold=hold, amount=4), Conflict),
        (debit(account, 0), Invalid),
        (debit(999_999, 1), NotFound),
    ):
        asks: list[Keyed] = [(one, None) for one in (*work, refused)]
        results = await batch(ledger, *asks, atomic=True)
        assert isinstance(results[-1], fact), results[-1]
        assert {getattr(result, "code", None) for result in results[:-1]} == {"batch_aborted"}
        assert await state(ledger) == before
    done = await batch(ledger, *[(one, None) for one in work], atomic=True)
    assert all(isinstance(result, Answer) for result in done), done


async def state(ledger: Ledger) -> list[list[tuple[object, ...]]]:
    tables = ("account_head", "wallet", "entry", "credit_grant", "hold", "outcome")
    return [await ledger.sql(f"select * from {table} order by 1, 2") for table in tables]


async def test_a_declined_batch_stays_declined(ledger: Ledger) -> None:
    """Also when another command of it would be the first to fail by now."""
    one, other = await ledger.accounts(2, 100)
    asks: list[Keyed] = [(debit(one, 60), "a"), (debit(other, 150), "b")]
    first = await batch(ledger, *asks, atomic=True)
    await ledger.debit(one, 90)
    await ledger.grant(other, 1000)
    assert all_said(await batch(ledger, *asks, atomic=True)) == all_said(first)
    assert await ledger.wallet(one) == (10, 0, 0)
    assert await ledger.wallet(other) == (1100, 0, 0)


async def test_in_order_though_a_transfer_stands_between(ledger: Ledger) -> None:
    one, other, third = await ledger.accounts(3)
    async with running(ledger.db, lanes=3) as lanes:
        asks: list[AnyCommand] = [
            grant(one, 100), transfer(one, other, 100), debit(one, 50), transfer(other, third, 30), debit(third, 30),
            grant(one, 7), debit(other, 71), debit(one, 7),
        ]  # fmt: skip
        results = await lanes.submit_batch([ledger.order(asked) for asked in asks])
    assert [isinstance(result, Answer) for result in results] == [
        True,
        True,
        False,
        True,
        True,
        True,
        False,
        True,
    ]


async def test_one_failure_is_one_result(ledger: Ledger) -> None:
    one, other = await ledger.accounts(2, 100)
    results = await batch(
        ledger,
        (debit(one, 150), "a"),
        (debit(one, 40), "b"),
        (debit(999_999, 1), None),
        (debit(other, 100), "c"),
        (debit(one, 40), "b"),
        (debit(one, 41), "b"),
        atomic=False,
    )
    kinds = [result.kind if isinstance(result, Answer) else result.code for result in results]
    assert kinds == ["insufficient_credits", "debit", "not_found", "debit", "debit", "idempotency_key_reused"]
    assert await ledger.wallet(one) == (60, 0, 0)


async def test_a_thousand_at_once(ledger: Ledger) -> None:
    accounts = await ledger.accounts(10)
    asks: list[Keyed] = [(grant(accounts[n % 10], 3), None) for n in range(500)]
    asks += [(debit(accounts[n % 10], 2), None) for n in range(500)]
    for atomic in (True, False):
        results = await batch(ledger, *asks, atomic=atomic)
        assert all(isinstance(result, Answer) for result in results)
    assert [await ledger.wallet(account) for account in accounts] == [(100, 0, 0)] * 10


async def test_apply_inside_somebody_elses_transaction(ledger: Ledger) -> None:
    """What the caller rolls back was never there; what it commits stands with its own rows."""
    account = await ledger.account(100)

    async def spend() -> None:
        async with ledger.db.tx() as tx:
            heads = await actions.lock(tx, [account])
            [result] = await actions.apply(tx, heads, [ledger.order(debit(account, 10), "k")], rates)
            assert isinstance(result, Answer)
            await tx.execute(b"insert into request_count values (%s, now(), 'r', true, 1)", [account])
            raise _Stop

    with pytest.raises(_Stop):
        await spend()
    assert await ledger.wallet(account) == (100, 0, 0)
    async with ledger.db.tx() as tx:
        heads = await actions.lock(tx, [account, 999_999])
        results = await actions.apply(
            tx,
            heads,
            [
                ledger.order(debit(account, 10), "k"),
                ledger.order(debit(999_999, 10)),
                ledger.order(debit(account, 91)),
            ],
            rates,
        )
    assert [isinstance(result, Answer) for result in results] == [True, False, False]
    assert await ledger.wallet(account) == (90, 0, 0)


class _Stop(Exception):
    pass


async def test_manual_acts_stand_in_the_audit_log(ledger: Ledger) -> None:
    account = await ledger.account(100)
    spent = await ledger.debit(account, 10)
    undo = command.Reverse(account=account, entry=spent.seq, reason="a mistake")
    for _ in range(2):
        await ledger.do(undo, key="k")
    await ledger.ask(command.Reverse(account=account, entry=spent.seq, reason="again"), key="declined")
    await ledger.overdraft(account, 5)
    taken_back = command.Reverse(account=account, entry=1, amount=1)
    await ledger.lanes.submit(order(taken_back, tenant=ledger.tenant, actor=SYSTEM))
    rows = await ledger.sql("select actor, action, reason from audit_log where tenant_id = %s", ledger.tenant)
    assert rows == [("key:test", "reverse", "a mistake"), ("key:test", "set_overdraft", None)]


async def test_a_foreign_order_beside_it_prices_nobody(ledger: Ledger) -> None:
    account = await ledger.account(100)
    foreign = ledger.tenant + 1

    async def by_tenant(conn: Tx, wanted: list[tuple[int, str]]) -> Prices:
        async def lines(now: Moments) -> Lines:
            return {
                (tenant, name): RateLine(1, CREDITS, 1 if tenant == foreign else 7) for tenant, name in wanted
            }

        return lines

    lanes = Lanes(ledger.db, by_tenant)
    await lanes.start()
    try:
        one = command.Debit(account=account, credit_type=None, operation="render", quantity=MICRO)
        orders = [order(one, tenant=tenant, actor="key:test") for tenant in (ledger.tenant, foreign)]
        mine, other = await asyncio.gather(*(send(lanes, asked) for asked in orders))
    finally:
        await lanes.stop()
    assert entry_of(mine).amount == -7
    assert isinstance(other, NotFound)
