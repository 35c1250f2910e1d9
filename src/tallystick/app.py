"""The front: every request comes in here.

hot routes (no framework) -> dialects by path prefix (one FastAPI each) -> /healthz /readyz /metrics /docs -> 404

A dialect is a folder and one line in `DIALECTS`.
"""

import time
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

from fastapi import FastAPI

from . import routes
from .dialects.account import routes as account
from .dialects.appvector import routes as appvector
from .dialects.credibill import routes as credibill
from .dialects.hosted import routes as hosted
from .dialects.igny8 import routes as igny8
from .dialects.native import routes as native
from .dialects.practice import routes as practice
from .dialects.provider_webhooks import routes as provider_webhooks
from .domain.identity import views as identity
from .http import cards, scalar
from .http.cors import Cors
from .http.framework import methods_at
from .http.hot import (
    ASGI,
    MAX_BODY,
    Disconnected,
    HotRoute,
    Receive,
    Reply,
    Router,
    Scope,
    Send,
    TooLarge,
    counting,
    read_body,
    refuse_body,
    repeated,
    request_of,
    send_reply,
    without_repeated,
)
from .http.metrics import Metrics, RouteStats
from .http.problem import card_refused, internal, not_allowed, not_found, problem, too_large
from .http.wrapping import Watched, not_http, replayed, without_body
from .routes import Endpoint
from .wiring import System

DIALECTS: Final[Sequence[ModuleType]] = (
    native,
    igny8,
    practice,
    appvector,
    credibill,
    account,
    hosted,
    provider_webhooks,
)
"""Each has NAME, TITLE (what /docs calls it), PREFIXES, ``api(system) -> FastAPI`` with whole paths, OPENAPI (the
address of the document that FastAPI makes, None where there is none) or else ``openapi()`` (the one that is written
by hand), and where they help ``hot(system)`` (the routes that skip the framework), ``endpoints(system)`` (paths to the
functions that a reader should be shown), ``too_large(limit)`` (the answer to a body that is), ``card_refused()`` (the
answer to a card number), DOCS (an address of its own, from which /docs shows its document first) and UNREAD (addresses,
and what lies below them, whose bodies are not searched for card numbers: they are a provider's, and what matters is its
signature)."""
OWN_PAGES: Final = frozenset(("hosted", "provider_webhooks"))
"""Dialects that no other site's pages may call, whatever origins are allowed."""


def build(system: System) -> ASGI:
    """The application on a running system."""
    front, origins = Front(system), system.settings.cors_allowed_origins
    closed = [prefix for dialect in DIALECTS if dialect.NAME in OWN_PAGES for prefix in dialect.PREFIXES]
    return Cors(front, origins, closed) if origins else front


def endpoints() -> list[Endpoint]:
    """Every address and where it is served; needs no database."""
    documents = {_document(dialect): dialect for dialect in DIALECTS if not hasattr(dialect, "OPENAPI")}
    written = {address: dialect.openapi for address, dialect in documents.items() if address is not None}
    explorers = {dialect.DOCS: scalar.pages for dialect in DIALECTS if hasattr(dialect, "DOCS")}
    return routes.listed(DIALECTS, _OWN | written | explorers)


def endpoint_lines(word: str) -> list[str]:
    """What `tallystick routes WORD` prints."""
    return routes.lines(endpoints(), word)


def endpoints_page() -> str:
    """ENDPOINTS.md."""
    return routes.page(endpoints())


class Front:
    """The ASGI application."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._metrics = Metrics(lambda: system.lanes.depth, system.store_figures)
        hot = [route for dialect in DIALECTS if hasattr(dialect, "hot") for route in dialect.hot(system)]
        self._router = Router(hot)
        self._stats = {
            (route.method, route.path): self._metrics.of(route.dialect, route.method, _template(route.path))
            for route in hot
        }
        self._too_large = {dialect.NAME: getattr(dialect, "too_large", too_large) for dialect in DIALECTS}
        self._card_refused: dict[str, Callable[[], Reply]] = {
            dialect.NAME: getattr(dialect, "card_refused", card_refused) for dialect in DIALECTS
        }
        self._unread = tuple(
            prefix + "/" for dialect in DIALECTS for prefix in getattr(dialect, "UNREAD", ())
        )
        self._apis: list[tuple[str, str, FastAPI]] = []
        self._pages: dict[str, Reply] = {}
        for dialect in DIALECTS:
            api = dialect.api(system)
            self._apis += [(prefix, dialect.NAME, api) for prefix in dialect.PREFIXES]
            if not hasattr(dialect, "OPENAPI"):
                address = dialect.PREFIXES[0] + "/openapi.yaml"
                self._pages[address] = Reply(200, dialect.openapi(), media=b"application/yaml")
        documents = [(dialect.TITLE, _document(dialect)) for dialect in DIALECTS]
        listed = [(title, address) for title, address in documents if address is not None]
        self._pages |= scalar.pages(listed)
        for dialect in DIALECTS:
            if hasattr(dialect, "DOCS"):
                self._pages |= scalar.pages(listed, at=dialect.DOCS, first=_document(dialect))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await not_http(scope, receive, send)
            return
        if repeated(scope):
            scope = without_repeated(scope)
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, without_body(send)
        found = self._router.find(scope["method"], scope["path"])
        if found is not None:
            await self._hot(found[0], found[1], scope, receive, send)
            return
        path: str = scope["path"]
        if path in self._pages:
            await send_reply(send, await self._own(scope["method"], path))
            return
        for prefix, name, api in self._apis:
            if path.startswith(prefix) and path[len(prefix) : len(prefix) + 1] in ("", "/"):
                await self._cold(name, api, scope, receive, send)
                return
        await send_reply(send, await self._own(scope["method"], path))

    async def _hot(
        self, route: HotRoute, params: tuple[str, ...], scope: Scope, receive: Receive, send: Send
    ) -> None:
        started = time.perf_counter()
        try:
            body = b"" if route.method == "GET" else await read_body(scope, receive, route.limit)
        except TooLarge:
            await refuse_body(receive, send, self._too_large[route.dialect](route.limit))
            status = 413
        except Disconnected:
            return
        else:
            reply = self._refused(route.dialect, scope, body)
            if reply is None:
                request = request_of(scope, params, body)
                reply = await route.handler(request)
                for number in request.counted:
                    self._system.requests.count(number, _template(route.path), reply.status < 400)
            status = reply.status
            await send_reply(send, reply)
        self._stats[route.method, route.path].add(status, time.perf_counter() - started)

    async def _cold(self, name: str, api: FastAPI, scope: Scope, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        if scope["method"] == "OPTIONS":
            await send_reply(send, _options(methods_at(api, scope)))
            return
        try:
            body = await read_body(scope, receive, MAX_BODY)
        except TooLarge:
            await refuse_body(receive, send, self._too_large[name](MAX_BODY))
            self._count(name, scope, started, 413)
            return
        except Disconnected:
            return
        refused = self._refused(name, scope, body)
        if refused is not None:
            await send_reply(send, refused)
            self._count(name, scope, started, refused.status)
            return
        watched, counted = Watched(send), counting(scope)
        try:
            await api(scope, replayed(body, receive), watched)
        except Exception as error:  # the dialect's own handler has answered and logged, if it could
            if not watched.status:
                await send_reply(watched, internal(error))
        template = self._count(name, scope, started, watched.status)
        for number in counted:
            self._system.requests.count(number, template, watched.status < 400)

    def _refused(self, name: str, scope: Scope, body: bytes) -> Reply | None:
        """The answer to a request that has a card number. Nothing of it is kept or logged."""
        if (scope["path"] + "/").startswith(self._unread) or not cards.find(body, scope["query_string"]):
            return None
        return self._card_refused[name]()

    def _count(self, name: str, scope: Scope, started: float, status: int) -> str:
        """Count in the route's metrics; give its template."""
        template = _template(getattr(scope.get("route"), "path", "unmatched"))
        stats: RouteStats = self._metrics.of(
            name, scope["method"] if template != "unmatched" else "", template
        )
        stats.add(status, time.perf_counter() - started)
        return template

    async def _own(self, method: str, path: str) -> Reply:
        answer: Callable[[], Reply] | None = None
        if path in self._pages:
            page = self._pages[path]
            answer = lambda: page  # noqa: E731 - one of several functions to call
        elif path == "/":
            answer = welcome
        elif path == "/docs/scalar.js":
            answer = scalar.bundle
        elif path == "/healthz":
            answer = alive
        elif path == "/metrics":
            answer = self._metrics.reply
        elif path != "/readyz":
            return not_found()
        if method == "OPTIONS":
            return _options(["GET", "HEAD", "OPTIONS"])
        if method != "GET":
            return not_allowed(["GET", "HEAD", "OPTIONS"])
        return await ready(self._system) if answer is None else answer()


def _document(dialect: ModuleType) -> str | None:
    """The address of its OpenAPI document, None where it is no API."""
    address: str | None = getattr(dialect, "OPENAPI", dialect.PREFIXES[0] + "/openapi.yaml")
    return address


def _template(path: str) -> str:
    """What statistics call a route: both slash forms of an address are one."""
    return path.rstrip("/")


def welcome() -> Reply:
    """Send who opens the address in a browser to the documentation."""
    return Reply(307, b"", ((b"location", b"/docs"),))


def alive() -> Reply:
    """Say that the process lives."""
    return Reply(200, b'{"status":"ok"}')


async def ready(system: System) -> Reply:
    """Say whether the database answers and is set up."""
    try:
        async with system.db.connection() as conn:
            if await identity.first_app(conn) is not None:
                return Reply(200, b'{"status":"ready"}')
        return problem(503, "not_ready", "The first app is not set up.")
    except Exception:  # whatever is wrong with the database, the answer is that it is not ready
        headers = ((b"retry-after", b"1"),)
        return problem(503, "not_ready", "The database does not answer, or is not set up.", headers=headers)


_OWN: Final[dict[str, Callable[..., Any]]] = {
    "/": welcome,
    "/healthz": alive,
    "/readyz": ready,
    "/metrics": Metrics.reply,
    "/docs": scalar.pages,
}


def _options(methods: list[str]) -> Reply:
    if not methods:
        return not_found()
    return Reply(204, b"", ((b"allow", ", ".join(methods).encode()),))
