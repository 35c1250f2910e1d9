"""Corrections and deletions: a trace of what was said, and rollups and credits that follow."""

import asyncio
from typing import Any

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger.actions import apply, lock
from tallystick.domain.ledger.commands import Reverse, order
from tallystick.domain.metering import actions, views
from tallystick.domain.metering.model import Event
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict, InsufficientCredits, NotFound
from tests import cast

from .conftest import Metering

pytestmark = pytest.mark.anyio

COMMON: dict[str, Any] = {"reason": "counted twice", "by": "key:x", "rates": rates_in_force}


async def correct(metering: Metering, event: Any, quantity: int) -> Event:
    async with metering.db.tx() as tx:
        return await actions.correct_event(tx, metering.tenant, event, quantity=quantity, **COMMON)


async def delete(metering: Metering, event: Any) -> Event:
    async with metering.db.tx() as tx:
        return await actions.delete_event(tx, metering.tenant, event, **COMMON)


async def history(metering: Metering, event: Any) -> list[tuple[Any, ...]]:
    async with metering.db.connection() as conn:
        found = await views.event(conn, metering.tenant, event)
        return [(one.number, one.kind, one.quantity, one.entry) for one in await views.changes(conn, found)]


async def test_a_correction_moves_the_difference(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=2)
    await metering.grant(10)
    made = await metering.recorded("calls", 3 * MICRO)
    assert await metering.posted() == 4
    changed = await correct(metering, made.id, MICRO)
    assert (changed.entry, await metering.posted()) == (made.entry, 8)
    with pytest.raises(InsufficientCredits):
        await correct(metering, made.id, 6 * MICRO)
    assert await metering.posted() == 8
    assert (await correct(metering, made.id, 4 * MICRO)).entry not in (None, made.entry)
    assert await metering.posted() == 2
    assert (await correct(metering, made.id, MICRO)).entry == made.entry
    assert await metering.posted() == 8
    assert (await correct(metering, made.id, 0)).entry is None
    assert await metering.posted() == 10
    assert (await correct(metering, made.id, 5 * MICRO)).entry is not None
    assert await metering.posted() == 0
    gone = await delete(metering, made.id)
    assert (gone.entry, gone.quantity, await metering.posted()) == (None, 5 * MICRO, 10)
    trace = await history(metering, made.id)
    assert [row[:3] for row in trace] == [
        (1, "corrected", 3 * MICRO),
        (2, "corrected", MICRO),
        (3, "corrected", 4 * MICRO),
        (4, "corrected", MICRO),
        (5, "corrected", 0),
        (6, "deleted", 5 * MICRO),
    ]
    assert trace[0][3] == made.entry
    assert await metering.rows("select count, sum from usage_hour") == [(0, 0)]


@pytest.mark.parametrize(("quantity", "left"), [(4, 20), (6, 18), (0, 20)])
async def test_credits_that_expired_since_cost_nobody_anew(
    metering: Metering, quantity: int, left: int
) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=2)
    await metering.grant(10)
    made = await metering.recorded("calls", 5 * MICRO)
    async with metering.db.tx() as tx:
        await tx.execute(b"update credit_grant set expires_at = clock_timestamp() - interval '1 second'")
    await metering.grant(20)
    await correct(metering, made.id, quantity * MICRO)
    assert await metering.posted() == left


async def test_a_correction_down_needs_no_credits(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=2)
    await metering.grant(10)
    made = await metering.recorded("calls", 5 * MICRO)
    async with metering.db.tx() as tx:
        await tx.execute(b"update credit_grant set expires_at = clock_timestamp() - interval '1 second'")
    assert (await correct(metering, made.id, 4 * MICRO)).quantity == 4 * MICRO
    assert await metering.posted() == 0


async def test_a_correction_after_the_operation_costs_another_type(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=2)
    await metering.grant(10)
    made = await metering.recorded("calls", 3 * MICRO)
    async with metering.db.tx() as tx:
        await catalog.put_credit_type(tx, metering.tenant, code="gold", name="Gold", by="test")
        lines = [Rate("chat", "gold", MICRO)]
        await catalog.put_rate_card(tx, metering.tenant, rates=lines, by="test")
    with pytest.raises(InsufficientCredits):
        await correct(metering, made.id, 2 * MICRO)
    assert await metering.posted() == 4


async def test_a_debit_that_was_reversed_by_hand_is_not_given_back_twice(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=2)
    await metering.grant(10)
    made = await metering.recorded("calls", 3 * MICRO)
    assert made.entry is not None
    back = Reverse(account=metering.account, entry=made.entry, reason="by hand")
    async with metering.db.tx() as tx:
        heads = await lock(tx, [metering.account])
        await apply(tx, heads, [order(back, tenant=metering.tenant, actor="test")], rates_in_force)
    await delete(metering, made.id)
    assert await metering.posted() == 10


async def test_at_once_one_deletion_counts(metering: Metering) -> None:
    await cast.crowd(metering.db)
    made = await metering.recorded("calls", 7)
    await metering.recorded("calls", 1)
    await asyncio.gather(*(delete(metering, made.id) for _ in range(6)))
    assert [row[1] for row in await history(metering, made.id)] == ["deleted"]
    assert await metering.rows("select count, sum from usage_hour") == [(1, 1)]


async def test_what_is_not_there_or_too_old(metering: Metering) -> None:
    made = await metering.recorded()
    other = (await cast.second_app(metering.db)).live
    with pytest.raises(NotFound):
        async with metering.db.tx() as tx:
            await actions.delete_event(tx, other, made.id, **COMMON)
    metering.altered = True
    async with metering.db.tx() as tx:
        await tx.execute(b"update usage_event set at = at - interval '36 days'")
    with pytest.raises(Conflict) as refused:
        await delete(metering, made.id)
    assert refused.value.code == "event_too_old"
