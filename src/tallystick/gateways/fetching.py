"""Reading from a store over HTTP, politely and within bounds, whatever the store does.

The scheme, host, port and path are the adapter's own; what a caller chose goes into the encoded query or form alone. No
redirect is followed, no cookie kept, no proxy of the environment used, and nothing that an answer names is fetched. A
reason that a fault is told with has neither the address nor anything that the store said.
"""

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Final
from urllib.parse import urlencode, urlsplit

import httpx2

from tallystick.domain.appstores.port import StoreFailed

from .pace import Pace, Rate

TIMEOUT: Final = 15.0
"""Seconds for a request with all its tries, once it may go."""
PATIENCE: Final = 10.0
"""Seconds that a request waits for its turn at most."""
MOST: Final = 8 * 1024 * 1024
"""Bytes of an answer, decompressed."""

_TRY: Final = 0.4  # of the time-out is what a try waits for the store to say something
_PAUSES: Final = 0.5, 2.0  # seconds at most before the second try, and before each one after it
_PASSING: Final = frozenset((429, 502, 503, 504))
_LONGEST_REST: Final = 60.0  # seconds: no answer shuts a store off for longer
_CODINGS: Final = frozenset(("", "identity", "gzip"))
_AGENT: Final = "Tallystick"


class NotThere(StoreFailed):
    """The store answers 404."""

    def __init__(self) -> None:
        super().__init__("status", "The store answered 404.")


class _Passing(Exception):
    """A fault that another try may not meet. ``after``: the seconds that the store asks everyone to wait."""

    def __init__(self, fault: StoreFailed, after: float = 0.0) -> None:
        super().__init__(str(fault))
        self.fault = fault
        self.after = after


@dataclass(frozen=True, slots=True)
class _Ask:
    method: str
    url: httpx2.URL
    form: Mapping[str, str] | None
    expect: frozenset[str]


class Fetcher:
    """Requests to one origin. Connections are opened at the first one; close it at the end."""

    def __init__(
        self,
        origin: str,
        *,
        rate: Rate | None = None,
        at_once: int = 8,
        timeout: float = TIMEOUT,
        patience: float = PATIENCE,
        most: int = MOST,
        tries: int = 3,
        agent: str = _AGENT,
        chance: Callable[[], float] = random.random,
    ) -> None:
        """``origin`` may have a path, which each request's is put after; ``most`` is bytes.

        Raises ValueError for what is no address.
        """
        # its lines have whole addresses, and a customer's keyword stands in one
        logging.getLogger("httpx2").setLevel(logging.WARNING)
        logging.getLogger("httpcore2").setLevel(logging.WARNING)
        self._origin = _checked(origin)
        self._pace = Pace(rate)
        self._places = asyncio.Semaphore(at_once)
        self._at_once = at_once
        self._timeout = timeout
        self._patience = patience
        self._most = most
        self._tries = tries
        self._agent = agent
        self._chance = chance
        self._http: httpx2.AsyncHTTPTransport | None = None

    async def get(self, path: str, params: Mapping[str, str], *, expect: Collection[str]) -> bytes:
        """The body at an address, decompressed. ``expect``: the media types that it may be told to have.

        Raises StoreFailed, NotThere where the store answers 404.
        """
        return await self._fetch(_Ask("GET", self._url(path, params), None, frozenset(expect)))

    async def post(
        self, path: str, params: Mapping[str, str], form: Mapping[str, str], *, expect: Collection[str]
    ) -> bytes:
        """As `get`, of a form that is sent; for what only reads: it may be sent again."""
        return await self._fetch(_Ask("POST", self._url(path, params), form, frozenset(expect)))

    async def aclose(self) -> None:
        if self._http is not None:
            await self._http.aclose()

    def _url(self, path: str, params: Mapping[str, str]) -> httpx2.URL:
        # a lone half of a character cannot be sent; it becomes a question mark
        query = urlencode(params, encoding="utf-8", errors="replace")
        return httpx2.URL(self._origin + path).copy_with(query=query.encode() if query else None)

    async def _fetch(self, ask: _Ask) -> bytes:
        patience = time.monotonic() + self._patience
        await self._turn(self._patience)
        async with self._place(patience):
            deadline = time.monotonic() + self._timeout
            try:
                async with asyncio.timeout(self._timeout):
                    return await self._try(ask, deadline)
            except TimeoutError:
                raise StoreFailed("timeout", "The store did not answer in time.") from None

    async def _try(self, ask: _Ask, deadline: float) -> bytes:
        """Until it is there, or another try does not help or comes too late."""
        tries = 0
        while True:
            tries += 1
            try:
                return await self._once(ask)
            except _Passing as passing:
                self._pace.rest(time.monotonic() + min(passing.after, _LONGEST_REST))
                if tries == self._tries or not await self._again(tries, passing.after, deadline):
                    raise passing.fault from None

    async def _again(self, tries: int, after: float, deadline: float) -> bool:
        """Wait until the next try may go; False where that is too late."""
        pause = max(_PAUSES[min(tries, len(_PAUSES)) - 1] * self._chance(), after)
        now = time.monotonic()
        if pause >= deadline - now:
            return False
        await asyncio.sleep(pause)
        now = time.monotonic()
        wait = self._pace.take(now, deadline - now)
        if wait is None:
            return False
        await asyncio.sleep(wait)
        return True

    async def _turn(self, most: float) -> None:
        """Wait until the rate lets one more go. Raises StoreFailed."""
        wait = self._pace.take(time.monotonic(), most)
        if wait is None:
            raise StoreFailed("busy", "More is asked of the store than its rate allows.")
        if wait:
            await asyncio.sleep(wait)

    @contextlib.asynccontextmanager
    async def _place(self, until: float) -> AsyncIterator[None]:
        """One of the places for requests that are under way. Raises StoreFailed."""
        try:
            async with asyncio.timeout(max(until - time.monotonic(), 0)):
                await self._places.acquire()
        except TimeoutError:
            raise StoreFailed("busy", "Too many requests to the store are under way.") from None
        try:
            yield
        finally:
            self._places.release()

    async def _once(self, ask: _Ask) -> bytes:
        """Raises StoreFailed, _Passing."""
        try:
            answer = await self._line().handle_async_request(self._request(ask))
            async with contextlib.aclosing(answer):
                _check(answer, ask.expect)
                return await self._read(answer)
        except httpx2.TimeoutException:
            raise _Passing(StoreFailed("timeout", "The store did not answer in time.")) from None
        except httpx2.TransportError as error:
            raise _Passing(StoreFailed("unreachable", _reason(error))) from None
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise StoreFailed("changed", _reason(error)) from None

    async def _read(self, answer: httpx2.Response) -> bytes:
        """Raises StoreFailed for more than an answer can be; the rest is not read, and the connection closed."""
        body = bytearray()
        async with contextlib.aclosing(answer.aiter_bytes()) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > self._most:
                    raise StoreFailed("too_large", f"The answer has more than {self._most} bytes.")
        return bytes(body)

    def _request(self, ask: _Ask) -> httpx2.Request:
        headers = {"User-Agent": self._agent, "Accept": "*/*", "Accept-Encoding": "gzip"}
        timeout = httpx2.Timeout(self._timeout * _TRY).as_dict()
        return httpx2.Request(
            ask.method, ask.url, headers=headers, data=ask.form, extensions={"timeout": timeout}
        )

    def _line(self) -> httpx2.AsyncHTTPTransport:
        # the transport alone, not a client: that would keep cookies, and read where a redirect leads
        if self._http is None:
            self._http = httpx2.AsyncHTTPTransport(
                verify=_certificates(),
                limits=httpx2.Limits(max_connections=self._at_once),
                trust_env=False,
            )
        return self._http


@cache
def _certificates() -> ssl.SSLContext:
    """Those of the machine, or of its SSL_CERT_FILE: read at the first call, since they take their time."""
    return httpx2.create_ssl_context()


def _checked(origin: str) -> str:
    """Raises ValueError."""
    with contextlib.suppress(ValueError, httpx2.InvalidURL):
        parts, url = urlsplit(origin), httpx2.URL(origin)
        plain = parts.username is None and not parts.query and not parts.fragment
        if url.scheme in ("http", "https") and parts.hostname and parts.port != 0 and plain:
            return origin.rstrip("/")
    raise ValueError("A store's address must be such as https://play.example.com.")


def _check(answer: httpx2.Response, expect: frozenset[str]) -> None:
    """That there is a body to read. Raises StoreFailed, _Passing."""
    status = answer.status_code
    if 300 <= status < 400:
        raise StoreFailed("redirect", f"The store leads elsewhere ({status}).")
    if status == 404:
        raise NotThere
    if status != 200:
        fault = StoreFailed("status", f"The store answered {status}.")
        if status in _PASSING:
            raise _Passing(fault, _after(answer.headers.get("Retry-After", "")))
        raise fault
    if answer.headers.get("Content-Encoding", "").strip().lower() not in _CODINGS:
        raise StoreFailed("changed", "The answer is compressed in a way that was not asked for.")
    if answer.headers.get("Content-Type", "").partition(";")[0].strip().lower() not in expect:
        raise StoreFailed("changed", "The answer is of another media type.")


def _after(text: str) -> float:
    """The seconds of a Retry-After (RFC 9110, 10.2.3); none for one that says nothing."""
    if text.isascii() and text.isdigit():
        return float(text[:9])
    with contextlib.suppress(ValueError, OverflowError):
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    return 0.0


def _reason(error: Exception) -> str:
    """The kind of it: its text may have the address."""
    return f"The store cannot be read ({type(error).__name__})."
