"""Receivers on ports of this machine, which answer each request as a test says."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

Talk = Callable[[asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Receiver:
    """What came in. ``over`` is set when a connection has ended."""

    port: int = 0
    connections: int = 0
    requests: list[bytes] = field(default_factory=list)
    written: int = 0
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def url(self, host: str = "receiver.example", scheme: str = "http", path: str = "/hook?a=b") -> str:
        return f"{scheme}://{host}:{self.port}{path}"


@asynccontextmanager
async def receiver(talk: Talk, context: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """A server that reads requests and talks after each. Leaving ends whatever it is at."""
    made = Receiver()
    serving: set[asyncio.Task[None] | None] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.connections += 1
        serving.add(asyncio.current_task())
        # a task that was cancelled is noisy in this library: it ends like any other
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                made.requests.append(head + await reader.readexactly(length))
                await talk(writer)
                await writer.drain()
        made.over.set()
        writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        tasks = [task for task in serving if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks)
        await asyncio.sleep(0)  # the transports are told


def says(answer: bytes) -> Talk:
    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(answer)

    return talk


async def hangs(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()
