"""Values in what Google Play writes: where they stand in its arrays, and what of them can be kept and shown.

It writes messages as arrays (a place for each field); fields far behind the others stand in an object at the array's
end, by their number counted from 1. Nothing here raises: what is not of the kind that is asked for is None.
"""

import html
import re
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

from tallystick.domain.appstores.model import LONGEST
from tallystick.gateways import shown

_MICROS: Final = 1_000_000
_MOST_MICROS: Final = 10**18
_LATEST: Final = 4_102_444_800  # 2100: a moment after it is in another unit
_BREAKS: Final = re.compile(r"<(?:br|/p)\s*/?>", re.IGNORECASE)
_TAGS: Final = re.compile(r"<[^<>]*>")


def at(node: Any, *path: int) -> Any:
    """What stands at a path of places, counted from 0."""
    for place in path:
        if not isinstance(node, list):
            return None
        last = node[-1] if node else None
        if isinstance(last, dict) and place >= len(node) - 1:
            node = last.get(str(place + 1))
        else:
            node = node[place] if place < len(node) else None
    return node


def line(value: Any, longest: int = shown.LINE) -> str | None:
    """A text of one line, with something in it."""
    return shown.line(html.unescape(value[: 8 * longest]), longest) if isinstance(value, str) else None


def lines(value: Any) -> str | None:
    """The plain text of a piece of HTML, line by line."""
    if not isinstance(value, str):
        return None
    return shown.lines(html.unescape(_TAGS.sub("", _BREAKS.sub("\n", value[: 2 * LONGEST]))))


def price(micros: Any) -> int | float | None:
    """Millionths of a currency's unit, as units."""
    if type(micros) is not int or not 0 <= micros <= _MOST_MICROS:
        return None
    return micros / _MICROS if micros % _MICROS else micros // _MICROS


def day(seconds: Any) -> str | None:
    """The UTC day of a moment in seconds since 1970, as YYYY-MM-DD."""
    if type(seconds) is not int or not 0 < seconds < _LATEST:
        return None
    return datetime.fromtimestamp(seconds, UTC).date().isoformat()


def id_in(link: Any) -> str | None:
    """The ``id`` that a link of the store's own has in its query."""
    if not isinstance(link, str) or len(link) > shown.ADDRESS:
        return None
    try:
        return line(parse_qs(urlsplit(link).query).get("id", [""])[0])
    except ValueError:  # what is no address, or has more fields than one would
        return None
