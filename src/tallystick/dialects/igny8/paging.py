"""Pages of a list: the parameters ``page`` and ``page_size``, and how a page is shown.

Links to the next and the previous page are whole addresses, under the server's public one (where none is set, the one
that the caller used), with the other parameters as they were asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Integer, read
from tallystick.http.drf.validation import Refused

from .desk import System

T = TypeVar("T")

DEFAULT_SIZE: Final = 20
MAX_SIZE: Final = 100
_MAX_PAGE: Final = 10**12
_FIELDS: Final = {"page_size": Integer(min_value=1, max_value=MAX_SIZE, default=DEFAULT_SIZE)}


@dataclass(frozen=True, slots=True)
class Paging:
    """The page that was asked for, counted from 1."""

    page: int
    page_size: int

    @property
    def limit(self) -> int:
        return self.page_size

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size

    def cut(self, rows: Sequence[T]) -> Sequence[T]:
        """This page of all the rows: for lists that are read whole."""
        return rows[self.offset : self.offset + self.limit]


class Listed(msgspec.Struct, Generic[T], frozen=True):
    """A list inside ``data``. ``count`` is of all pages."""

    results: list[T]
    count: int
    next: str | None
    previous: str | None


class Bare(msgspec.Struct, Generic[T], frozen=True):
    """A list without an envelope."""

    results: list[T]
    count: int
    success: bool
    next: str | None
    previous: str | None


def paging(ask: Ask) -> Paging:
    """Read the parameters. Raises Refused(404) for what is no page's number, ValidationFailed for a bad size."""
    text = ask.query.get("page", "1")
    if not (text.isascii() and text.isdigit() and len(text) <= 15 and 1 <= int(text) <= _MAX_PAGE):
        raise _no_such_page()
    size: int = read(_FIELDS, ask.query)["page_size"]
    return Paging(int(text), size)


def listed(system: System, ask: Ask, at: Paging, results: list[T], count: int) -> Listed[T]:
    """The page, of ``count`` rows in all. Raises Refused(404) for one after the last; the first is always there."""
    return Listed(results, count, *_links(system, ask, at, count))


def bare(system: System, ask: Ask, at: Paging, results: list[T], count: int) -> Bare[T]:
    """The same for a list without an envelope. Raises as `listed` does."""
    return Bare(results, count, True, *_links(system, ask, at, count))


def _links(system: System, ask: Ask, at: Paging, count: int) -> tuple[str | None, str | None]:
    """Addresses of the next and the previous page, None where there is none."""
    if at.page > 1 and at.offset >= count:
        raise _no_such_page()
    after = _link(system, ask, at.page + 1) if at.offset + at.limit < count else None
    before = _link(system, ask, at.page - 1) if at.page > 1 else None
    return after, before


def _link(system: System, ask: Ask, page: int) -> str:
    query = urlencode({**ask.query, "page": page})
    said = system.settings
    base = said.public_address or (f"http://{ask.host}" if ask.host else said.public_url)
    return f"{base}{ask.path}?{query}"


def _no_such_page() -> Refused:
    return Refused(404, "Invalid page.")
