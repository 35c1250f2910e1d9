"""Reading JSON as it is meant: no NaN, no bottomless nesting, nothing that PostgreSQL or a client cannot hold."""

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgspec

from .problem import FieldError

MAX_METADATA: Final = 16 * 1024
MAX_DEPTH: Final = 32
MAX_INT: Final = 2**63 - 1
_HUGE: Final = 10**400  # stands for every integer that is longer than this


class NotJson(ValueError):
    """The body is not JSON text (RFC 8259)."""


def loads(body: bytes) -> Any:
    """The JSON value of a body. Raises NotJson.

    An integer of more digits than anybody means becomes another that no field takes.
    """
    try:
        return json.loads(body.decode("utf-8"), parse_constant=_refuse, parse_int=_integer)
    except (ValueError, RecursionError):
        raise NotJson("The body is not valid JSON.") from None


def _refuse(name: str) -> NoReturn:
    raise NotJson(name)


def _integer(digits: str) -> int:
    return int(digits) if len(digits) < 400 else _HUGE


def check_text(text: str, longest: int, *, shortest: int = 0) -> str:
    """Give the text back. Raises ValueError when it is too long or cannot be stored."""
    if not shortest <= len(text) <= longest:
        raise ValueError(f"must have {shortest} to {longest} characters")
    if "\0" in text:
        raise ValueError("must not hold the character NUL")
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            raise ValueError("must be valid Unicode, without half a surrogate pair") from None
    return text


def check_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Give the metadata back. Raises ValueError when it is too large or deep, or would not survive storage."""
    _check_value(metadata, 1)
    if len(msgspec.json.encode(metadata)) > MAX_METADATA:
        raise ValueError(f"must be at most {MAX_METADATA} bytes of JSON")
    return dict(metadata)


def _check_value(value: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"must not be nested deeper than {MAX_DEPTH}")
    if isinstance(value, str):
        check_text(value, MAX_METADATA)
    elif isinstance(value, dict):
        for name, inner in value.items():
            check_text(name, MAX_METADATA)
            _check_value(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _check_value(inner, depth + 1)
    elif isinstance(value, int) and not -MAX_INT - 1 <= value <= MAX_INT:
        raise ValueError("must hold no integer beyond 64 bits")
    elif isinstance(value, float) and value - value != 0.0:
        raise ValueError("must hold no number beyond what a double can")


def field_errors(errors: list[Any], *, within: str = "") -> list[FieldError]:
    """Pydantic's errors in our words: fields joined by dots, without the part of the request they stand in."""
    found = []
    for error in errors:
        where = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
        field = ".".join(([within] if within else []) + where)
        found.append(FieldError(field, _message(error)))
    return found


def _message(error: dict[str, Any]) -> str:
    match error["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of this request"
        case "value_error":
            return str(error["ctx"]["error"])
        case "model_attributes_type" | "model_type" | "dict_type":
            return "must be a JSON object"
        case "string_type" | "string_unicode" | "string_sub_type":
            return "must be a string"
        case "int_type" | "int_from_float":
            return "must be an integer"
        case "bool_type":
            return "must be true or false"
        case "list_type":
            return "must be a list"
        case "literal_error" | "enum":
            return f"must be {error['ctx']['expected']}"
        case _:
            return str(error["msg"][:1].lower() + error["msg"][1:])
