"""Lists: whole, up to a bound; or in pages, when the request names a limit."""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar
from uuid import UUID

from tallystick.kernel.errors import Invalid
from tallystick.kernel.page import Page, decode_cursor, encode_cursor

T = TypeVar("T")

_UUID: Final = re.compile("[0-9a-f]{32}", re.ASCII)

MOST: Final = 1000
"""Rows of one answer, and of a list when no limit is given."""


async def page_of(
    query: Mapping[str, str], read: Callable[[int | None, int], Awaitable[Page[T]]]
) -> tuple[list[T], dict[str, str]]:
    """The rows that ``read`` gives after a key, at most so many, and what the answer says besides of a next page.

    Raises Invalid for a limit or cursor that is none.
    """
    page = await read(decode_cursor(query.get("cursor")), limit_of(query))
    cursor = encode_cursor(page.next_key)
    return list(page.rows), {} if cursor is None else {"nextCursor": cursor}


def uuid_cursor(query: Mapping[str, str]) -> UUID | None:
    """The cursor of a list whose rows have no number. Raises Invalid."""
    cursor = query.get("cursor")
    if cursor is None:
        return None
    if _UUID.fullmatch(cursor) is None:
        raise Invalid("cursor", "is not one that this list gave")
    return UUID(cursor)


def limit_of(query: Mapping[str, str]) -> int:
    """Raises Invalid."""
    text = query.get("limit")
    if text is None:
        return MOST
    if text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MOST:
        return int(text)
    raise Invalid("limit", f"must be an integer from 1 to {MOST}")


def alone(query: Mapping[str, str], name: str) -> str | None:
    """The id that asks for one object, if any. Raises Invalid when it stands beside others."""
    if name in query and len(query) > 1:
        raise Invalid(name, "must stand alone")
    return query.get(name)


def chosen(query: Mapping[str, str], name: str, choices: Mapping[str, Any]) -> Any:
    """What a parameter's word means; None when it is not given. Raises Invalid for another word."""
    word = query.get(name)
    if word is None:
        return None
    if word not in choices:
        raise Invalid(name, "must be one of " + ", ".join(choices))
    return choices[word]
