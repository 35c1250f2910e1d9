"""The contract's table of contents. Each address answers with and without a slash at its end."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors
from .desk import Desk, System
from .errors import card_refused, too_large
from .handlers import signin

__all__ = ["NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi", "too_large"]

NAME: Final = "appvector"
TITLE: Final = "AppVector contract"
PREFIXES: Final = ("/api/auth", "/api/token", "/api/me", "/api/aso", "/api/billing")

# fmt: off
ROUTES: Final[list[Row]] = [
    Row("POST", "/api/auth/google/", signin.google),
    Row("POST", "/api/token/refresh/", signin.refresh),
    Row("GET", "/api/me/", signin.me),
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
