"""Lists: ``limit`` and ``cursor`` in, ``{"data": [...], "next_cursor": ...}`` out."""

import re
from typing import Annotated, Any, Final

from pydantic import PlainValidator, WithJsonSchema

from tallystick.kernel.page import Page, encode_cursor

DEFAULT: Final = 50
MOST: Final = 100
_DIGITS: Final = re.compile("[0-9]{1,9}", re.ASCII)


def _limit(value: object) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value) and 1 <= int(value) <= MOST:
        return int(value)
    raise ValueError(f"must be an integer from 1 to {MOST}")


Limit = Annotated[
    int,
    PlainValidator(_limit),
    WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST, "default": DEFAULT}),
]
"""The query parameter ``limit``."""


def page_body(page: Page[Any]) -> dict[str, Any]:
    return {"data": page.rows, "next_cursor": encode_cursor(page.next_key)}
