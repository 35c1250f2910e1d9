"""Receivers of every bad kind, over real sockets: deliveries to others go on, and nothing is lost."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

import pytest

from tallystick.domain.webhooks import jobs, views
from tallystick.domain.webhooks.port import Headers, Outcome
from tallystick.domain.webhooks.sending import Courier
from tallystick.gateways.deliver import MOST, HttpSender
from tests.doubles.wire import Receiver, hangs, receiver, says

from .conftest import Post, until

pytestmark = pytest.mark.anyio

COUNT = 40


class Roads:
    """Two ways out: ``strict`` as in production for one name, and one that takes this machine's receivers."""

    def __init__(self, strict: str, development: HttpSender, production: HttpSender) -> None:
        self._strict = strict
        self._development = development
        self._production = production

    async def send(self, url: str, headers: Headers, body: bytes) -> Outcome:
        name = urlsplit(url).hostname or ""
        way = self._production if name.startswith(self._strict) else self._development
        return await way.send(url, headers, body)


OK = says(b"HTTP/1.1 204 No Content\r\n\r\n")


async def pour(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % 2**30)
    for _ in range(2**14):
        writer.write(b"x" * 65_536)
        await writer.drain()


async def test_the_others_go_on(post: Post) -> None:
    async with AsyncExitStack() as street:
        inside = await street.enter_async_context(receiver(OK))
        to = inside.url("127.0.0.1").encode()
        talks = {
            "good": OK,
            "better": OK,
            "slow": hangs,
            "broken": says(b"HTTP/1.1 500 Oh\r\ncontent-length: 2\r\n\r\nno"),
            "turning": says(b"HTTP/1.1 302 Found\r\nlocation: " + to + b"\r\ncontent-length: 0\r\n\r\n"),
            "huge": pour,
        }
        there = {name: await street.enter_async_context(receiver(talk)) for name, talk in talks.items()}
        urls = {name: one.url(f"{name}.example") for name, one in there.items()}
        urls |= {"down": "http://down.example:1/", "metadata": "https://metadata.example/latest"}
        await send_to(post, urls, there["slow"])
        assert inside.connections == 0


async def send_to(post: Post, urls: dict[str, str], slow: Receiver) -> None:
    endpoints = {
        name: await post.endpoint(url, allow_private=True, ordered=name == "better")
        for name, url in urls.items()
    }
    await post.happen(*range(COUNT), account=1)
    await jobs.fan_out(post.db)

    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["169.254.169.254"] if host == "metadata.example" else ["127.0.0.1"]

    async with (
        HttpSender(allow_private=True, resolve=resolve) as development,
        HttpSender(resolve=resolve) as production,
    ):
        roads = Roads("metadata", development, production)
        async with Courier(post.db, roads, post.vault, last=0) as courier:
            # those who answer have all of it, while the slow one holds its places
            async with asyncio.timeout(60):
                while not await settled(post, endpoints["better"].id, endpoints["good"].id):
                    await courier.run()
                    await courier.wait(0.05)
            await until(lambda: len(slow.requests) > 0)
            assert courier.busy

    async def how(name: str) -> set[tuple[str, int | None, str | None]]:
        rows = await post.deliveries(endpoint=endpoints[name].id)
        assert len(rows) == COUNT
        return {
            (row.status, row.last_status, row.last_error) for row in rows if row.last_error or row.last_status
        }

    assert await how("good") == await how("better") == {("succeeded", 204, None)}
    assert await how("broken") == {("pending", 500, "http_error")}
    assert await how("turning") == {("pending", 302, "http_error")}
    assert await how("down") == {("pending", None, "not_connected")}
    assert await how("metadata") == {("pending", None, "address_refused")}
    assert await how("huge") <= {("succeeded", 200, None)}
    # nothing is lost: what did not arrive waits for its next try
    left = post.rows(
        "select status, due_at is null as idle, count(*) as n from webhook_delivery group by 1, 2"
    )
    assert {(row["status"], row["idle"]) for row in left} <= {("pending", False), ("succeeded", True)}
    assert sum(row["n"] for row in left) == COUNT * len(urls)
    async with post.db.connection() as conn:
        for row in await post.deliveries(endpoint=endpoints["huge"].id, status="succeeded"):
            [attempt] = await views.attempts(conn, row)
            assert len(attempt.response_body) <= 4096 < MOST


async def settled(post: Post, *endpoints: object) -> bool:
    rows = post.rows(
        "select count(*) as n from webhook_delivery where endpoint_id = any(%s) and status = 'pending'",
        list(endpoints),
    )
    return bool(rows[0]["n"] == 0)
