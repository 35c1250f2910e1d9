"""The contract's table of contents. Each address answers with and without a slash at its end."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors, handlers
from .desk import Desk, System
from .errors import card_refused, too_large

__all__ = ["NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi", "too_large"]

NAME: Final = "practice"
TITLE: Final = "Practice credits contract"
PREFIXES: Final = ("/api/credits",)

# fmt: off
ROUTES: Final[list[Row]] = [
    Row("GET", "/api/credits/packages/", handlers.packages),
    Row("POST", "/api/credits/purchase/", handlers.purchase),
    Row("GET", "/api/credits/balance/", handlers.balance, hot=True),
    Row("GET", "/api/credits/transactions/", handlers.transactions),
    Row("GET", "/api/credits/receipts/{uuid}/", handlers.receipt),
]
# fmt: on


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return contract.hot(NAME, ROUTES, Desk(system), errors)


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    return contract.api("Practice credits", ROUTES, Desk(system), errors)


def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return contract.document(__package__)
