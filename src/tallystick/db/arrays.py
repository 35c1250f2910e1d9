"""PostgreSQL arrays packed by hand in its binary form.

The driver's own dumping of a list costs several times what deciding a debit costs; the lanes send all
their rows as such arrays, one for a column (layout: PostgreSQL's array_send, the same since 7.4).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from struct import Struct, pack
from typing import Any, Final
from uuid import UUID

from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import AdaptersMap, Dumper
from psycopg.pq import Format

_HEAD: Final = Struct("!iiIii").pack  # dimensions, has nulls, element type, length, lower bound
_NULL: Final = b"\xff\xff\xff\xff"
_LENGTH: Final = Struct("!i").pack
_8: Final = _LENGTH(8)
_16: Final = _LENGTH(16)
_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)


class Packed:
    """The binary form of an array parameter. ``oid`` is the array's type."""

    __slots__ = ("data",)
    oid = 0

    def __init__(self, data: bytes) -> None:
        self.data = data


class Int8s(Packed):
    oid = 1016


class Int4s(Packed):
    oid = 1007


class Bools(Packed):
    oid = 1000


class Texts(Packed):
    oid = 1009


class Byteas(Packed):
    oid = 1001


class Moments(Packed):
    oid = 1185


class Uuids(Packed):
    oid = 2951


def int8s(values: Sequence[int]) -> Int8s:
    """Integers, none of them None."""
    n = len(values)
    body = [8] * (2 * n)
    body[1::2] = values
    return Int8s(_HEAD(1, 0, 20, n, 1) + pack("!" + "iq" * n, *body) if n else _empty(20))


def int8s_or_null(values: Sequence[int | None]) -> Int8s:
    return Int8s(
        _nullable(20, [None if value is None else value.to_bytes(8, signed=True) for value in values])
    )


def int4s_or_null(values: Sequence[int | None]) -> Int4s:
    return Int4s(
        _nullable(23, [None if value is None else value.to_bytes(4, signed=True) for value in values])
    )


def bools(values: Sequence[bool]) -> Bools:
    return Bools(_nullable(16, [b"\x01" if value else b"\x00" for value in values]))


def texts(values: Sequence[str | None]) -> Texts:
    return Texts(_nullable(25, [None if value is None else value.encode() for value in values]))


def json_texts(values: Sequence[bytes | None]) -> Texts:
    """JSON already encoded; cast in the query."""
    return Texts(_nullable(25, values))


def byteas(values: Sequence[bytes | None]) -> Byteas:
    return Byteas(_nullable(17, values))


def uuids(values: Sequence[bytes]) -> Uuids:
    """The 16 bytes of each UUID."""
    return Uuids(_alike(2950, _16, values))


def uuids_or_null(values: Sequence[UUID | None]) -> Uuids:
    return Uuids(_nullable(2950, [None if value is None else value.bytes for value in values]))


def moments(values: Sequence[datetime | None]) -> Moments:
    """Moments with a time zone, to the microsecond."""
    if None in values:
        return Moments(_nullable(1184, [None if value is None else _packed(value) for value in values]))
    body: list[bytes] = []
    last: datetime | None = None
    packed = b""
    for value in values:
        if value is not last and value is not None:
            last, packed = value, _packed(value)
        body.append(packed)
    return Moments(_alike(1184, _8, body))


def _packed(moment: datetime) -> bytes:
    """Microseconds since the year 2000."""
    delta = moment - _EPOCH
    return ((delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds).to_bytes(8, signed=True)


def _alike(oid: int, length: bytes, values: Sequence[bytes]) -> bytes:
    """Elements that all have the ``length`` which is packed before each."""
    n = len(values)
    return _HEAD(1, 0, oid, n, 1) + length + length.join(values) if n else _empty(oid)


def _empty(oid: int) -> bytes:
    return pack("!iiI", 0, 0, oid)


def _nullable(oid: int, values: Sequence[bytes | None]) -> bytes:
    n = len(values)
    if not n:
        return _empty(oid)
    nulls = values.count(None)
    if nulls == n:
        return _HEAD(1, 1, oid, n, 1) + _NULL * n
    return _HEAD(1, 1 if nulls else 0, oid, n, 1) + b"".join(
        [_NULL if value is None else _LENGTH(len(value)) + value for value in values]
    )


class _PackedDumper(Dumper):
    format = Format.BINARY

    def dump(self, obj: Any) -> Buffer | None:
        data: bytes = obj.data
        return data


def register(context: AdaptContext | AdaptersMap) -> None:
    """Let queries of this connection or map take packed arrays as parameters."""
    adapters = context if isinstance(context, AdaptersMap) else context.adapters
    for kind in (Int8s, Int4s, Bools, Texts, Byteas, Moments, Uuids):
        dumper = type(f"{kind.__name__}Dumper", (_PackedDumper,), {"oid": kind.oid})
        adapters.register_dumper(kind, dumper)
