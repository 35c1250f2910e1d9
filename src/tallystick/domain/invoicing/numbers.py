"""Patterns of invoice numbers, pure: ``INV-{YYYY}-{SEQ:3}`` gives INV-2026-001.

A sequence belongs to its scope, the number's text without the sequence: with ``{YYYY}`` it starts again each
year, with ``{YYYYMM}`` (or ``{YYYY}`` and ``{MM}``) each month, with neither never.
"""

import re
from dataclasses import dataclass
from datetime import date
from typing import Final

from tallystick.kernel.errors import Invalid

_TOKEN: Final = re.compile(r"\{([^{}]*)\}")
_SEQ: Final = re.compile(r"SEQ(?::([1-9]|1[0-2]))?")
_PLAIN: Final = re.compile(r"[A-Za-z0-9 ._/#-]*", re.ASCII)
_DATES: Final = {"YYYY": "{0:%Y}", "MM": "{0:%m}", "YYYYMM": "{0:%Y%m}"}
LONGEST: Final = 60


@dataclass(frozen=True, slots=True)
class Scope:
    """The text before and after a sequence number, and how many digits it has at least."""

    prefix: str
    suffix: str
    width: int

    @property
    def key(self) -> str:
        """What the sequence is counted under. The width is not part of it: a wider one goes on counting."""
        return f"{self.prefix}{{SEQ}}{self.suffix}"

    def number(self, seq: int) -> str:
        """The number; a sequence wider than its width just grows."""
        return f"{self.prefix}{seq:0{self.width}d}{self.suffix}"


def check_pattern(field: str, pattern: str) -> str:
    """Give the pattern back. Raises Invalid."""
    if not 1 <= len(pattern) <= LONGEST:
        raise Invalid(field, f"must have 1 to {LONGEST} characters")
    tokens = _TOKEN.findall(pattern)
    if sum(_SEQ.fullmatch(token) is not None for token in tokens) != 1:
        raise Invalid(field, "must hold {SEQ} or {SEQ:3} (1 to 12 digits) once")
    unknown = [token for token in tokens if token not in _DATES and _SEQ.fullmatch(token) is None]
    if unknown:
        raise Invalid(field, "must hold no other braces than {YYYY}, {MM}, {YYYYMM} and {SEQ:n}")
    if "MM" in tokens and "YYYY" not in tokens:
        raise Invalid(field, "must hold {YYYY} where it holds {MM}")
    if _PLAIN.fullmatch(_TOKEN.sub("", pattern)) is None:
        raise Invalid(field, "must have letters A-Z, digits, spaces and . _ / # - around its braces")
    return pattern


def scope_of(pattern: str, day: date) -> Scope:
    """The scope of numbers given on ``day`` by a checked pattern."""
    sides, width = [""], 1
    at = 0
    for match in _TOKEN.finditer(pattern):
        sides[-1] += pattern[at : match.start()]
        at = match.end()
        seq = _SEQ.fullmatch(match[1])
        if seq is None:
            sides[-1] += _DATES[match[1]].format(day)
        else:
            width = int(seq[1] or 1)
            sides.append("")
    sides[-1] += pattern[at:]
    return Scope(sides[0], sides[1], width)
