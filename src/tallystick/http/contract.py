"""A contract whose document is written by hand, from its table of rows to what the front serves.

A row is a method, a path and a handler; each path is served with and without its slash at the end, and nothing is
redirected. A handler is given an `Ask` and raises facts: how the contract says them, its `Errors` tell. The same
handler serves hot rows (without the framework) and all others.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import blake2b
from importlib.resources import files
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tallystick.kernel.errors import Fact

from .framework import methods_at, response_of
from .hot import HotRoute, Reply, count_for
from .hot import Request as HotRequest

_canonical = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Ask:
    """One request, whatever served it. Headers that did not come are None; of a repeated query name the last counts.

    The handler puts into ``counted`` the accounts (internal numbers) in whose statistics the request counts.
    """

    method: str
    path: str
    params: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes
    content_type: str
    authorization: str | None
    x_account: str | None
    x_app: str | None
    key: str | None
    accept: str = ""
    host: str = ""
    """As the caller addressed this server; empty on hot rows."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """All of them, by lower-case name; empty on hot rows."""
    counted: set[int] = field(default_factory=set)

    def digest(self, said: Any) -> bytes:
        """The hash by which a repeat under an idempotency key is known: ``said`` is the body as it was read."""
        return blake2b(
            _canonical((self.method, self.path.rstrip("/"), dict(self.query), said)), digest_size=16
        ).digest()


Handler = Callable[[Any, Ask], Awaitable[Reply]]
"""What a contract's handlers share comes first: the system, or a desk with what they keep."""


class Row(NamedTuple):
    """``path`` is as the document writes it. A hot row is served by the front itself; its answers are JSON."""

    method: str
    path: str
    handler: Handler
    hot: bool = False


class Errors(Protocol):
    """How a contract says what went wrong: a module of functions."""

    def reply(self, fact: Fact, /) -> Reply: ...
    def internal(self, fault: Exception, /) -> Reply:
        """A 500, which is a bug and stands in the log."""
        ...

    def nothing_here(self) -> Reply:
        """404 of an address that is none of the contract's."""
        ...

    async def not_allowed(self, desk: Any, ask: Ask, allow: list[str], /) -> Reply:
        """405; a contract that looks at the credential first says 401 to who has none."""
        ...


def hot(name: str, rows: Sequence[Row], desk: Any, errors: Errors) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return [
        HotRoute(
            method=row.method,
            path=path,
            handler=partial(_hot, row, desk, errors),
            source=row.handler,
            dialect=name,
        )
        for row in rows
        if row.hot
        for path in slash_forms(row.path)
    ]


def api(tag: str, rows: Sequence[Row], desk: Any, errors: Errors) -> FastAPI:
    """Every address, at its whole path."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for row in rows:
        endpoint = _endpoint(row, desk, errors)
        for path in slash_forms(row.path):
            app.add_api_route(path, endpoint, methods=[row.method], response_model=None, tags=[tag])
    app.add_exception_handler(HTTPException, partial(_unrouted, desk, errors))
    return app


@cache
def document(package: str) -> bytes:
    """The OpenAPI document of a dialect's folder, written by hand: YAML, served by the front as it stands."""
    return files(package).joinpath("openapi.yaml").read_bytes()


def slash_forms(path: str) -> tuple[str, str]:
    """A path without and with a slash at its end."""
    bare = path.rstrip("/")
    return bare, bare + "/"


def _endpoint(row: Row, desk: Any, errors: Errors) -> Callable[[Request], Awaitable[Response]]:
    # FastAPI reads the signature: a plain function's, which says what is wanted
    async def served(request: Request) -> Response:
        return await _cold(row, desk, errors, request)

    endpoint: Any = served
    endpoint.source = row.handler
    return served


async def _answer(row: Row, desk: Any, errors: Errors, ask: Ask) -> Reply:
    try:
        return await row.handler(desk, ask)
    except Fact as fact:
        return errors.reply(fact)
    except Exception as fault:  # a fault of ours: logged, and said in the contract's own body
        return errors.internal(fault)


async def _hot(row: Row, desk: Any, errors: Errors, request: HotRequest) -> Reply:
    ask = Ask(
        row.method,
        row.path,
        {},
        _query(request.query),
        request.body,
        request.content_type.decode("latin-1"),
        request.authorization,
        request.x_account,
        request.x_app,
        request.idempotency_key,
    )
    reply = await _answer(row, desk, errors, ask)
    request.counted = ask.counted
    return reply


async def _cold(row: Row, desk: Any, errors: Errors, request: Request) -> Response:
    ask = await _ask(request)
    reply = await _answer(row, desk, errors, ask)
    count_for(request.scope, ask.counted)
    return response_of(reply)


async def _unrouted(desk: Any, errors: Errors, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allow = methods_at(request.app, request.scope)
        return response_of(await errors.not_allowed(desk, await _ask(request), allow))
    return response_of(errors.nothing_here())


async def _ask(request: Request) -> Ask:
    headers = request.headers
    return Ask(
        request.method,
        request.scope["path"],
        request.path_params,
        _query(request.scope["query_string"]),
        await request.body(),
        headers.get("content-type", ""),
        headers.get("authorization"),
        headers.get("x-account"),
        headers.get("x-app"),
        headers.get("idempotency-key"),
        headers.get("accept", ""),
        headers.get("host", ""),
        headers,
    )


def _query(raw: bytes) -> Mapping[str, str]:
    return dict(parse_qsl(raw.decode("latin-1"), keep_blank_values=True)) if raw else {}
