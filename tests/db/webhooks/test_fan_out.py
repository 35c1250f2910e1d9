"""Who is told of what."""

import asyncio
from datetime import UTC, datetime

import pytest

from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.webhooks import actions, jobs
from tests import cast

from .conftest import Post

pytestmark = pytest.mark.anyio


async def test_filters_and_tenants(post: Post) -> None:
    stranger = (await cast.second_app(post.db)).live
    every = await post.endpoint("https://every.example/")
    group = await post.endpoint("https://group.example/", types=["invoice.*"])
    exact = await post.endpoint("https://exact.example/", types=["invoice.paid", "plan.created"])
    off = await post.endpoint("https://off.example/", enabled=False)
    gone = await post.endpoint("https://gone.example/")
    async with post.db.tx() as tx:
        await actions.delete_endpoint(tx, post.tenant, gone.id, by="test")
    await post.happen(1)
    await post.happen(2, type="invoice.voided")
    await post.happen(3, type="plan.created")
    await post.happen(4, tenant=stranger)
    await post.deliver()
    said = post.receivers.said
    assert said(every.url) == [1, 2, 3]
    assert said(group.url) == [1, 2]
    assert said(exact.url) == [1, 3]
    assert said(off.url) == said(gone.url) == []
    assert len(post.receivers.sent) == 7
    assert await post.deliver() == 0


async def test_told_only_of_what_was_committed(post: Post) -> None:
    await post.endpoint()

    async def fail() -> None:
        async with post.db.tx() as tx:
            await events.emit(tx, post.tenant, Event("invoice.paid", datetime.now(UTC), {"n": 1}))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    await post.happen(2)
    await post.deliver()
    assert post.receivers.said("https://a.example/hook") == [2]


async def test_only_of_what_happened_since_it_was_made(post: Post) -> None:
    await post.happen(1)
    assert await jobs.fan_out(post.db) == 1
    await post.endpoint()
    await post.happen(2)
    await post.deliver()
    assert post.receivers.said("https://a.example/hook") == [2]


async def test_many_at_once_and_by_several(post: Post) -> None:
    """Each event has one delivery to each endpoint, however many ask at once."""
    await cast.crowd(post.db)
    here, there = await post.endpoint(), await post.endpoint("https://b.example/", ordered=True)
    for start in range(0, 2500, 500):
        await post.happen(*range(start, start + 500), account=1 + start % 3)
    counts = await asyncio.gather(*(jobs.fan_out(post.db) for _ in range(4)))
    while sum(counts) < 2500:
        counts.append(await jobs.fan_out(post.db))
    assert sum(counts) == 2500
    for endpoint in (here, there):
        rows = await post.deliveries(endpoint=endpoint.id)
        assert len(rows) == len({row.event for row in rows}) == 2500
    # of an ordered endpoint one of each customer is on its way
    assert [row.waiting for row in await post.deliveries(endpoint=there.id)].count(False) == 3
    assert not any(row.waiting for row in await post.deliveries(endpoint=here.id))


async def test_forgotten_after_a_month(post: Post) -> None:
    await post.endpoint()
    await post.happen(1, 2)
    await post.deliver()
    post.pass_time(31 * 86_400)
    await post.happen(3)
    await post.deliver()
    assert await jobs.purge(post.db) == 2
    assert await jobs.purge(post.db) == 0
    [left] = await post.deliveries()
    assert (left.status, post.receivers.sent[-1].said) == ("succeeded", 3)
    assert post.rows("select count(*) as n from event") == [{"n": 1}]
    assert post.rows("select delivery_place from webhook_attempt") == [{"delivery_place": left.place}]
