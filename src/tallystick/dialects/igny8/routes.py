"""The contract's table of contents. Each address answers with and without a slash at its end, under /v1 and /api/v1."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors
from .desk import System
from .errors import card_refused, too_large
from .handlers import analytics, balance, history, invoices, packages, payments, settings, team

__all__ = ["NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi", "too_large"]

NAME: Final = "igny8"
TITLE: Final = "IGNY8 contract"
PREFIXES: Final = ("/v1", "/api/v1")

# fmt: off
ROUTES: Final[list[Row]] = [
    Row("GET", "/v1/billing/credits/balance/balance/", balance.balance, hot=True),
    Row("GET", "/v1/billing/transactions/", history.transactions),
    Row("GET", "/v1/billing/credits/usage/", history.usage),
    Row("GET", "/v1/billing/invoices/", invoices.list_invoices),
    Row("GET", "/v1/billing/payments/", payments.list_payments),
    Row("GET", "/v1/billing/payment-methods/", payments.list_payment_methods),
    Row("GET", "/v1/billing/credit-packages/", packages.list_packages),
    Row("POST", "/v1/billing/credit-packages/{id}/purchase/", packages.purchase_package),
    Row("GET", "/v1/account/settings/", settings.read_settings),
    Row("PATCH", "/v1/account/settings/", settings.change_settings),
    Row("GET", "/v1/account/team/", team.list_team),
    Row("POST", "/v1/account/team/", team.invite_teammate),
    Row("DELETE", "/v1/account/team/{id}/", team.remove_teammate),
    Row("GET", "/v1/account/usage/analytics/", analytics.usage_analytics),
]
# fmt: on
_ALL: Final = [row._replace(path=start + row.path) for row in ROUTES for start in ("", "/api")]


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return contract.hot(NAME, _ALL, system, errors)


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    return contract.api("IGNY8", _ALL, system, errors)


def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return contract.document(__package__)
