"""FastAPI as every dialect uses it: JSON read strictly, whatever its content type says, and 405 with all methods."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

from .hot import Reply, Scope
from .strict import NotJson, loads

BROKEN: Final = object()
"""Stands for a body that is not JSON, until the credential has been looked at."""

_JSON: Final = (b"content-type", b"application/json")


class StrictRequest(Request):
    """A request whose body is JSON or `BROKEN`."""

    async def json(self) -> Any:
        try:
            return loads(await self.body())
        except NotJson:
            return BROKEN


class StrictRoute(APIRoute):
    """A route whose handlers get `StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            headers = [pair for pair in request.scope["headers"] if pair[0] != b"content-type"]
            scope = {**request.scope, "headers": [*headers, _JSON]}
            return await handler(StrictRequest(scope, request.receive))

        return strict


def is_broken(error: RequestValidationError) -> bool:
    """Whether what is wrong with the request is that its body is no JSON."""
    return error.body is BROKEN


def response_of(reply: Reply) -> Response:
    """A reply as FastAPI's response."""
    headers = {name.decode(): value.decode("latin-1") for name, value in reply.headers}
    return Response(reply.body, reply.status, headers, None if reply.status == 204 else reply.media.decode())


def methods_at(api: FastAPI, scope: Scope) -> list[str]:
    """The methods that a path answers; none when it is not there."""
    found: set[str] = set()
    for route in api.routes:
        matched, _ = route.matches(scope)
        if matched is not Match.NONE:
            found |= _methods(route)
    if "GET" in found:
        found.add("HEAD")
    return sorted(found | {"OPTIONS"}) if found else []


def _methods(route: BaseRoute) -> set[str]:
    return set(getattr(route, "methods", None) or ())
