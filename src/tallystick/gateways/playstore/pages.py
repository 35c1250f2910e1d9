"""What Google Play sends, as the arrays in it: pages with scripts that hold data, and answers to batched calls.

A page says in ``AF_dataServiceRequests`` which of its blocks (``ds:N``) answers which service; the numbers change, the
services' names seldom do. Everything here raises StoreFailed ("changed") for what cannot be read.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

from tallystick.domain.appstores.port import StoreFailed

from .values import at

MORE: Final = "qnKhOb"
"""The service that gives the hits after those on a page."""
PAGE: Final = 100
"""Hits to a following page."""

_BLOCK: Final = re.compile(r">AF_initDataCallback\(\{\s*key:\s*'(ds:\d+)'[^\[\]{}]{0,200}?data:\s*(?=\[)")
_SERVICES: Final = re.compile(r"\bvar AF_dataServiceRequests\s*=")
_SERVICE: Final = re.compile(r"'(ds:\d+)'\s*:\s*\{\s*id:\s*'([^']{1,40})'")
_GUARD: Final = ")]}'"

# which of an app's fields are wanted, by their numbers in the call: without them the hits are bare
_WANTED: Final = [
    *(96, 27, 4, 8, 57, 30, 110, 79, 11, 16, 49),
    *(1, 3, 9, 12, 104, 55, 56, 51, 10, 34, 77),
]
_THAT_WAS_ALL: Final = 5
"""The status of an answer without data where the store has no more."""


def changed(what: str) -> StoreFailed:
    return StoreFailed("changed", f"Google Play's {what}.")


def answers(page: bytes, service: str) -> Iterator[tuple[bool, list[Any]]]:
    """The arrays that a page holds: first those that it says to answer the service (True), then all others (False).

    One that cannot be read is left out.
    """
    text = page.decode("utf-8", "replace")
    keys = _keys(text, service)
    blocks = list(_blocks(text))
    for named in (True, False):
        for key, data in blocks:
            if (key in keys) is named:
                with suppress(StoreFailed):
                    yield named, _decoded(data, 0)[0]


def call(token: str) -> dict[str, str]:
    """The form that asks for the hits after those of a page with that token."""
    asked = [[None, [[10, [10, PAGE]], True, None, _WANTED], None, token]]
    return {"f.req": json.dumps([[[MORE, json.dumps(asked), None, "generic"]]], separators=(",", ":"))}


def called(answer: bytes) -> Any:
    """The array that answers such a call; None: there is no more."""
    text = answer.decode("utf-8", "replace")
    if not text.startswith(_GUARD):
        raise changed("answer to a call has another form")
    place = text.find("[")
    while place >= 0:
        frames, end = _decoded(text, place)
        for frame in frames:
            if at(frame, 0) == "wrb.fr" and at(frame, 1) == MORE:
                return _payload(frame)
        place = text.find("[", end)
    raise changed("answer to a call lacks the answer")


def _payload(frame: list[Any]) -> Any:
    payload = at(frame, 2)
    if isinstance(payload, str):
        return _decoded(payload, 0)[0]
    if payload is None and at(frame, 5, 0) == _THAT_WAS_ALL:
        return None
    raise changed("answer to a call is a refusal")


def _keys(text: str, service: str) -> set[str]:
    """Names of the blocks that a service fills."""
    start = _SERVICES.search(text)
    if start is None:
        return set()
    table = text[start.end() : _end(text, start.end())]
    return {each[1] for each in _SERVICE.finditer(table) if each[2] == service}


def _blocks(text: str) -> Iterator[tuple[str, str]]:
    """The blocks' names, and what begins with their data. Nothing within a block is taken for another."""
    place = 0
    while (found := _BLOCK.search(text, place)) is not None:
        place = _end(text, found.end())
        yield found[1], text[found.end() : place]


def _end(text: str, place: int) -> int:
    """Where the script ends that this place is in."""
    end = text.find("</script", place)
    return end if end >= 0 else len(text)


def _no_number(name: str) -> Any:
    raise ValueError(name)


_JSON: Final = json.JSONDecoder(parse_constant=_no_number)


def _decoded(text: str, place: int) -> tuple[list[Any], int]:
    """The array that begins there, and where it ends."""
    try:
        value, end = _JSON.raw_decode(text, place)
    except (ValueError, RecursionError):
        raise changed("data cannot be read") from None
    if not isinstance(value, list):
        raise changed("data has another form")
    return value, end
