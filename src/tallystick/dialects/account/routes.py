"""The contract's table of contents. Each address also answers with a slash at its end; nothing is redirected."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cache, partial
from importlib.resources import files
from typing import Final
from urllib.parse import parse_qsl

import msgspec
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tallystick.domain.identity.asking import Asker
from tallystick.http.framework import methods_at, response_of
from tallystick.http.hot import HotRoute, Reply, count_for
from tallystick.http.hot import Request as HotRequest
from tallystick.kernel.errors import Fact

from . import bodies, errors, handlers
from .auth import System, caller
from .errors import card_refused
from .handlers import Desk

__all__ = ["HOT", "NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi"]

NAME: Final = "account"
TITLE: Final = "Account contract"
PREFIXES: Final = ("/auth/account",)

Handler = Callable[[Desk, Asker, Mapping[str, str]], Awaitable[msgspec.Struct]]

ROUTES: Final[dict[str, Handler]] = {
    "/auth/account/usage": handlers.usage,
    "/auth/account/credits": handlers.credits,
    "/auth/account/ledger": handlers.ledger,
    "/auth/account/summary": handlers.summary,
}
"""GET of each; statistics count both forms of an address under the template given here."""
HOT: Final = ("/auth/account/credits",)


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    desk = Desk(system)
    return [
        HotRoute(
            method="GET",
            path=path,
            handler=partial(_hot, desk, template),
            source=ROUTES[template],
            dialect=NAME,
        )
        for template in HOT
        for path in (template, template + "/")
    ]


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    desk = Desk(system)
    for template, handler in ROUTES.items():
        endpoint = _endpoint(desk, template)
        endpoint.source = handler  # type: ignore[attr-defined]
        for path in (template, template + "/"):
            app.add_api_route(path, endpoint, methods=["GET"], response_model=None, tags=["Account"])
    app.add_exception_handler(HTTPException, _unrouted)
    return app


@cache
def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return files(__package__).joinpath("openapi.yaml").read_bytes()


async def answer(
    desk: Desk,
    template: str,
    authorization: str | None,
    x_account: str | None,
    query: Mapping[str, str],
) -> tuple[Reply, tuple[int, ...]]:
    """One request, from its credential to its reply: facts and faults become the contract's errors.

    With the account in whose statistics it counts, once it is known whose it is.
    """
    who = None
    try:
        who = await caller(desk.system, authorization, x_account)
        reply = Reply(200, bodies.encode(await ROUTES[template](desk, who, query)))
    except Fact as fact:
        reply = errors.reply(fact)
    except Exception as fault:
        reply = errors.internal(fault)
    return reply, () if who is None else (who.account,)


async def _hot(desk: Desk, template: str, request: HotRequest) -> Reply:
    query = dict(parse_qsl(request.query.decode("latin-1"), keep_blank_values=True)) if request.query else {}
    reply, request.counted = await answer(desk, template, request.authorization, request.x_account, query)
    return reply


def _endpoint(desk: Desk, template: str) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        given = request.headers
        reply, counted = await answer(
            desk, template, given.get("authorization"), given.get("x-account"), request.query_params
        )
        count_for(request.scope, counted)
        return response_of(reply)

    return endpoint


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return response_of(errors.not_allowed(methods_at(request.app, request.scope)))
    return response_of(errors.nothing_here())
