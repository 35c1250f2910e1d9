"""The hot path's own small framework: from ASGI to a typed handler and back, with nothing in between.

    app.py -> Router.find -> read_body -> HotRoute.handler(Request) -> Reply -> send_reply

A dialect's ``hot(system)`` gives its HotRoutes; the handler reads the credential, decodes the body and renders,
and turns every Fact into the dialect's own error. FastAPI is not involved, though the same handler stands in
the dialect's OpenAPI document by `documented`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, MutableMapping
from typing import Any, Final

import msgspec
from fastapi import Request as FastAPIRequest
from fastapi import Response

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGI = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: Final = b"application/json"
PROBLEM: Final = b"application/problem+json"

MAX_BODY: Final = 1 << 20
"""Bytes of a request's body; a route may say otherwise."""
_LINGER: Final = 64 << 20  # bytes of a refused body that are thrown away, so that its sender hears why
_LINGER_SECONDS: Final = 10.0
_ONCE: Final = (b"authorization", b"idempotency-key", b"x-account", b"x-app")
_COUNTED: Final = "tallystick.counted"


class TooLarge(Exception):
    """The body is larger than the route takes."""


class Disconnected(Exception):
    """The caller went away before its request was whole: there is nobody to answer, and nothing was done."""


class Request:
    """What a hot handler needs of a request. ``params`` are the template's values, in order.

    The handler puts into ``counted`` the accounts (internal numbers) in whose statistics the request counts.
    """

    __slots__ = (
        "authorization", "body", "content_type", "counted", "idempotency_key", "params", "query", "x_account", "x_app",
    )  # fmt: skip

    def __init__(
        self,
        authorization: str | None,
        idempotency_key: str | None,
        params: tuple[str, ...],
        body: bytes,
        query: bytes = b"",
        x_account: str | None = None,
        content_type: bytes = b"",
        x_app: str | None = None,
    ) -> None:
        self.authorization = authorization
        self.idempotency_key = idempotency_key
        self.params = params
        self.body = body
        self.query = query
        self.x_account = x_account
        self.x_app = x_app
        self.content_type = content_type
        self.counted: Collection[int] = ()


class Reply(msgspec.Struct, frozen=True):
    """A whole answer; content type and length are added when it is sent."""

    status: int
    body: bytes
    headers: Headers = ()
    media: bytes = JSON


Handler = Callable[[Request], Awaitable[Reply]]


class HotRoute(msgspec.Struct, frozen=True, kw_only=True):
    """One route of the hot path. ``source`` is the function that a reader should be shown."""

    method: str
    path: str
    handler: Handler
    source: Callable[..., Any]
    dialect: str
    limit: int = MAX_BODY


class Router:
    """Finds the hot route of a method and a path: a dictionary for whole paths, parts for templates."""

    def __init__(self, routes: Iterable[HotRoute]) -> None:
        self._exact: dict[tuple[str, str], HotRoute] = {}
        self._templates: dict[tuple[str, int], list[tuple[HotRoute, list[str]]]] = {}
        for route in routes:
            if "{" in route.path:
                parts = route.path.split("/")
                self._templates.setdefault((route.method, len(parts)), []).append((route, parts))
            else:
                self._exact[route.method, route.path] = route

    def find(self, method: str, path: str) -> tuple[HotRoute, tuple[str, ...]] | None:
        """The route, with the values of its template."""
        exact = self._exact.get((method, path))
        if exact is not None:
            return exact, ()
        given = path.split("/")
        for route, parts in self._templates.get((method, len(given)), ()):
            values = []
            for part, value in zip(parts, given, strict=True):
                if part == value:
                    continue
                if part[:1] != "{" or not value:
                    break
                values.append(value)
            else:
                return route, tuple(values)
        return None


def repeated(scope: Scope) -> bool:
    """Whether a header came twice that may come once: who reads the first and who the last would disagree."""
    names = [name for name, _ in scope["headers"]]
    return any(names.count(name) > 1 for name in _ONCE)


def without_repeated(scope: Scope) -> Scope:
    """The request with one empty header for each that came twice: no credential, and no valid key or account."""
    names = [name for name, _ in scope["headers"]]
    twice = {name for name in _ONCE if names.count(name) > 1}
    kept = [(name, value) for name, value in scope["headers"] if name not in twice]
    return {**scope, "headers": kept + [(name, b"") for name in twice]}


def request_of(scope: Scope, params: tuple[str, ...], body: bytes) -> Request:
    """The request of an ASGI scope whose body was read."""
    authorization = key = x_account = x_app = None
    media = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            authorization = value.decode("latin-1")
        elif name == b"idempotency-key":
            key = value.decode("latin-1")
        elif name == b"x-account":
            x_account = value.decode("latin-1")
        elif name == b"x-app":
            x_app = value.decode("latin-1")
        elif name == b"content-type":
            media = value
    return Request(authorization, key, params, body, scope["query_string"], x_account, media, x_app)


async def read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be, whatever Content-Length says; Disconnected."""
    for name, value in scope["headers"]:
        if name == b"content-length" and (len(value) > 18 or not value.isdigit() or int(value) > limit):
            raise TooLarge
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Disconnected
    body: bytes = message.get("body", b"")
    if len(body) > limit:
        raise TooLarge
    if not message.get("more_body", False):
        return body
    chunks, size = [body], len(body)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Disconnected
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise TooLarge
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)


async def send_reply(send: Send, reply: Reply) -> None:
    body = reply.body
    if reply.status == 204:
        headers = [*reply.headers]
    else:
        headers = [(b"content-type", reply.media), (b"content-length", b"%d" % len(body)), *reply.headers]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def refuse_body(receive: Receive, send: Send, reply: Reply) -> None:
    """Answer a body that is too large and close, throwing away what comes meanwhile.

    A connection closed with bytes unread is reset, and its sender might never see the answer.
    """
    headers = [
        (b"content-type", reply.media),
        (b"content-length", b"%d" % len(reply.body)),
        (b"connection", b"close"),
        *reply.headers,
    ]
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body, "more_body": True})
    thrown = 0
    try:
        async with asyncio.timeout(_LINGER_SECONDS):
            while thrown < _LINGER:
                message = await receive()
                thrown += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body", False):
                    break
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


def counting(scope: Scope) -> set[int]:
    """A set that `count_for` fills; a framework may copy the scope, and the copies share it."""
    accounts: set[int] = scope.setdefault(_COUNTED, set())
    return accounts


def count_for(scope: Scope, accounts: Collection[int]) -> None:
    """Let a request that a framework serves count in the statistics of these accounts (internal numbers)."""
    counting(scope).update(accounts)


def documented(handler: Handler, names: Iterable[str]) -> Callable[[FastAPIRequest], Awaitable[Response]]:
    """The hot handler as a FastAPI endpoint: what the framework calls should the front not have.

    ``names`` are the template's parameters, in order.
    """
    order = tuple(names)

    async def endpoint(request: FastAPIRequest) -> Response:
        values = tuple(str(request.path_params[name]) for name in order)
        given = request_of(request.scope, values, await request.body())
        reply = await handler(given)
        count_for(request.scope, given.counted)
        return Response(
            reply.body,
            reply.status,
            {name.decode(): value.decode("latin-1") for name, value in reply.headers},
            reply.media.decode(),
        )

    return endpoint
