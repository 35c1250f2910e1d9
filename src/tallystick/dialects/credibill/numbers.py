"""Numbers and times as this contract writes them: JSON numbers read and written exactly, and Unix milliseconds.

A number is kept as its text until it is an integer of the unit that is meant: none passes through a float.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from tallystick.kernel.errors import Invalid

from .errors import missing

Number = msgspec.Raw
"""A JSON number as it was sent, or is."""
NULL: Final = msgspec.Raw(b"null")
"""What stands for a number that was not sent."""

PLACES: Final = 6
MAX: Final = 2**53 - 1
"""Largest number of any kind, in its unit: exact in every JSON reader."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LAST: Final = 32_503_680_000_000  # the year 3000: what lies beyond is seconds, or micros, mistaken for this
_LONGEST: Final = 64
_SHORT: Final = 9
_ZERO: Final = ord("0")
_NUMBER: Final = re.compile(rb"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?(?:[eE]([+-]?[0-9]{1,3}))?")
_DECIMAL: Final = re.compile(rb'"((?:0|[1-9][0-9]*)(?:\.[0-9]+)?)"')


def integer(field: str, raw: Number, *, least: int = 0, most: int = MAX) -> int:
    """The integer of a JSON number. Raises Invalid, and `missing` for null."""
    found = _scaled(field, bytes(raw), 0, "must be an integer")
    if not least <= found <= most:
        raise Invalid(field, f"must be between {least} and {most}")
    return found


def millionths(field: str, raw: Number, *, least: int = 0, most: int = MAX, text: bool = False) -> int:
    """The millionths of a JSON number, exactly; with ``text`` also of a decimal string.

    Raises Invalid for more than six decimals, and `missing` for null.
    """
    data = bytes(raw)
    decimal = _DECIMAL.fullmatch(data) if text and len(data) <= _LONGEST else None
    found = _scaled(field, data if decimal is None else decimal[1], PLACES, "must be a number")
    if found > most:
        raise Invalid(field, f"must be at most {most // 10**PLACES}")
    if found < least:
        raise Invalid(field, "must be greater than 0" if least else "must not be negative")
    return found


def _scaled(field: str, data: bytes, places: int, otherwise: str) -> int:
    """The number times 10 to the ``places``."""
    if len(data) <= _SHORT and data.isdigit() and (data[0] != _ZERO or len(data) == 1):
        plain: int = int(data) * 10**places  # as nearly all are
        return plain
    if data == b"null":
        raise missing(field)
    match = _NUMBER.fullmatch(data) if len(data) <= _LONGEST else None
    if match is None:
        raise Invalid(field, otherwise)
    sign, whole, fraction, exponent = match[1], match[2], match[3] or b"", int(match[4] or 0)
    digits, shift = int(whole + fraction), exponent - len(fraction) + places
    if shift < 0:
        # no more zeros than digits need be looked at: what is left then is nothing, or too fine
        digits, rest = divmod(digits, 10 ** min(-shift, _LONGEST))
        if rest:
            raise Invalid(field, f"must have at most {places} decimals" if places else otherwise)
        shift = 0
    scaled: int = digits * 10 ** min(shift, _LONGEST)
    return -scaled if sign else scaled


def decimal(millionths: int) -> Number:
    """Millionths as the shortest JSON number: 10000000 -> ``10``, 500000 -> ``0.5``."""
    whole, fraction = divmod(abs(millionths), 10**PLACES)
    digits = f"{whole}.{fraction:06d}".rstrip("0").rstrip(".")
    return Number(f"{'-' if millionths < 0 else ''}{digits}".encode())


def moment(field: str, raw: Number) -> datetime:
    """The moment of a Unix timestamp in milliseconds. Raises Invalid."""
    return _EPOCH + integer(field, raw, most=_LAST) * _MILLISECOND


def given(raw: Number) -> bool:
    """Whether there is a number, or whatever else was sent for one."""
    return bytes(raw) != b"null"


def milliseconds(moment: datetime) -> int:
    """The Unix timestamp of a moment in milliseconds, cut."""
    return (moment - _EPOCH) // _MILLISECOND


def milliseconds_or_null(moment: datetime | None) -> int | None:
    return None if moment is None else milliseconds(moment)
