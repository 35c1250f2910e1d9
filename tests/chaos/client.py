"""A small HTTP client: one keep-alive connection that tells answered from unanswered, and can be rude."""

import asyncio
import contextlib
import json
import socket
import struct
from dataclasses import dataclass
from typing import Any, Final

PATIENCE: Final = 20.0  # seconds for an answer; a lock is waited for up to 10


class Unanswered(Exception):
    """No whole answer came: what became of the request is not known."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    seconds: float

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def replayed(self) -> bool:
        return self.headers.get("idempotent-replayed") == "true"


class Connection:
    """Connects when asked, and again after a failure."""

    def __init__(self, port: int, credential: str) -> None:
        self._port = port
        self._credential = credential
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        key: str | None = None,
        *,
        patience: float = PATIENCE,
    ) -> Answer:
        """Raises Unanswered."""
        began = asyncio.get_running_loop().time()
        try:
            async with asyncio.timeout(patience):
                reader, writer = await self._connected()
                writer.write(self.request(method, path, body, key))
                status, headers, content = await _read_answer(reader)
        except (OSError, EOFError, TimeoutError, ValueError) as error:
            self.close()
            raise Unanswered(f"{type(error).__name__}: {error}") from None
        if headers.get("connection") == "close":
            self.close()
        return Answer(status, headers, content, asyncio.get_running_loop().time() - began)

    async def abandon(
        self, method: str, path: str, body: object, key: str, *, part: float, reset: bool, pause: float
    ) -> None:
        """Send this part of a request (1: all of it), wait, and go away, by a reset or politely."""
        whole = self.request(method, path, body, key)
        head = whole.index(b"\r\n\r\n") + 4
        with contextlib.suppress(OSError):
            _reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            writer.write(whole[: head + int((len(whole) - head) * part)])
            await writer.drain()
            await asyncio.sleep(pause)
            if reset:
                sock: socket.socket = writer.get_extra_info("socket")
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.close()
            await writer.wait_closed()

    def request(self, method: str, path: str, body: object = None, key: str | None = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: localhost",
            f"Authorization: Bearer {self._credential}",
            "Content-Type: application/json",
            f"Content-Length: {len(content)}",
        ]
        if key is not None:
            lines.append(f"Idempotency-Key: {key}")
        return "\r\n".join([*lines, "", ""]).encode() + content

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 22)
        return self._streams


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    status = int(head[0].split()[1])
    headers = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    if headers.get("transfer-encoding") == "chunked":
        content = b""
        while size := int(await reader.readline(), 16):
            content += await reader.readexactly(size)
            await reader.readline()
        await reader.readline()
    else:
        content = await reader.readexactly(int(headers.get("content-length", "0")))
    return status, headers, content
