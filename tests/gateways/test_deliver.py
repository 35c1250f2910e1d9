"""Sending to receivers as they are: real sockets, and names that lead wherever a test says."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from tallystick.gateways.deliver import MOST, HttpSender
from tests.doubles.wire import hangs, receiver, says

pytestmark = pytest.mark.anyio

HEADERS = [("content-type", "application/json"), ("webhook-id", "evt_1")]
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nx-a: b\r\n\r\nthanks"
PATIENCE = 30.0


def leading_to(*addresses: str) -> Callable[[str, int], Awaitable[Sequence[str]]]:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return resolve


@asynccontextmanager
async def sender(
    *addresses: str, whole: float = PATIENCE, context: ssl.SSLContext | None = None
) -> AsyncIterator[HttpSender]:
    """Takes private addresses; names lead to these, by default to this machine."""
    resolve = leading_to(*(addresses or ("127.0.0.1",)))
    async with HttpSender(allow_private=True, resolve=resolve, whole=whole, ssl_context=context) as made:
        yield made


async def test_what_is_sent() -> None:
    async with receiver(says(OK)) as there, sender() as send:
        outcome = await send.send(there.url(), HEADERS, b'{"a":1}')
        again = await send.send(there.url(), HEADERS, b'{"a":2}')
    assert (outcome.status, outcome.body, outcome.error) == (200, b"thanks", None)
    assert ("x-a", "b") in list(outcome.headers)
    assert again.status == 200
    first, second = there.requests
    assert there.connections == 1
    assert first.startswith(b"POST /hook?a=b HTTP/1.1\r\n")
    assert b"host: receiver.example:%d\r\n" % there.port in first.lower()
    assert b"webhook-id: evt_1\r\n" in first
    assert first.endswith(b'\r\n\r\n{"a":1}')
    assert second.endswith(b'{"a":2}')


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "169.254.169.254",
        "10.0.0.1",
        "::1",
        "::ffff:127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "fe80::1%lo",
    ],
)
async def test_private_addresses_are_refused(address: str) -> None:
    async with receiver(says(OK)) as there, HttpSender(resolve=leading_to(address)) as send:
        outcome = await send.send(there.url(scheme="https"), HEADERS, b"{}")
        assert (outcome.status, outcome.error) == (None, "address_refused")
        assert address not in outcome.detail
    assert there.connections == 0


async def test_addresses_in_disguise_are_refused() -> None:
    """As the machine itself resolves them."""
    async with receiver(says(OK)) as there, HttpSender() as send:
        for host in ("127.0.0.1", "2130706433", "0x7f.1", "127.1", "localhost", "[::1]", "[::ffff:7f00:1]"):
            outcome = await send.send(there.url(host, "https"), HEADERS, b"{}")
            assert outcome.error == "address_refused", host
        for url in (there.url("127.0.0.1"), "ftp://a.example/", "https:///", "https://u:p@a.example/", ""):
            assert (await send.send(url, HEADERS, b"{}")).status is None
    assert there.connections == 0


async def test_a_name_that_resolves_otherwise_a_moment_later() -> None:
    """A name is asked for once a connection, and the connection goes to just what was looked at."""
    asked: list[str] = []

    async def rebinding(host: str, port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["169.254.169.254"]

    async with receiver(says(OK)) as there, HttpSender(allow_private=True, resolve=rebinding) as send:
        # the name is nobody's: only by what was looked at can it be reached
        assert (await send.send(there.url(), HEADERS, b"{}")).status == 200
        assert (await send.send(there.url(), HEADERS, b"{}")).status == 200
    assert asked == ["receiver.example"]
    async with receiver(says(OK)) as there, HttpSender(resolve=rebinding) as send:
        for _ in range(2):
            assert (await send.send(there.url(scheme="https"), HEADERS, b"{}")).error == "address_refused"
    assert len(asked) == 3
    assert there.connections == 0


async def test_only_what_may_be_reached_is_tried() -> None:
    """Of several addresses the first that answers is taken; the private ones among them never are."""
    async with receiver(says(OK)) as there, sender("127.0.0.2", "127.0.0.1") as send:
        assert (await send.send(there.url(), HEADERS, b"{}")).status == 200
    async with receiver(says(OK)) as there, HttpSender(resolve=leading_to()) as send:
        assert (await send.send(there.url(scheme="https"), HEADERS, b"{}")).error == "not_resolved"


async def test_redirects_are_not_followed() -> None:
    async with receiver(says(OK)) as inside:
        to = inside.url("127.0.0.1").encode()
        answer = b"HTTP/1.1 302 Found\r\nlocation: " + to + b"\r\ncontent-length: 0\r\n\r\n"
        async with receiver(says(answer)) as there, sender() as send:
            outcome = await send.send(there.url(), HEADERS, b"{}")
        assert (outcome.status, outcome.error) == (302, None)
        assert ("location", to.decode()) in list(outcome.headers)
    assert inside.connections == 0


async def test_a_gigabyte_costs_nothing() -> None:
    total = 2**30

    async def pour(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % total)
        while there.written < total:
            writer.write(b"x" * 65_536)
            await writer.drain()
            there.written += 65_536

    async with receiver(pour) as there, sender() as send:
        outcome = await send.send(there.url(), HEADERS, b"{}")
        async with asyncio.timeout(PATIENCE):
            await there.over.wait()
    assert (outcome.status, len(outcome.body)) == (200, MOST)
    # what the sockets' buffers hold, and no more
    assert there.written < total // 8


async def test_no_answer_in_time() -> None:
    async with receiver(hangs) as there, sender(whole=0.3) as send:
        outcome = await send.send(there.url(), HEADERS, b"{}")
    assert (outcome.status, outcome.error) == (None, "timed_out")


async def test_an_answer_that_never_ends_is_an_answer() -> None:
    async def drip(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 202 Accepted\r\ncontent-length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    for patience in (0.5, 5, PATIENCE):  # on a slow machine even the head takes a while
        async with receiver(drip) as there, sender(whole=patience) as send:
            outcome = await send.send(there.url(), HEADERS, b"{}")
        if outcome.status is not None:
            break
    assert (outcome.status, outcome.error) == (202, None)
    assert set(outcome.body) <= set(b"x")


async def test_answers_that_are_none() -> None:
    async def endless_head(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            writer.write(b"x-header: " + b"y" * 1000 + b"\r\n")
            await writer.drain()

    async def hang_up(writer: asyncio.StreamWriter) -> None:
        writer.close()

    for talk in (endless_head, hang_up, says(b"220 mail.example ESMTP\r\n\r\n")):
        async with receiver(talk) as there, sender() as send:
            outcome = await send.send(there.url(), HEADERS, b"{}")
        assert (outcome.status, outcome.error) == (None, "broken_off")


async def test_nobody_there() -> None:
    async with receiver(says(OK)) as there, sender() as send:
        url = there.url()
    async with sender() as send:
        assert (await send.send(url, HEADERS, b"{}")).error == "not_connected"

    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("no such name: secret.internal")

    async with HttpSender(resolve=unknown) as send:
        outcome = await send.send("https://a.example/", HEADERS, b"{}")
    assert outcome.error == "not_resolved"
    assert "secret" not in outcome.detail


async def test_many_at_once() -> None:
    async with receiver(says(OK)) as there, sender() as send:
        outcomes = await asyncio.gather(*(send.send(there.url(), HEADERS, b"{}") for _ in range(200)))
    assert {one.status for one in outcomes} == {200}
    assert len(there.requests) == 200


async def test_tls_is_checked_by_name(authority: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    server, trusting = authority
    async with receiver(says(OK), server) as there:
        async with sender(context=trusting) as send:
            assert (await send.send(there.url(scheme="https"), HEADERS, b"{}")).status == 200
            other = await send.send(there.url("other.example", "https"), HEADERS, b"{}")
            assert (other.status, other.error) == (None, "tls_failed")
        async with sender() as send:
            strange = await send.send(there.url(scheme="https"), HEADERS, b"{}")
            assert (strange.status, strange.error) == (None, "tls_failed")
    assert len(there.requests) == 1
