"""The table of contents of the pages for people. They are no API and have no OpenAPI document."""

from collections.abc import Awaitable, Callable
from typing import Any, Final
from urllib.parse import parse_qsl

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from tallystick.http.framework import methods_at
from tallystick.http.hot import Reply
from tallystick.kernel.errors import Invalid

from . import confirming, errors, invoice, password, paying, portal
from .desk import Call, System, base

NAME: Final = "hosted"
TITLE: Final = "Hosted pages"
PREFIXES: Final = ("/pay", "/portal", "/password")
OPENAPI: Final = None

_MOST_FIELDS: Final = 100

Handler = Callable[[System, Call], Awaitable[Response]]

_CHECKOUT: Final = "/pay/{checkout}/{token}"
_CONFIRM: Final = "/pay/confirm/{payment}/{token}"
_INVOICE: Final = "/pay/invoice/{invoice}/{token}"
_PORTAL: Final = "/portal/{account}/{token}"
_CHOOSE: Final = "/password/{token}"

ROUTES: Final[list[tuple[str, str, Handler]]] = [
    ("GET", "/pay/done", paying.back),
    ("GET", _CONFIRM, confirming.confirm),
    ("POST", _CONFIRM, confirming.confirmed),
    ("GET", _INVOICE, invoice.show),
    ("POST", _INVOICE, invoice.pay),
    ("GET", _INVOICE + "/pdf", invoice.document),
    ("GET", _CHECKOUT, paying.show),
    ("POST", _CHECKOUT, paying.pay),
    ("POST", _CHECKOUT + "/step", paying.answer),
    ("GET", _CHECKOUT + "/done", paying.done),
    ("GET", _PORTAL, portal.show),
    ("POST", _PORTAL + "/methods", portal.add_method),
    ("POST", _PORTAL + "/methods/{method}/standard", portal.make_standard),
    ("POST", _PORTAL + "/methods/{method}/remove", portal.remove_method),
    ("POST", _PORTAL + "/subscriptions/{subscription}/cancel", portal.cancel),
    ("POST", _PORTAL + "/subscriptions/{subscription}/keep", portal.keep),
    ("GET", _PORTAL + "/invoices/{invoice}/pdf", portal.invoice_pdf),
    ("POST", _PORTAL + "/invoices/{invoice}/pay", portal.pay_invoice),
    ("GET", "/password/done", password.done),
    ("GET", _CHOOSE, password.show),
    ("POST", _CHOOSE, password.choose),
]
"""The order counts: /pay/confirm and /pay/invoice are no checkout's, and /password/done no link's."""


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    for method, path, handler in ROUTES:
        app.add_api_route(path, _endpoint(system, path, handler), methods=[method], response_model=None)
    app.add_exception_handler(HTTPException, _unrouted)
    return app


def too_large(limit: int) -> Reply:
    """The answer to a form that is too large."""
    return errors.too_large()


def card_refused() -> Reply:
    """The answer to a card number."""
    return errors.card_refused()


def _endpoint(system: System, path: str, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        body = await request.body() if request.method == "POST" else b""
        try:
            form = _form(body)
            return await handler(system, Call(request.path_params, request.query_params, form))
        except Exception as error:  # every fault of ours too is answered by a page
            # the template's first parts are the page, those after its token what was to be done on it
            page = path[: path.index("{token}")].format(**request.path_params) + request.path_params["token"]
            return errors.page_of(error, base(system) + page)

    served: Any = endpoint
    served.source = handler
    return endpoint


def _form(body: bytes) -> dict[str, str]:
    """The fields of a form. Raises Invalid for more of them than any of ours has: reading so many takes its time."""
    try:
        return dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise Invalid("form", "has too many fields") from None


async def _unrouted(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        return errors.not_allowed(methods_at(request.app, request.scope))
    return errors.nothing_here()
