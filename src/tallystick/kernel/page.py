"""Keyset pages: a cursor is the last row's key, opaque to the client. And slices, by offset."""

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from .errors import Invalid

MAX_KEY: Final = 2**63 - 1
"""Largest key of a row: PostgreSQL's bigint."""

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Rows of one page and the key to go on after, or None at the end."""

    rows: Sequence[T]
    next_key: int | None = None

    def map(self, show: Callable[[T], U]) -> "Page[U]":
        return Page([show(row) for row in self.rows], self.next_key)


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Rows by offset, and how many there are in all: for contracts whose pages have numbers."""

    rows: Sequence[T]
    total: int


def page_of(rows: Sequence[T], limit: int, key: Callable[[T], int]) -> Page[T]:
    """Make a page of a query that asked for ``limit + 1`` rows."""
    if len(rows) <= limit:
        return Page(rows)
    return Page(rows[:limit], key(rows[limit - 1]))


def encode_cursor(key: int | None) -> str | None:
    if key is None:
        return None
    return base64.urlsafe_b64encode(b"k%d" % key).rstrip(b"=").decode()


def decode_cursor(cursor: str | None) -> int | None:
    """Raises Invalid for a cursor that `encode_cursor` did not make."""
    if cursor is None:
        return None
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        if not raw.startswith(b"k") or len(raw) > 20 or not raw[1:].isdigit():
            raise ValueError
        key = int(raw[1:])
        if key > MAX_KEY or encode_cursor(key) != cursor:
            raise ValueError
        return key
    except (ValueError, binascii.Error):
        raise Invalid("cursor", "is not one that this list gave") from None
