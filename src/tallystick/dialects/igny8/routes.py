"""The contract's table of contents. Each address answers with and without a slash at its end, under /v1 and /api/v1."""

from typing import Final

from fastapi import FastAPI

from tallystick.http import contract
from tallystick.http.contract import Row
from tallystick.http.hot import HotRoute

from . import errors
from .desk import System
from .errors import card_refused, too_large

__all__ = ["NAME", "PREFIXES", "ROUTES", "TITLE", "api", "card_refused", "hot", "openapi", "too_large"]

NAME: Final = "igny8"
TITLE: Final = "IGNY8 contract"
PREFIXES: Final = ("/v1", "/api/v1")

# fmt: off
ROUTES: Final[list[Row]] = [
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
    return contract.document(__package__)
