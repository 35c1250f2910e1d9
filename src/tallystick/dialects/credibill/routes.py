"""The contract's table of contents. Each address also answers with a slash at its end; nothing is redirected."""

from collections.abc import Awaitable, Callable
from functools import cache, partial
from importlib.resources import files
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tallystick.http.framework import methods_at, response_of
from tallystick.http.hot import HotRoute, Reply, count_for, documented
from tallystick.http.hot import Request as HotRequest
from tallystick.kernel.errors import Fact

from . import bodies, errors
from .auth import System, caller
from .call import Call
from .errors import BadRequest, card_refused, too_large
from .handlers import customers, invoices, plans, subscriptions, usage

__all__ = ["NAME", "PREFIXES", "TITLE", "api", "card_refused", "hot", "openapi", "too_large"]

NAME: Final = "credibill"
TITLE: Final = "CrediBill contract"
PREFIXES: Final = ("/api/usage", "/api/customers", "/api/subscriptions", "/api/plans", "/api/invoices")

Handler = Callable[[Call], Awaitable[Reply]]
_PAGES: Final = frozenset({"limit", "cursor"})


class Row(NamedTuple):
    """``form`` is the body's; ``query`` the parameters there are. What has another method than GET writes."""

    method: str
    path: str
    handler: Handler
    form: type[bodies.Body] | None = None
    query: frozenset[str] = frozenset()


# fmt: off
USAGE: Final = "/api/usage"
ROUTES: Final = [
    Row("POST",   "/api/customers", customers.create_customer, bodies.NewCustomer),
    Row("GET",    "/api/customers", customers.get_customers, query=_PAGES | {"customerId"}),
    Row("PATCH",  "/api/customers", customers.update_customer, bodies.CustomerPatch),

    Row("POST",   "/api/subscriptions", subscriptions.create_subscription, bodies.NewSubscription),
    Row("GET",    "/api/subscriptions", subscriptions.get_subscriptions,
        query=_PAGES | {"subscriptionId", "customerId", "planId", "status"}),
    Row("DELETE", "/api/subscriptions", subscriptions.cancel_subscription,
        query=frozenset({"subscriptionId", "cancelAtPeriodEnd"})),

    Row("POST",   "/api/plans", plans.create_plan, bodies.NewPlan),
    Row("GET",    "/api/plans", plans.get_plans, query=_PAGES),
    Row("PATCH",  "/api/plans", plans.update_plan, bodies.PlanPatch),
    Row("DELETE", "/api/plans", plans.delete_plan, query=frozenset({"planId"})),

    Row("GET",    "/api/invoices", invoices.get_invoices,
        query=_PAGES | {"invoiceId", "customerId", "subscriptionId", "status"}),
    Row("PATCH",  "/api/invoices", invoices.update_invoice, bodies.InvoicePatch),
]
# fmt: on


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return [
        HotRoute(
            method="POST",
            path=path,
            handler=partial(_guarded, system),
            source=usage.record_usage,
            dialect=NAME,
        )
        for path in (USAGE, USAGE + "/")
    ]


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    recording: Any = documented(partial(_guarded, system), ())
    recording.source = usage.record_usage
    _add(app, "POST", USAGE, recording)
    for row in ROUTES:
        endpoint: Any = _endpoint(system, row)
        endpoint.source = row.handler
        _add(app, row.method, row.path, endpoint)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


@cache
def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return files(__package__).joinpath("openapi.yaml").read_bytes()


def _add(app: FastAPI, method: str, path: str, endpoint: Any) -> None:
    for form in (path, path + "/"):
        app.add_api_route(form, endpoint, methods=[method], response_model=None, tags=["CrediBill"])


async def _guarded(system: System, request: HotRequest) -> Reply:
    """The answer to a usage event: facts and faults become the contract's errors."""
    try:
        return await usage.record_usage(system, request)
    except Fact as fact:
        return errors.reply(fact)
    except Exception as fault:
        return errors.internal(fault)


def _endpoint(system: System, row: Row) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        accounts: set[int] = set()
        try:
            reply = await _answer(system, row, request, accounts)
        except Fact as fact:
            reply = errors.reply(fact)
        except Exception as fault:
            reply = errors.internal(fault)
        count_for(request.scope, accounts)
        return response_of(reply)

    return endpoint


async def _answer(system: System, row: Row, request: Request, accounts: set[int]) -> Reply:
    """One request: the credential first, then what is asked, then the act."""
    headers = request.headers
    actor = await caller(system, headers.get("authorization"), write=row.method != "GET")
    query = _query(row, request.scope["query_string"])
    body = None if row.form is None else bodies.read(row.form, await request.body())
    key = headers.get("idempotency-key")
    return await row.handler(Call(system, actor, row.method, row.path, query, key, body, accounts))


def _query(row: Row, text: bytes) -> dict[str, str]:
    """The parameters. One that is not known is refused, since what it was to mean would not happen."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text.decode("latin-1"), keep_blank_values=True):
        if name not in row.query:
            raise BadRequest(f"Unknown parameter: {ascii(name[:100])[1:-1]}")
        if name in found:
            raise BadRequest(f"{name} must be given once")
        found[name] = value
    return found


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return response_of(errors.not_allowed(methods_at(request.app, request.scope)))
    return response_of(errors.nothing_here())
