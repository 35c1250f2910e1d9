"""Which form of an answer a caller wants, by ``Accept`` (RFC 9110, section 12.5.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

VARY: Final = (b"vary", b"Accept")
"""The header of an answer that depends on it."""


@dataclass(frozen=True, slots=True)
class _Range:
    kind: str
    place: int
    quality: float


def preferred(accept: str, kinds: Sequence[str]) -> str:
    """The media type of ``kinds`` that is wanted most; of equals what is named first, and of those the first there is.

    The first of all where none is acceptable: an answer that was not asked for is better than none.
    """
    ranges = [_range(part, place) for place, part in enumerate(accept.split(","))]
    found = [(kind, _of(kind, ranges)) for kind in kinds]
    wanted = [(one.quality, -one.place, kind) for kind, one in found if one is not None and one.quality > 0]
    if not wanted:
        return kinds[0]
    quality, place, _ = max(wanted, key=lambda row: row[:2])
    return next(kind for q, p, kind in wanted if (q, p) == (quality, place))


def _of(kind: str, ranges: Sequence[_Range]) -> _Range | None:
    """The range that speaks of the kind most closely."""
    for text in (kind, kind.partition("/")[0] + "/*", "*/*"):
        for one in ranges:
            if one.kind == text:
                return one
    return None


def _range(part: str, place: int) -> _Range:
    kind, *params = [one.strip().lower() for one in part.split(";")]
    said = next((one[2:].strip() for one in params if one.startswith("q=")), "1")
    try:
        quality = float(said)
    except ValueError:
        quality = 0.0
    return _Range(kind, place, quality if 0 <= quality <= 1 else 0.0)
