"""Several workers, receivers that hang, and workers that die."""

import asyncio
import random

import psycopg
import pytest

from tallystick.domain.webhooks import jobs
from tallystick.domain.webhooks.port import Outcome
from tallystick.domain.webhooks.sending import AT_ONCE, EACH, Courier
from tallystick.kernel.errors import Unavailable
from tests import cast
from tests.doubles.receivers import OK, Sent

from .conftest import Post, until

pytestmark = pytest.mark.anyio


async def test_two_workers_send_each_once(post: Post) -> None:
    await cast.crowd(post.db)
    endpoints = [await post.endpoint(f"https://r{n}.example/") for n in range(3)]
    await post.happen(*range(400))
    done = await asyncio.gather(*(post.deliver() for _ in range(3)))
    assert sum(done) == 1200
    for endpoint in endpoints:
        assert sorted(post.receivers.said(endpoint.url)) == list(range(400))


async def test_one_that_hangs_slows_no_other(post: Post) -> None:
    """Its places are taken, and only its: all that goes elsewhere is sent while it still hangs."""
    hanging = await post.endpoint("https://hangs.example/")
    others = [await post.endpoint(f"https://r{n}.example/") for n in range(3)]
    release = asyncio.Event()

    async def hang(sent: Sent) -> Outcome:
        await release.wait()
        return OK

    post.receivers.answers[hanging.url] = hang
    await post.happen(*range(100))
    await jobs.fan_out(post.db)
    working = asyncio.create_task(jobs.deliver_due(post.db, post.receivers, post.vault))
    await until(lambda: all(len(post.receivers.said(one.url)) == 100 for one in others))
    assert len(post.receivers.said(hanging.url)) == EACH
    # what comes later goes too
    await post.happen("late")
    await jobs.fan_out(post.db)
    await until(lambda: all(post.receivers.said(one.url)[-1] == "late" for one in others))
    assert len(post.receivers.said(hanging.url)) == EACH
    release.set()
    assert await working == 4 * 101


async def test_many_that_hang_leave_room_in_turns(post: Post) -> None:
    """Endpoints share what there is: none is served before others that wait have had their turn."""
    endpoints = [await post.endpoint(f"https://r{n}.example/") for n in range(8)]
    release = asyncio.Event()

    async def hang(sent: Sent) -> Outcome:
        await release.wait()
        return OK

    for endpoint in endpoints:
        post.receivers.answers[endpoint.url] = hang
    await post.happen(*range(30))
    await jobs.fan_out(post.db)
    async with Courier(post.db, post.receivers, post.vault) as courier:
        await courier.run()
        await until(lambda: len(post.receivers.sent) == AT_ONCE)
        assert {len(post.receivers.said(one.url)) for one in endpoints} == {AT_ONCE // len(endpoints)}
        release.set()


async def test_a_worker_that_dies_after_sending(post: Post) -> None:
    """Nothing is lost and nothing known twice by another id: what was not recorded is sent again after its lease."""
    endpoint = await post.endpoint()
    await post.happen(*range(5))
    await jobs.fan_out(post.db)
    # it dies here: what it sent comes back to nobody
    dying = Courier(post.db, post.receivers, post.vault)
    never = asyncio.Event()

    async def swallow(sent: Sent) -> Outcome:
        await never.wait()
        return OK

    post.receivers.answers[endpoint.url] = swallow
    await dying.run()
    await until(lambda: len(post.receivers.sent) == 5)
    post.receivers.answers.clear()
    assert await post.deliver() == 0
    post.pass_time(61)
    assert await post.deliver() == 5
    sent = post.receivers.sent
    assert sorted((one.id, one.body) for one in sent[:5]) == sorted((one.id, one.body) for one in sent[5:])
    assert {one.attempt for one in sent[5:]} == {2}
    # the late one comes back after all: what is over stays so
    never.set()
    async with dying:
        pass
    assert {(row.status, row.attempts) for row in await post.deliveries()} == {("succeeded", 2)}
    assert post.rows("select count(*) as n from webhook_attempt") == [{"n": 10}]


async def test_a_late_failure_changes_nothing(post: Post) -> None:
    endpoint = await post.endpoint()
    await post.happen(1)
    await jobs.fan_out(post.db)
    never = asyncio.Event()

    async def fail_late(sent: Sent) -> Outcome:
        if sent.attempt > 1:
            return OK
        await never.wait()
        return Outcome(500)

    post.receivers.answers[endpoint.url] = fail_late
    async with Courier(post.db, post.receivers, post.vault) as slow:
        await slow.run()
        await until(lambda: len(post.receivers.sent) == 1)
        post.pass_time(61)
        assert await post.deliver() == 1
        never.set()
    [row] = await post.deliveries()
    assert (row.status, row.attempts, row.last_status) == ("succeeded", 2, 200)
    assert (await post.see(endpoint.id)).enabled


async def test_a_database_that_goes_away_loses_nothing(post: Post) -> None:
    """Sessions are killed between any two statements; every event arrives, and by no other id."""
    endpoint = await post.endpoint(ordered=True)
    other = await post.endpoint("https://b.example/")
    dice = random.Random(7)
    done = False

    async def kill() -> int:
        killed = 0
        async with await psycopg.AsyncConnection.connect(post.db.url, autocommit=True) as conn:
            while not done and killed < 25:
                await asyncio.sleep(dice.random() * 0.02)
                cursor = await conn.execute(
                    "select count(pg_terminate_backend(pid)) from pg_stat_activity where pid <> pg_backend_pid()"
                    " and datname = current_database() and xact_start is not null"
                )
                row = await cursor.fetchone()
                assert row is not None
                killed += row[0]
        return killed

    killing = asyncio.create_task(kill())
    for n in range(120):
        while True:
            try:
                await post.happen(n, account=1 + n % 4)
                break
            except Unavailable:
                continue
    while True:
        try:
            await post.deliver()
            rows = await post.deliveries()
        except Unavailable:
            continue
        if killing.done() and len(rows) == 240 and all(row.status == "succeeded" for row in rows):
            break
        if killing.done() or len(post.receivers.sent) >= 240:
            done = True
            await killing
            post.pass_time(61)
    for endpoint_url in (endpoint.url, other.url):
        sent = [one for one in post.receivers.sent if one.url == endpoint_url]
        # an emit whose outcome was not known was made again: at least each number, each event by one id and body
        assert {one.said for one in sent} == set(range(120))
        assert len({one.id for one in sent}) == len({(one.id, one.body) for one in sent})
