"""The rows of the route table: what each area of the contract lists."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel

from tallystick.http.hot import MAX_BODY
from tallystick.http.hot import Request as HotRequest

from .native import Native


class Media(NamedTuple):
    """Another media type of a body, the form that documents it, and an example."""

    name: str
    form: type[BaseModel]
    example: Any


class Hot(NamedTuple):
    """A route of the hot path. ``form`` documents its body, ``also`` its other media types, ``answer`` what a
    success says; ``others`` are the OpenAPI responses of further successes."""

    method: str
    path: str
    handler: Callable[[Native, HotRequest], Any]
    status: int
    form: type[BaseModel] | None
    answer: Any
    example: Any = None
    tag: str = "Ledger"
    limit: int = MAX_BODY
    also: tuple[Media, ...] = ()
    others: Mapping[int, dict[str, Any]] = MappingProxyType({})


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
