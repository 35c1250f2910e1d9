"""The contract's table of contents. Each address also answers with a slash at its end; nothing is redirected."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors, handlers
from .desk import Desk, System
from .errors import card_refused

__all__ = ["NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi"]

NAME: Final = "account"
TITLE: Final = "Account contract"
PREFIXES: Final = ("/auth/account",)

# fmt: off
ROUTES: Final = [
    Row("GET", "/auth/account/usage", handlers.usage),
    Row("GET", "/auth/account/credits", handlers.credits, hot=True),
    Row("GET", "/auth/account/ledger", handlers.ledger),
    Row("GET", "/auth/account/summary", handlers.summary),
]
# fmt: on


def hot(system: System) -> list[HotRoute]:
    """The routes that the front serves itself."""
    return contract.hot(NAME, ROUTES, Desk(system), errors)


def api(system: System) -> FastAPI:
    """Every address, at its whole path."""
    return contract.api("Account", ROUTES, Desk(system), errors)


def openapi() -> bytes:
    """The contract's OpenAPI document, written by hand: YAML, served by the front as it stands."""
    return contract.document(__package__)
