"""More of the framework's serializer fields: text of a pattern, dates, and several of some words."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from .fields import Char, Choice, Field, Wrong
from .parsing import Form

NO_MATCH: Final = "This value does not match the required pattern."
NOT_A_DATE: Final = "Date has wrong format. Use one of these formats instead: YYYY-MM-DD."

_LOOSE: Final = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern(Char):
    """Text of which the pattern matches the whole."""

    pattern: re.Pattern[str]

    def not_a_string(self) -> str:
        return NO_MATCH

    def faults(self, text: str) -> Iterator[str]:
        yield from super(Pattern, self).faults(text)  # a class with slots is made twice
        if self.pattern.fullmatch(text) is None:
            yield NO_MATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Date(Field):
    """A day, in any form of ISO 8601; month and day also with one digit."""

    def made(self, value: Any) -> date:
        if not isinstance(value, str):
            raise Wrong(NOT_A_DATE)
        for read in (date.fromisoformat, _loosely):
            try:
                return read(value)
            except ValueError:
                continue
        raise Wrong(NOT_A_DATE)


@dataclass(frozen=True, slots=True)
class Choices(Field):
    """Several of the words, each once, in the order in which they came.

    A form says the name once for each, and one that does not say it means none; an object stands for its names.
    """

    choices: Collection[str]

    def given(self, name: str, data: Mapping[str, Any], *, partial: bool) -> Any:
        if isinstance(data, Form) and (name in data or not partial):
            return data.every(name)
        return super(Choices, self).given(name, data, partial=partial)

    def made(self, value: Any) -> list[str]:
        if not isinstance(value, list | dict):
            raise Wrong(f'Expected a list of items but got type "{type(value).__name__}".')
        one = Choice(self.choices)
        return list(dict.fromkeys(one.made(item) for item in value))


def _loosely(text: str) -> date:
    found = _LOOSE.match(text)
    if found is None:
        raise ValueError(text)
    return date(*map(int, found.groups()))
