"""Stores that do not speak HTTP as it is written: a fault with a name, and nothing left open."""

import asyncio
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tallystick.domain.appstores.port import Fault, StoreFailed
from tallystick.gateways.fetching import Fetcher

from .shelf import MEDIA, got

pytestmark = pytest.mark.anyio

KIND = f"Content-Type: {MEDIA}\r\n".encode()
PACKED = gzip.compress(b'{"a":' + b"1" * 5000 + b"}", mtime=0)


@asynccontextmanager
async def saying(answer: bytes) -> AsyncIterator[str]:
    """The origin of a server that says this to whoever comes, and closes."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who asked has heard enough
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize(
    ("answer", "fault"),
    [
        (b"", "unreachable"),
        (b"HTTP/1.1 200", "unreachable"),
        (b"garbage\r\n\r\n", "unreachable"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 100_000, "unreachable"),
        (b"HTTP/1.1 200 OK\r\nA: " + b"b" * 1_000_000, "unreachable"),
        (b"HTTP/1.1 200 OK\r\nA\0: b\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Length: -1\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Length: 9999999999999999999\r\n\r\n{}", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n", "unreachable"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", "unreachable"),
        (
            b"HTTP/1.1 200 OK\r\n" + KIND + b"Transfer-Encoding: chunked\r\n\r\n" + b"F" * 40 + b"\r\n",
            "unreachable",
        ),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 1000, "unreachable"),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "unreachable"),
        (b"HTTP/1.1 999 What\r\n\r\n", "status"),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://[\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://internal.example:port/\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\nLocation: \xff\xfe\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\nLocation: //\x01\r\n\r\n", "redirect"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://xn--" + b"a" * 50_000 + b"/\r\n\r\n", "redirect"),
        (b"HTTP/1.1 200 OK\r\n\r\n{}", "changed"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Type: text/html\r\n\r\n{}", "changed"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: \xff\xfe\r\n\r\n{}", "changed"),
        (b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Encoding: \xff\r\n\r\n{}", "changed"),
        (
            b"HTTP/1.1 200 OK\r\n" + KIND + b"Content-Encoding: gzip\r\n\r\n" + PACKED[:12] + b"\xff" * 99,
            "changed",
        ),
    ],
)
async def test_what_is_no_answer(answer: bytes, fault: Fault) -> None:
    async with saying(answer) as origin:
        fetcher = Fetcher(origin, timeout=60, chance=lambda: 0)
        with pytest.raises(StoreFailed) as failure:
            await got(fetcher)
        assert failure.value.fault == fault
        await fetcher.aclose()


async def test_an_answer_may_end_with_its_connection() -> None:
    async with saying(b"HTTP/1.0 200 OK\r\n" + KIND + b"\r\n{}") as origin:
        fetcher = Fetcher(origin, timeout=60)
        assert await got(fetcher) == b"{}"
        await fetcher.aclose()
