"""The framework's serializer fields, pure: what each takes, makes of it, and says when it will not.

A contract names its fields once, ``{"email": Email(), "days": Integer(min_value=1, default=30)}``, and `read` gives
the values or raises ValidationFailed with everything that is wrong.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from .addresses import is_email, is_url
from .parsing import Form
from .validation import ValidationFailed

REQUIRED: Final = "This field is required."
NULL: Final = "This field may not be null."
BLANK: Final = "This field may not be blank."
NOT_A_STRING: Final = "Not a valid string."
NOT_AN_INTEGER: Final = "A valid integer is required."
NOT_A_BOOLEAN: Final = "Must be a valid boolean."
NOT_AN_EMAIL: Final = "Enter a valid email address."
NOT_A_URL: Final = "Enter a valid URL."
TOO_LONG_A_NUMBER: Final = "String value too large."
NULL_CHARACTERS: Final = "Null characters are not allowed."
NO_DATA: Final = "No data provided"
WHOLE: Final = "non_field_errors"

_LONGEST_NUMBER: Final = 1000
_ZEROS: Final = re.compile(r"\.0*\s*$")  # 1.0 is an integer, 1.2 is none
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_TRUE: Final = frozenset({"t", "y", "yes", "true", "on", "1", 1})
_FALSE: Final = frozenset({"f", "n", "no", "false", "off", "0", 0})


class Missing(Enum):
    """What stands for a value that did not come, since null may come."""

    MISSING = "missing"


MISSING: Final = Missing.MISSING


class Wrong(Exception):
    """A value that a field will not take: the messages."""

    def __init__(self, *messages: str) -> None:
        super().__init__(*messages)
        self.messages = list(messages)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field(ABC):
    """One field of a body. ``default`` stands for a value that did not come; with one nothing is required."""

    required: bool = True
    null: bool = False
    default: Any = MISSING

    def given(self, name: str, data: Mapping[str, Any], *, partial: bool) -> Any:
        """The value as it came, MISSING where none did. A form can say neither null nor nothing: "" is either."""
        value = data.get(name, MISSING)
        if isinstance(data, Form) and value == "" and not self.takes_blank():
            if self.null:
                return None
            if not self.needed():
                return MISSING
        return value

    def needed(self) -> bool:
        return self.required and self.default is MISSING

    def takes_blank(self) -> bool:
        return False

    def check(self, value: Any) -> Any:
        """What is kept of a value that came. Raises Wrong."""
        if value is None:
            if not self.null:
                raise Wrong(NULL)
            return None
        return self.made(value)

    @abstractmethod
    def made(self, value: Any) -> Any:
        """What is kept of a value that is not null. Raises Wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Char(Field):
    """Text, also from a number. ``trim`` takes white space off both ends, before the length is looked at."""

    blank: bool = False
    max_length: int | None = None
    trim: bool = True

    def takes_blank(self) -> bool:
        return self.blank

    def check(self, value: Any) -> Any:
        if value == "" or (self.trim and _scalar(value) and not str(value).strip()):
            if not self.blank:
                raise Wrong(BLANK)
            return ""
        return super(Char, self).check(
            value
        )  # a class with slots is made twice: super() alone finds the first

    def made(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise Wrong(self.not_a_string())
        text = str(value)
        if self.trim:
            text = text.strip()
        if wrong := [*self.faults(text)]:
            raise Wrong(*wrong)
        return text

    def not_a_string(self) -> str:
        return NOT_A_STRING

    def faults(self, text: str) -> Iterator[str]:
        if self.max_length is not None and len(text) > self.max_length:
            yield f"Ensure this field has no more than {self.max_length} characters."
        yield from _unstorable(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address(Char):
    """Text of one form."""

    def not_a_string(self) -> str:
        return self.said()

    def faults(self, text: str) -> Iterator[str]:
        yield from super(_Address, self).faults(text)
        if not self.is_one(text):
            yield self.said()

    @abstractmethod
    def said(self) -> str:
        """What is said of a text that is none."""

    @abstractmethod
    def is_one(self, text: str) -> bool:
        """Whether the text has the form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Email(_Address):
    """An e-mail address, as it was written."""

    def said(self) -> str:
        return NOT_AN_EMAIL

    def is_one(self, text: str) -> bool:
        return is_email(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Url(_Address):
    """An absolute address of http, https, ftp or ftps."""

    def said(self) -> str:
        return NOT_A_URL

    def is_one(self, text: str) -> bool:
        return is_url(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Integer(Field):
    """A whole number, also as text ("5", "5.0")."""

    min_value: int | None = None
    max_value: int | None = None

    def made(self, value: Any) -> int:
        if isinstance(value, str) and len(value) > _LONGEST_NUMBER:
            raise Wrong(TOO_LONG_A_NUMBER)
        if not _scalar(value):
            raise Wrong(NOT_AN_INTEGER)
        try:
            number = int(_ZEROS.sub("", str(value)))
        except ValueError:
            raise Wrong(NOT_AN_INTEGER) from None
        if self.max_value is not None and number > self.max_value:
            raise Wrong(f"Ensure this value is less than or equal to {self.max_value}.")
        if self.min_value is not None and number < self.min_value:
            raise Wrong(f"Ensure this value is greater than or equal to {self.min_value}.")
        return number


@dataclass(frozen=True, slots=True, kw_only=True)
class Boolean(Field):
    """True or false, also by the words and numbers for them. A form leaves out what is not ticked."""

    def given(self, name: str, data: Mapping[str, Any], *, partial: bool) -> Any:
        if isinstance(data, Form) and name not in data and not partial:
            if self.default is not MISSING:
                return self.default
            return None if self.null else False
        return super(Boolean, self).given(name, data, partial=partial)

    def made(self, value: Any) -> bool | None:
        word = value.lower() if isinstance(value, str) else value
        if isinstance(word, str | int | float):
            if word in _TRUE:
                return True
            if word in _FALSE:
                return False
            if self.null and word in ("", "null"):
                return None
        raise Wrong(NOT_A_BOOLEAN)


@dataclass(frozen=True, slots=True)
class Choice(Field):
    """One of the words."""

    choices: Collection[str]

    def made(self, value: Any) -> str:
        text = str(value)
        if text not in self.choices:
            raise Wrong(f'"{_SURROGATE.sub("?", text)}" is not a valid choice.')
        return text


@dataclass(frozen=True, slots=True, kw_only=True)
class Dict(Field):
    """An object of anything; a form writes it ``name.key=value``.

    Beyond the framework, text that no database keeps (NUL, half of a surrogate pair) is refused in it too.
    """

    def given(self, name: str, data: Mapping[str, Any], *, partial: bool) -> Any:
        if not isinstance(data, Form):
            return super(Dict, self).given(name, data, partial=partial)
        inner = {key[len(name) + 1 :]: value for key, value in data.items() if key.startswith(name + ".")}
        inner.pop("", None)
        if inner or name in data:
            return inner
        return MISSING

    def made(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise Wrong(f'Expected a dictionary of items but got type "{type(value).__name__}".')
        for text in _texts(value):
            if wrong := [*_unstorable(text)]:
                raise Wrong(*wrong)
        return value


def read(fields: Mapping[str, Field], data: Any, *, partial: bool = False) -> dict[str, Any]:
    """The values of the fields that came or have a default, by name; names that are no fields are ignored.

    ``partial`` (PATCH): nothing is required, and defaults do not count. Raises ValidationFailed.
    """
    if data is None:
        raise ValidationFailed({WHOLE: [NO_DATA]})
    if not isinstance(data, Mapping):
        message = f"Invalid data. Expected a dictionary, but got {type(data).__name__}."
        raise ValidationFailed({WHOLE: [message]})
    values: dict[str, Any] = {}
    errors: dict[str, list[str]] = {}
    for name, field in fields.items():
        value = field.given(name, data, partial=partial)
        if value is MISSING:
            if not partial and field.needed():
                errors[name] = [REQUIRED]
            elif not partial and field.default is not MISSING:
                values[name] = field.default
            continue
        try:
            values[name] = field.check(value)
        except Wrong as wrong:
            errors[name] = wrong.messages
    if errors:
        raise ValidationFailed(errors)
    return values


def _scalar(value: Any) -> bool:
    # the text of a list is never a number and never blank: a deep one need not be written out
    return not isinstance(value, list | dict)


def _unstorable(text: str) -> Iterator[str]:
    if "\x00" in text:
        yield NULL_CHARACTERS
    if found := _SURROGATE.search(text):
        yield f"Surrogate characters are not allowed: U+{ord(found[0]):X}."


def _texts(value: Any) -> Iterator[str]:
    """Every text in a value, keys too. `parsed` has seen to its depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
