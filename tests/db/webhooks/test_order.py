"""Ordered endpoints: a customer's events one after another, whatever fails."""

import asyncio
import random

import pytest

from tallystick.domain.webhooks import actions, jobs, replays
from tallystick.domain.webhooks.port import Outcome
from tests.doubles.receivers import DOWN, OK, Sent

from .conftest import Post

pytestmark = pytest.mark.anyio

EVENTS = 15


async def test_order_under_failure(post: Post) -> None:
    """Three customers, a receiver that fails every third time, two workers: each customer's come in order."""
    endpoint = await post.endpoint(ordered=True)
    dice = random.Random(4)
    taken: list[tuple[int, int]] = []
    on_way: set[int] = set()

    async def answer(sent: Sent) -> Outcome:
        account, n = sent.said
        assert account not in on_way
        on_way.add(account)
        await asyncio.sleep(dice.random() * 0.003)
        on_way.discard(account)
        if dice.random() < 0.33:
            return DOWN
        taken.append((account, n))
        return OK

    post.receivers.answers[endpoint.url] = answer
    for account in (1, 2, 3):
        await post.happen(*((account, n) for n in range(EVENTS)), account=account)
    await jobs.fan_out(post.db)
    while any(row.status == "pending" for row in await post.deliveries()):
        await asyncio.gather(post.deliver(), post.deliver())
        post.pass_time(86_400)
        post.rows(
            "update webhook_endpoint set failing_since = clock_timestamp() where failing_since is not null"
        )
    for account in (1, 2, 3):
        assert [n for who, n in taken if who == account] == list(range(EVENTS))


async def test_one_customer_waits_alone(post: Post) -> None:
    ordered = await post.endpoint(ordered=True)
    loose = await post.endpoint("https://loose.example/")
    for endpoint in (ordered, loose):
        post.receivers.answers[endpoint.url] = lambda sent: DOWN if sent.said == "a1" else OK
    for account, name in ((1, "a"), (2, "b")):
        await post.happen(f"{name}1", f"{name}2", f"{name}3", account=account)
    await post.happen("c1", "c2")
    await post.deliver()
    assert sorted(post.receivers.said(ordered.url)) == ["a1", "b1", "b2", "b3", "c1", "c2"]
    assert sorted(post.receivers.said(loose.url)) == ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2"]
    post.receivers.answers.clear()
    post.pass_time(86_400)
    await post.deliver()
    assert [n for n in post.receivers.said(ordered.url) if n.startswith("a")] == ["a1", "a1", "a2", "a3"]


async def test_given_up_lets_the_next_go(post: Post) -> None:
    endpoint = await post.endpoint(ordered=True)
    post.receivers.answers[endpoint.url] = lambda sent: DOWN if sent.said == 1 else OK
    await post.happen(1, 2, account=1)
    for _ in range(13):
        await post.deliver()
        post.rows(
            "update webhook_delivery set due_at = clock_timestamp() where due_at is not null and not waiting"
        )
    await post.deliver()
    assert post.receivers.said(endpoint.url) == [1] * 13 + [2]
    assert [row.status for row in await post.deliveries()] == ["failed", "succeeded"]


async def test_replayed_in_its_place(post: Post) -> None:
    """What is sent again goes before what is later and still waits."""
    endpoint = await post.endpoint(ordered=True)
    await post.happen(1, account=1)
    await post.deliver()
    post.receivers.answers[endpoint.url] = lambda sent: DOWN if sent.said == 2 else OK
    await post.happen(2, 3, account=1)
    await post.deliver()
    [first, *_] = await post.deliveries()
    async with post.db.tx() as tx:
        again = await replays.replay(tx, post.tenant, first.id, by="test")
    assert (again.status, again.waiting) == ("pending", True)
    post.receivers.answers.clear()
    post.pass_time(86_400)
    await post.deliver()
    assert post.receivers.said(endpoint.url) == [1, 2, 2, 1, 3]


async def test_order_switched_on_and_off(post: Post) -> None:
    endpoint = await post.endpoint()
    await post.happen(1, 2, 3, account=1)
    await jobs.fan_out(post.db)
    changed = await post.update(endpoint, ordered=True)
    assert [row.waiting for row in await post.deliveries()] == [False, True, True]
    await post.update(changed, ordered=False)
    assert [row.waiting for row in await post.deliveries()] == [False, False, False]
    await post.update(endpoint, ordered=True)
    await post.deliver()
    assert post.receivers.said(endpoint.url) == [1, 2, 3]


async def test_deleted_with_a_queue(post: Post) -> None:
    endpoint = await post.endpoint(ordered=True)
    await post.happen(1, 2, 3, account=1)
    await jobs.fan_out(post.db)
    async with post.db.tx() as tx:
        await actions.delete_endpoint(tx, post.tenant, endpoint.id, by="test")
    assert {row.status for row in await post.deliveries()} == {"cancelled"}
    assert await post.deliver() == 0
