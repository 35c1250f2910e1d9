"""The contract's table of contents. Each address answers with and without a slash at its end."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors
from .desk import Desk, System
from .errors import card_refused, too_large
from .handlers import (
    appstores,
    credits,
    features,
    invoices,
    limits,
    plans,
    signin,
    stripe,
    subscription,
    usage,
    webhook,
)

__all__ = [
    "DOCS",
    "NAME",
    "PREFIXES",
    "ROUTES",
    "TITLE",
    "UNREAD",
    "api",
    "card_refused",
    "hot",
    "openapi",
    "too_large",
]

NAME: Final = "appvector"
TITLE: Final = "AppVector contract"
PREFIXES: Final = ("/api/auth", "/api/token", "/api/me", "/api/aso", "/api/billing")
UNREAD: Final = ("/api/billing/webhooks",)
DOCS: Final = "/api/docs"
"""Where the contract's document says that its explorer is."""

# fmt: off
ROUTES: Final[list[Row]] = [
    Row("POST", "/api/auth/google/", signin.google),
    Row("POST", "/api/token/refresh/", signin.refresh),
    Row("GET", "/api/me/", signin.me),
    Row("POST", "/api/aso/android-search/", appstores.android_search),
    Row("POST", "/api/aso/apple-search/", appstores.apple_search),
    Row("POST", "/api/aso/android-details/", appstores.android_details, hot=True),
    Row("POST", "/api/aso/android-history/", appstores.android_history),
    Row("POST", "/api/aso/apple-details/", appstores.apple_details, hot=True),
    Row("POST", "/api/aso/apple-history/", appstores.apple_history),
    Row("GET", "/api/billing/plans/", plans.list_plans),
    Row("GET", "/api/billing/plans/{id}/", plans.get_plan),
    Row("GET", "/api/billing/subscription/", subscription.get_subscription),
    Row("POST", "/api/billing/subscription/upgrade/", subscription.upgrade),
    Row("POST", "/api/billing/subscription/downgrade/", subscription.downgrade),
    Row("POST", "/api/billing/subscription/cancel/", subscription.cancel),
    Row("GET", "/api/billing/credits/", credits.read_credits),
    Row("POST", "/api/billing/credits/consume/", credits.consume_credits, hot=True),
    Row("POST", "/api/billing/credits/bonus/", credits.add_bonus),
    Row("GET", "/api/billing/credits/history/", credits.credit_history),
    Row("GET", "/api/billing/usage/", usage.read_usage),
    Row("GET", "/api/billing/limits/", limits.read_limits),
    Row("GET", "/api/billing/features/", features.list_features),
    Row("GET", "/api/billing/features/workspace/", features.workspace_features),
    Row("POST", "/api/billing/features/check/", features.check_feature),
    Row("POST", "/api/billing/features/consume/", features.consume_feature, hot=True),
    Row("GET", "/api/billing/invoices/", invoices.list_invoices),
    Row("GET", "/api/billing/invoices/{id}/", invoices.read_invoice),
    Row("POST", "/api/billing/stripe/checkout/", stripe.checkout),
    Row("POST", "/api/billing/stripe/checkout/credits/", stripe.checkout_credits),
    Row("GET", "/api/billing/stripe/portal/", stripe.open_portal),
    Row("GET", "/api/billing/stripe/payment-history/", stripe.payment_history),
    Row("GET", "/api/billing/stripe/upcoming-invoice/", stripe.upcoming_invoice),
    Row("POST", "/api/billing/webhooks/stripe/", webhook.stripe),
]
# fmt: on


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return contract.hot(NAME, ROUTES, Desk(system), errors)


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    return contract.api("AppVector", ROUTES, Desk(system), errors)


def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return contract.document(__package__)
