"""Where payment providers send their webhooks: no credential, since what counts is the signature."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tallystick.http.framework import methods_at, response_of
from tallystick.http.hot import Reply
from tallystick.kernel.errors import Fact

from . import errors
from .handlers import System, receive_event

NAME: Final = "provider_webhooks"
TITLE: Final = "Webhooks of payment providers"
PREFIXES: Final = ("/webhooks",)
UNREAD: Final = PREFIXES
OPENAPI: Final = "/webhooks/openapi.json"

_DESCRIPTION: Final = """Addresses to give to a payment provider. `{provider}` is the gateway's name, such as `stripe`;
`{app}` the app's id. Without it the event is the first app's, or that of an `X-App` header.

A provider sends again what is not answered 200, for days: nothing is lost while this server is away."""
_ERROR: Final = {
    "type": "object",
    "required": ["error"],
    "properties": {"error": {"type": "string"}},
}
_RECEIVED: Final = {
    "type": "object",
    "required": ["received"],
    "properties": {"received": {"type": "boolean", "const": True}},
}
_SAID: Final = {
    400: "No secret of this app signed the event, or it was signed too long ago.",
    404: "There is no such provider, or no such app.",
    413: "The body is too large.",
    503: "Not now: nothing changed; send it again.",
}


def too_large(limit: int) -> Reply:
    return errors.error(413, f"An event is at most {limit} bytes.")


def endpoints(system: System) -> dict[str, Callable[..., Any]]:
    """Who serves what FastAPI adds by itself."""
    return {OPENAPI: api}


def api(system: System) -> FastAPI:
    """Both addresses, each also with a slash at its end."""
    app = FastAPI(
        title=TITLE,
        version="1",
        description=_DESCRIPTION,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    for path, endpoint in (
        ("/webhooks/{provider}", _first(system)),
        ("/webhooks/{provider}/{app}", _named(system)),
    ):
        _add(app, path, endpoint, shown=True)
        _add(app, path + "/", endpoint, shown=False)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


def _first(system: System) -> Callable[..., Any]:
    async def endpoint(request: Request, provider: str) -> Response:
        return await _answered(system, request, provider, None)

    return endpoint


def _named(system: System) -> Callable[..., Any]:
    async def endpoint(request: Request, provider: str, app: str) -> Response:
        return await _answered(system, request, provider, app)

    return endpoint


async def _answered(system: System, request: Request, provider: str, app: str | None) -> Response:
    try:
        reply = await receive_event(system, provider, app, request.headers, await request.body())
    except Fact as fact:
        reply = errors.reply(fact)
    except Exception as fault:
        reply = errors.internal(fault)
    return response_of(reply)


def _add(app: FastAPI, path: str, endpoint: Any, *, shown: bool) -> None:
    endpoint.source = receive_event
    summary, _, rest = (receive_event.__doc__ or "").partition("\n")
    app.add_api_route(
        path,
        endpoint,
        methods=["POST"],
        response_model=None,
        response_class=Response,
        responses={200: {"description": "Received.", "content": _content(_RECEIVED)}, **_problems()},
        tags=["Providers"],
        summary=summary.rstrip("."),
        description=" ".join(rest.split()),
        operation_id=f"receive_event{'_of_app' if '{app}' in path else ''}",
        include_in_schema=shown,
        openapi_extra={
            "security": [],
            "requestBody": {
                "required": True,
                "description": "The provider's event as it signed it.",
                "content": {"application/json": {"schema": {"type": "object"}}},
            },
        },
    )


def _problems() -> dict[int | str, dict[str, Any]]:
    return {status: {"description": said, "content": _content(_ERROR)} for status, said in _SAID.items()}


def _content(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allow = ", ".join(methods_at(request.app, request.scope))
        return response_of(errors.error(405, f"This address answers {allow}.", ((b"allow", allow.encode()),)))
    return response_of(errors.error(404, "There is nothing at this address."))
