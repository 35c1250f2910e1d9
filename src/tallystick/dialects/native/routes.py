"""The native contract's table of contents: method, path, handler."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from tallystick.http.framework import StrictRoute, is_broken, methods_at, response_of
from tallystick.http.hot import HotRoute, Reply, documented
from tallystick.http.hot import Request as HotRequest
from tallystick.http.problem import internal, not_allowed, not_found, problem
from tallystick.http.strict import field_errors
from tallystick.kernel.errors import Fact

from . import (
    answers,
    appstores,
    batches,
    clock,
    commands,
    errors,
    explain,
    invoices,
    openapi,
    payments,
    people,
    plans,
    reloads,
    shapes,
    subscriptions,
    usage,
    webhooks,
)
from .handlers import accounts, batch, books, catalog, keys, ledger, requests, signin
from .native import Native, System, native_of
from .table import Cold, Hot
from .webhooks import told

NAME: Final = "native"
PREFIXES: Final = ("/v2",)
TITLE: Final = "Tallystick API (native)"
OPENAPI: Final = "/v2/openapi.json"


def _command(method: str, path: str, handler: Any, kind: commands.Kind, answer: Any, example: Any) -> Hot:
    return Hot(method, path, handler, kind.status, kind.form, answer, example)


_ACCOUNT: Final = "ext:customer-1"

# fmt: off
HOT: Final = [
    _command("POST", "/v2/debits", ledger.create_debit, commands.DEBIT, answers.Debit,
             {"account": _ACCOUNT, "amount": "2.5", "reference": "job-7"}),
    _command("POST", "/v2/holds", ledger.create_hold, commands.HOLD, answers.Hold,
             {"account": _ACCOUNT, "amount": 100, "expires_in": 900}),
    _command("POST", "/v2/holds/{hold}/capture", ledger.capture_hold, commands.CAPTURE, answers.Capture,
             {"amount": "62.5", "final": True}),
    _command("POST", "/v2/holds/{hold}/release", ledger.release_hold, commands.RELEASE, answers.Hold, {}),
    _command("POST", "/v2/holds/{hold}/extend", ledger.extend_hold, commands.EXTEND, answers.Hold,
             {"expires_in": 900}),
    _command("POST", "/v2/holds/{hold}/report", ledger.report_hold, commands.REPORT, answers.Hold,
             {"amount": 40}),
    _command("POST", "/v2/grants", ledger.create_grant, commands.GRANT, answers.Grant,
             {"account": _ACCOUNT, "amount": 1000, "source": "purchase",
              "paid": {"amount": "9.99", "currency": "USD"}}),
    _command("POST", "/v2/grants/{grant}/refund", ledger.refund_grant, commands.REFUND, answers.GrantRefund,
             {"amount": 10, "reason": "paid twice"}),
    _command("POST", "/v2/entries/{entry}/reverse", ledger.reverse_entry, commands.REVERSE, answers.Reversal,
             {"reason": "the job failed"}),
    _command("POST", "/v2/transfers", ledger.create_transfer, commands.TRANSFER, answers.Transfer,
             {"from": _ACCOUNT, "to": "ext:customer-2", "amount": 5}),
    _command("POST", "/v2/adjustments", ledger.create_adjustment, commands.ADJUST, answers.Adjustment,
             {"account": _ACCOUNT, "direction": "credit", "amount": 5, "reason": "goodwill"}),
    _command("POST", "/v2/accounts/{account}/overdraft", ledger.set_overdraft, commands.SET_OVERDRAFT,
             answers.Overdraft, {"overdraft": 100}),
    Hot("POST", "/v2/batch", batch.create_batch, 200, batches.Batch, batches.Results,
        {"commands": [{"type": "debit", "account": _ACCOUNT, "amount": 1, "key": "job-8"}]}, limit=4 << 20),
    *usage.HOT,
    Hot("GET", "/v2/accounts/{account}/balance", ledger.read_balance, 200, None, shapes.Balance, tag="Accounts"),
]

COLD: Final = [
    Cold("POST", "/v2/accounts", accounts.create_account, 201, shapes.Account, "Accounts"),
    Cold("GET", "/v2/accounts", accounts.list_accounts, 200, shapes.Account, "Accounts", listed=True),
    Cold("GET", "/v2/accounts/{account}", accounts.read_account, 200, shapes.Account, "Accounts"),
    Cold("PATCH", "/v2/accounts/{account}", accounts.patch_account, 200, shapes.Account, "Accounts"),

    Cold("GET", "/v2/accounts/{account}/entries", books.list_entries, 200, shapes.Entry, "Books", listed=True),
    Cold("GET", "/v2/accounts/{account}/grants", books.list_grants, 200, shapes.GrantRow, "Books", listed=True),
    Cold("GET", "/v2/accounts/{account}/holds", books.list_holds, 200, shapes.HoldRow, "Books", listed=True),
    Cold("GET", "/v2/holds/{hold}", books.read_hold, 200, shapes.HeldNow, "Books"),
    Cold("GET", "/v2/entries/{entry}", books.read_entry, 200, shapes.Entry, "Books"),
    Cold("GET", "/v2/entries/{entry}/explain", books.explain_entry, 200, explain.Explained, "Books"),

    Cold("GET", "/v2/credit-types", catalog.list_credit_types, 200, shapes.CreditType, "Catalog", listed=True),
    Cold("PUT", "/v2/credit-types", catalog.put_credit_type, 200, shapes.CreditType, "Catalog"),
    Cold("GET", "/v2/rate-card", catalog.read_rate_card, 200, shapes.RateCard, "Catalog"),
    Cold("PUT", "/v2/rate-card", catalog.put_rate_card, 200, shapes.RateCard, "Catalog"),
    Cold("GET", "/v2/rate-card/versions", catalog.list_rate_cards, 200, shapes.RateCard, "Catalog", listed=True),

    Cold("POST", "/v2/api-keys", keys.create_api_key, 201, shapes.IssuedKey, "Access"),
    Cold("GET", "/v2/api-keys", keys.list_api_keys, 200, shapes.ApiKey, "Access", listed=True),
    Cold("DELETE", "/v2/api-keys/{key}", keys.revoke_api_key, 200, shapes.ApiKey, "Access"),
    Cold("POST", "/v2/auth/login", signin.login, 200, shapes.Tokens, "Access", public=True),
    Cold("POST", "/v2/auth/refresh", signin.refresh, 200, shapes.Tokens, "Access", public=True),
    Cold("GET", "/v2/audit-log", keys.list_audit_log, 200, shapes.AuditEntry, "Access", listed=True),

    Cold("POST", "/v2/requests", requests.report_requests, 200, shapes.Accepted, "Requests"),

    *plans.ROUTES,
    *usage.ROUTES,
    *subscriptions.ROUTES,
    *invoices.ROUTES,
    *payments.ROUTES,
    *reloads.ROUTES,
    *people.ROUTES,
    *webhooks.ROUTES,
    *appstores.ROUTES,
    *clock.ROUTES,
]
# fmt: on


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return _hot(native_of(system))


def endpoints(system: System) -> dict[str, Callable[..., Any]]:
    """Who serves what FastAPI adds by itself."""
    return {OPENAPI: openapi.document}


def api(system: System) -> FastAPI:
    """Everything else, and the OpenAPI document of all."""
    native = native_of(system)
    app = FastAPI(
        title=TITLE,
        version="2",
        description=openapi.DESCRIPTION,
        openapi_url=OPENAPI,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.native = native
    app.router.route_class = StrictRoute
    for row, route in zip(HOT, _hot(native), strict=True):
        _document(app, row, route)
    for cold in COLD:
        _add(app, cold)
    app.add_exception_handler(Fact, _fact)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _crash)
    app.openapi = _document_of(app)  # type: ignore[method-assign]
    return app


def _hot(native: Native) -> list[HotRoute]:
    return [
        HotRoute(
            method=row.method,
            path=row.path,
            handler=partial(_guarded, row.handler, native),
            source=row.handler,
            dialect=NAME,
            limit=row.limit,
        )
        for row in HOT
    ]


async def _guarded(
    handler: Callable[[Native, HotRequest], Any], native: Native, request: HotRequest
) -> Reply:
    """The handler's reply, or the problem that its fact is."""
    try:
        reply: Reply = await handler(native, request)
        return reply
    except Fact as fact:
        return errors.reply(fact, client_key=request.idempotency_key is not None)
    except Exception as error:
        return internal(error)


def _document(app: FastAPI, row: Hot, route: HotRoute) -> None:
    parameters = openapi.path_parameters(row.path)
    extra: dict[str, Any] = {"parameters": parameters}
    statuses = ["401", "403", "404", "422", "503"]
    if row.form is not None:
        parameters.append(openapi.KEY_HEADER)
        required = any(field.is_required() for field in row.form.model_fields.values())
        extra["requestBody"] = openapi.request_body(row.form, row.example, required=required, also=row.also)
        statuses += ["400", "402", "409", "413"]
    names = [parameter["name"] for parameter in parameters if parameter["in"] == "path"]
    endpoint = documented(route.handler, names)
    said = {row.status: openapi.answer(row.answer, "Done."), **row.others}
    _route(app, row, endpoint, statuses, said, extra)


def _add(app: FastAPI, row: Cold) -> None:
    statuses = ["401", "403", "404", "409", "422", "503", *row.more]
    if row.method != "GET":
        statuses += ["400", "413"]
    extra: dict[str, Any] = {}
    if row.public:
        statuses.append("429")
        extra["security"] = []
    said = {row.status: openapi.answer(row.answer, "Done.", listed=row.listed)}
    _route(app, row, row.handler, statuses, said, extra)


def _route(
    app: FastAPI,
    row: Hot | Cold,
    endpoint: Any,
    statuses: list[str],
    said: dict[Any, Any],
    extra: dict[str, Any],
) -> None:
    summary, _, rest = (row.handler.__doc__ or "").partition("\n")
    endpoint.source = row.handler
    app.add_api_route(
        row.path,
        endpoint,
        methods=[row.method],
        status_code=row.status,
        response_model=None,
        response_class=Response,
        responses={**said, **openapi.problems(*sorted(statuses))},
        tags=[row.tag],
        summary=summary.rstrip("."),
        description=" ".join(rest.split()),
        operation_id=row.handler.__name__,
        openapi_extra=extra,
    )


def _document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    made: dict[str, Any] = {}

    def document() -> dict[str, Any]:
        if not made:
            forms = [row.form for row in HOT if row.form is not None]
            forms += [media.form for row in HOT for media in row.also]
            structs = [row.answer for row in HOT] + [row.answer for row in COLD] + list(told.DATA.values())
            made.update(openapi.document(app, forms, structs, told.webhooks(openapi.REF, "Webhooks")))
        return made

    return document


async def _fact(request: Request, fact: Exception) -> Response:
    assert isinstance(fact, Fact)
    return response_of(errors.reply(fact))


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    if is_broken(error):
        return response_of(errors.invalid_json())
    return response_of(errors.faults(field_errors(list(error.errors()))))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return response_of(not_found())
    if error.status_code == 405:
        return response_of(not_allowed(methods_at(request.app, request.scope)))
    return response_of(problem(error.status_code, "http_error", str(error.detail)))


async def _crash(request: Request, error: Exception) -> Response:
    return response_of(internal(error))
