"""Delivering webhooks: HTTP requests to addresses that strangers chose.

The name is resolved here, each address it leads to is looked at, and the connection goes to exactly the address that
was looked at: a name that resolves otherwise a moment later gains nothing. No proxy, no redirect, no cookie; time and
memory are bounded whatever the receiver does.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpcore2

from tallystick.domain.webhooks.addresses import is_public
from tallystick.domain.webhooks.port import Fault, Headers, Outcome

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""The addresses of a host and port. Raises OSError when there are none."""

CONNECT: Final = 5.0
"""Seconds for the name and the connection."""
WHOLE: Final = 20.0
"""Seconds for all of it."""
MOST: Final = 64 * 1024
"""Bytes of an answer that are read."""

_CONNECTIONS: Final = 64  # to one receiver
_IDLE: Final = 4.0  # seconds: less than what receivers commonly keep a connection for
_TRIED: Final = 4  # addresses of a name
_ASKING: Final = 32  # names resolved at once: one that nobody answers for holds a thread for a while


class _Refused(Exception):
    """The address is one that webhooks must not go to."""


class _NotResolved(Exception):
    """The name has no address."""


class HttpSender:
    """Sends webhooks. Open it once for a process, and close it at the end."""

    def __init__(
        self,
        *,
        allow_private: bool = False,
        resolve: Resolve | None = None,
        ssl_context: ssl.SSLContext | None = None,
        whole: float = WHOLE,
    ) -> None:
        """``allow_private`` is for development: private addresses are taken, and plain http. ``whole`` is seconds."""
        self._allow_private = allow_private
        self._whole = whole
        self._names = _Names()
        backend = _Backend(allow_private, resolve or self._names.resolve)
        self._lines = _Lines(backend, ssl_context or httpcore2.default_ssl_context())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._lines.close()
        self._names.close()

    async def send(self, url: str, headers: Headers, body: bytes) -> Outcome:
        """As `Sender.send` says."""
        start = time.monotonic()
        answer = _Answer()
        error: Fault | None = None
        detail = ""
        try:
            async with asyncio.timeout(self._whole):
                await self._post(_target(url, self._allow_private), headers, body, answer)
        except Exception as failure:
            error, detail = _said(failure)
        seconds = time.monotonic() - start
        if answer.status is not None:  # what broke off after it changes nothing
            return Outcome(answer.status, answer.headers, bytes(answer.body), None, detail, seconds)
        return Outcome(None, error=error or "fault", detail=detail, seconds=seconds)

    async def _post(self, url: httpcore2.URL, headers: Headers, body: bytes, answer: "_Answer") -> None:
        timeouts = {"connect": CONNECT, "read": self._whole, "write": self._whole, "pool": self._whole}
        async with (
            self._lines.to(url) as pool,
            pool.stream(
                "POST", url, headers=list(headers), content=body, extensions={"timeout": timeouts}
            ) as response,
        ):
            answer.status = response.status
            answer.headers = [
                (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
            ]
            chunks = response.aiter_stream()
            async with contextlib.aclosing(chunks):
                async for chunk in chunks:
                    answer.body += chunk[: MOST - len(answer.body)]
                    if len(answer.body) >= MOST:
                        return  # the rest is never read: the connection is closed instead


class _Answer:
    """What came so far."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()


@dataclass(slots=True)
class _Line:
    """The connections to one receiver."""

    pool: httpcore2.AsyncConnectionPool
    in_use: int = 0
    used_at: float = 0.0


class _Lines:
    """The connections to all receivers: a pool each, since a pool looks over all it has at each request."""

    def __init__(self, backend: httpcore2.AsyncNetworkBackend, ssl_context: ssl.SSLContext) -> None:
        self._backend = backend
        self._ssl_context = ssl_context
        self._lines: dict[tuple[bytes, bytes, int | None], _Line] = {}
        self._swept_at = 0.0

    @contextlib.asynccontextmanager
    async def to(self, url: httpcore2.URL) -> AsyncIterator[httpcore2.AsyncConnectionPool]:
        """The receiver's pool. What idled too long elsewhere is closed on the way."""
        await self._sweep()
        key = (url.scheme, url.host, url.port)
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(
                httpcore2.AsyncConnectionPool(
                    ssl_context=self._ssl_context,
                    max_connections=_CONNECTIONS,
                    keepalive_expiry=_IDLE,
                    network_backend=self._backend,
                )
            )
        line.in_use += 1
        try:
            yield line.pool
        finally:
            line.in_use -= 1
            line.used_at = time.monotonic()

    async def _sweep(self) -> None:
        now = time.monotonic()
        if now < self._swept_at + 1:
            return
        self._swept_at = now
        idle = [key for key, line in self._lines.items() if not line.in_use and line.used_at < now - _IDLE]
        for line in [self._lines.pop(key) for key in idle]:
            await line.pool.aclose()

    async def close(self) -> None:
        for line in self._lines.values():
            await line.pool.aclose()
        self._lines.clear()


class _Names:
    """Resolves names as the machine does, in threads of its own: no name is asked for twice at once."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_ASKING, "resolve")
        self._asking: dict[tuple[str, int], asyncio.Future[list[str]]] = {}

    async def resolve(self, host: str, port: int) -> Sequence[str]:
        key = (host, port)
        asked = self._asking.get(key)
        if asked is None:
            loop = asyncio.get_running_loop()
            asked = self._asking[key] = loop.run_in_executor(self._threads, _addresses, host, port)
            asked.add_done_callback(lambda done: self._answered(key, done))
        return await asyncio.shield(asked)

    def _answered(self, key: tuple[str, int], done: asyncio.Future[list[str]]) -> None:
        del self._asking[key]
        if not done.cancelled():
            done.exception()  # those who waited were told; perhaps nobody waits any more

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)


def _addresses(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class _Backend(httpcore2.AsyncNetworkBackend):
    """Connects to addresses that were looked at, and to nothing else."""

    def __init__(self, allow_private: bool, resolve: Resolve) -> None:
        self._allow_private = allow_private
        self._resolve = resolve
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's own signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout(timeout):
                found = await self._resolve(host, port)
                allowed = [one for one in found if self._allow_private or is_public(one)]
                if found and not allowed:
                    raise _Refused
                for at, address in enumerate(allowed[:_TRIED], 1):
                    try:
                        return await self._inner.connect_tcp(
                            address, port, None, local_address, socket_options
                        )
                    except httpcore2.ConnectError:
                        if at == min(_TRIED, len(allowed)):
                            raise
        except TimeoutError:
            raise httpcore2.ConnectTimeout("no connection in time") from None
        except OSError:
            raise _NotResolved from None
        raise _NotResolved

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        raise _Refused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def _target(url: str, allow_private: bool) -> httpcore2.URL:
    """Raises _Refused where the scheme is not to be used, ValueError for what is no address."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (allow_private and parts.scheme == "http"):
        raise _Refused
    if not parts.hostname or parts.username is not None or parts.password is not None:
        raise ValueError("no address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return httpcore2.URL(scheme=parts.scheme, host=parts.hostname, port=parts.port, target=path)


def _said(failure: Exception) -> tuple[Fault, str]:
    """Why there is no answer: in words that tell nothing of the network that this server stands in."""
    match failure:
        case _Refused():
            return "address_refused", "The receiver's address is not a public one."
        case _NotResolved():
            return "not_resolved", "The receiver's name has no address."
        case httpcore2.ConnectTimeout():
            return "timed_out", "No connection in time."
        case httpcore2.ConnectError():
            fault = _tls_fault(failure)
            if fault is not None:
                return "tls_failed", fault
            return "not_connected", "The receiver takes no connections."
        case TimeoutError() | httpcore2.TimeoutException():
            return "timed_out", "No answer in time."
        case httpcore2.ProtocolError():
            return "broken_off", "The receiver's answer is not HTTP, or broke off."
        case httpcore2.NetworkError():
            return "broken_off", "The connection broke off."
        case ValueError():
            return "not_connected", "The address cannot be used."
        case _:
            return "fault", type(failure).__name__


def _tls_fault(failure: BaseException) -> str | None:
    """What was wrong with the handshake, if that was it."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"The certificate is not valid: {cause.verify_message}"
        if isinstance(cause, ssl.SSLError):
            return "The TLS handshake failed."
        cause = cause.__cause__ or cause.__context__
    return None
