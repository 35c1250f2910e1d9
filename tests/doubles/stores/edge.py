"""What the doubles of both stores have in common: an HTTP server on a port of this machine, and days on which it fails.

A double says in `answer` what its store does. All else is here: what was asked (`asked`, `count`), faults (`fault`,
`failing`, `times`), and a gate that keeps requests waiting while a test looks (`hold`, `arrived`, `release`).
"""

import functools
import gzip
import itertools
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

Fault = Literal[
    "down",  # the connection is closed without an answer
    "slow",  # no answer, until the double ends
    "drip",  # an answer that comes byte by byte and has no end
    "status",  # the double's `status`, with `retry_after` where that is set
    "html",  # 200, with a page that is something else
    "broken",  # the answer's own media type, and half of its body
    "cut",  # the connection ends before the length that was told
    "huge",  # an answer without an end
    "bomb",  # some kilobytes that unpack to very much more
    "redirect",  # to `leads_to`, with the double's `status` if that is one
    "changed",  # whole and well-formed, in a shape that it did not have before
]

_BOMB = 64 * 1024 * 1024


@dataclass(frozen=True)
class Asked:
    """A request that came in."""

    method: str
    target: str
    """As it stood in the request line."""
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    """Names in lower case."""


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    media: str
    headers: dict[str, str] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    """Many who come at once are not turned away."""


class StoreEdge(ABC):
    """A running store: use it with ``with``."""

    def __init__(self) -> None:
        self.fault: Fault | None = None
        self.failing = ""
        """The path at which it fails; empty: everywhere."""
        self.times: int | None = None
        """How many requests more the fault meets; None: all."""
        self.status = 503
        self.retry_after = ""
        self.leads_to = "/elsewhere"
        self.asked: list[Asked] = []
        """What came in, in order."""
        self.under_way = 0
        self.most_at_once = 0
        """Of the requests that were under way at the same time, the most."""
        self.connections = 0
        """Those that are open."""
        self.connections_made = 0
        self._change = threading.Condition()
        self._open = threading.Event()
        self._open.set()
        self._over = threading.Event()

    def __enter__(self) -> Self:
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._open.set()
        if self._thread.is_alive():
            self.kill()

    @property
    def url(self) -> str:
        """The origin, for the settings."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """What the store answers when nothing is wrong."""

    @abstractmethod
    def changed(self, asked: Asked) -> Answer:
        """The same after the store has changed its shape."""

    def count(self, path: str = "") -> int:
        """How many requests came, at one path or all."""
        return sum(path in ("", one.path) for one in list(self.asked))

    def hold(self) -> None:
        """Let requests come in and wait, until `release`."""
        self._open.clear()

    def release(self) -> None:
        self._open.set()

    def arrived(self, number: int, within: float = 30) -> bool:
        """Wait until so many requests have come in all; False when they have not within those seconds.

        It blocks: from a test on the event loop, by `asyncio.to_thread`.
        """
        with self._change:
            return self._change.wait_for(lambda: len(self.asked) >= number, within)

    def quiet(self, within: float = 30) -> bool:
        """Wait until no connection is open; False when one still is after those seconds. It blocks like `arrived`."""
        with self._change:
            return self._change.wait_for(lambda: self.connections == 0, within)

    def kill(self) -> None:
        """Close the port: from now on nobody is let in, and who is in hears nothing."""
        self.fault, self.failing, self.times = "down", "", None
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        self._open.set()

    # for the handler --------------------------------------------------------------------------------

    def came(self, asked: Asked) -> Fault | None:
        """Write the request down, wait at the gate, and give the fault that it meets."""
        with self._change:
            self.asked.append(asked)
            self.under_way += 1
            self.most_at_once = max(self.most_at_once, self.under_way)
            self._change.notify_all()
        self._open.wait()
        with self._change:
            if self.fault is None or self.failing not in ("", asked.path) or self.times == 0:
                return None
            if self.times is not None:
                self.times -= 1
            return self.fault

    def went(self) -> None:
        with self._change:
            self.under_way -= 1

    def connected(self, by: int) -> None:
        with self._change:
            self.connections += by
            self.connections_made += max(by, 0)
            self._change.notify_all()

    def over(self, seconds: float | None = None) -> bool:
        """Wait for the end of the double."""
        return self._over.wait(seconds)


def _handler(store: StoreEdge) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def handle(self) -> None:
            store.connected(1)
            try:
                super().handle()
            except OSError:
                pass  # who asked has gone
            finally:
                store.connected(-1)

        def do_GET(self) -> None:
            self.serve()

        def do_POST(self) -> None:
            self.serve()

        def serve(self) -> None:
            asked = self.read()
            try:
                fault = store.came(asked)
                if fault is None:
                    self.send(store.answer(asked))
                else:
                    self.fail(fault, asked)
            finally:
                store.went()

        def read(self) -> Asked:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            parts = urlsplit(self.path)
            return Asked(
                self.command,
                self.path,
                parts.path,
                _first(parts.query),
                _first(body.decode("latin-1")),
                {name.lower(): value for name, value in self.headers.items()},
            )

        def fail(self, fault: Fault, asked: Asked) -> None:
            match fault:
                case "down":
                    self.close_connection = True
                case "slow":
                    store.over()
                    self.close_connection = True
                case "drip" | "huge":
                    self.endless(fault, store.answer(asked).media)
                case "status":
                    headers = {"Retry-After": store.retry_after} if store.retry_after else {}
                    self.send(Answer(store.status, b"", "text/html", headers))
                case "html":
                    page = b"<!doctype html><html><head><title>Before you continue</title></head></html>"
                    self.send(Answer(200, page, "text/html; charset=utf-8"))
                case "broken":
                    whole = store.answer(asked)
                    self.send(Answer(200, whole.body[: len(whole.body) // 2], whole.media))
                case "cut":
                    self.cut(store.answer(asked))
                case "bomb":
                    self.send_packed(_bomb(), store.answer(asked).media)
                case "redirect":
                    status = store.status if store.status // 100 == 3 else 302
                    self.send(Answer(status, b"", "text/html", {"Location": store.leads_to}))
                case "changed":
                    self.send(store.changed(asked))

        def endless(self, fault: Fault, media: str) -> None:
            self.send_response(200)
            self.send_header("Content-Type", media)
            self.end_headers()
            self.close_connection = True
            for _ in itertools.count():
                self.wfile.write(b" " * (65_536 if fault == "huge" else 1))
                if store.over(0 if fault == "huge" else 0.05):
                    return

        def cut(self, whole: Answer) -> None:
            self.head(200, whole.media, len(whole.body) + 1000, {})
            self.wfile.write(whole.body)
            self.close_connection = True

        def send(self, answer: Answer) -> None:
            body, headers = answer.body, answer.headers
            if len(body) > 1000 and "gzip" in self.headers.get("Accept-Encoding", ""):
                body, headers = gzip.compress(body, 1), headers | {"Content-Encoding": "gzip"}
            self.head(answer.status, answer.media, len(body), headers)
            self.wfile.write(body)

        def send_packed(self, body: bytes, media: str) -> None:
            self.head(200, media, len(body), {"Content-Encoding": "gzip"})
            self.wfile.write(body)

        def head(self, status: int, media: str, length: int, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", media)
            self.send_header("Content-Length", str(length))
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing: a test's output has enough in it."""

    return Handler


def _first(encoded: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(encoded, keep_blank_values=True).items()}


@functools.cache
def _bomb() -> bytes:
    return gzip.compress(b" " * _BOMB, 9)
