"""The rows of the route table: what each area of the contract lists."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pydantic import BaseModel

from tallystick.http.hot import MAX_BODY
from tallystick.http.hot import Request as HotRequest

from .native import Native


class Hot(NamedTuple):
    """A route of the hot path. ``form`` documents its body, ``answer`` what a success says."""

    method: str
    path: str
    handler: Callable[[Native, HotRequest], Any]
    status: int
    form: type[BaseModel] | None
    answer: Any
    example: Any = None
    tag: str = "Ledger"
    limit: int = MAX_BODY


class Cold(NamedTuple):
    """A route that FastAPI serves. ``more``: the statuses it has beside those of all."""

    method: str
    path: str
    handler: Callable[..., Any]
    status: int
    answer: Any
    tag: str
    listed: bool = False
    public: bool = False
    more: tuple[str, ...] = ()
