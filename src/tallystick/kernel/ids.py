"""Identifiers: one UUID per object, shown natively as a TypeID.

Objects of their own table get a UUIDv7 (RFC 9562). An account's, and those of what it owns (subscriptions,
invoices, usage events), carry the account's internal number in the last 48 bits; the ids of what lives inside
its books (entries, holds, grants) are UUIDv8 made of that number and their own. So a request finds its account
and lane without a read. None of it is a secret: who may see an object is decided by the credential.
"""

import secrets
import threading
import time
from collections.abc import Sequence
from enum import IntEnum
from typing import Final, NamedTuple
from uuid import UUID

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_THREES: Final = [a + b + c for a in _ALPHABET for b in _ALPHABET for c in _ALPHABET]
_60: Final = (1 << 60) - 1
# to the digits that int() reads in base 32; what is none of the alphabet becomes what int() refuses
_DIGITS: Final = bytes(
    ord("0123456789abcdefghijklmnopqrstuv"[_ALPHABET.index(chr(byte))])
    if chr(byte) in _ALPHABET
    else ord("!")
    for byte in range(256)
)
_48: Final = (1 << 48) - 1

_lock = threading.Lock()
_last = 0


class Kind(IntEnum):
    """What an inner id names. Stored in ids that customers keep: never renumber."""

    ENTRY = 1
    HOLD = 2
    GRANT = 3


class Inner(NamedTuple):
    """What an inner id says: the account's internal number, the kind, and the number within the account."""

    account: int
    kind: Kind
    number: int


def uuid7() -> UUID:
    """A UUIDv7 that sorts after every one this process made before."""
    global _last
    with _lock:
        # 60 bits: milliseconds, then 12 bits of sub-millisecond counter (RFC 9562, method 3)
        stamp = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        _last = stamp
    return UUID(int=(stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62 | secrets.randbits(62))


def owned_uuid(account: int) -> UUID:
    """A UUIDv7 for an account of this internal number, or for what it owns; `owner_of` reads the number back.

    Within one account, ids that a process makes one after another differ and sort in that order.
    """
    assert 0 <= account <= _48
    return UUID(int=uuid7().int & ~_48 | account)


def owned_uuids(accounts: Sequence[int]) -> list[UUID]:
    """One `owned_uuid` for each, in order: what many at once cost less."""
    global _last
    with _lock:
        first = max(time.time_ns() * 4096 // 1_000_000, _last + 1)
        _last = first + len(accounts) - 1
    salts = memoryview(secrets.token_bytes(2 * len(accounts))).cast("H")
    return [
        UUID(int=(at >> 12) << 80 | 7 << 76 | (at & 0xFFF) << 64 | 2 << 62 | (salt & 0x3FFF) << 48 | account)
        for at, (salt, account) in enumerate(zip(salts, accounts, strict=True), first)
    ]


def owner_of(uuid: UUID) -> int:
    """The account's internal number inside an `owned_uuid`; whether it is that account's, its row tells."""
    return uuid.int & _48


account_uuid = owned_uuid
account_of = owner_of


def inner_uuid(account: int, kind: Kind, number: int) -> UUID:
    """The UUIDv8 of an entry, hold or grant."""
    return UUID(int=account << 80 | 8 << 76 | int(kind) << 64 | 2 << 62 | number)


def inner_of(uuid: UUID) -> Inner | None:
    """Read an `inner_uuid` back, or None when the UUID is not one."""
    bits = uuid.int
    kind = (bits >> 64) & 0xFFF
    if (bits >> 76) & 0xF != 8 or (bits >> 62) & 3 != 2 or kind not in (1, 2, 3):
        return None
    return Inner(bits >> 80, Kind(kind), bits & ((1 << 62) - 1))


def typeid(prefix: str, uuid: UUID) -> str:
    """Show a UUID as a TypeID (typeid spec 0.3): ``acct_01h455vb4pex5vsknk084sn02q``."""
    return prefix + "_" + base32(uuid.int)


def base32(bits: int) -> str:
    """128 bits in Crockford's base 32, lower case, 26 characters."""
    # in halves, whose integers are small, and three characters at a time: it is made for every debit
    t, high, low = _THREES, bits >> 60, bits & _60
    return (
        f"{t[high >> 60][1:]}{t[high >> 45 & 32767]}{t[high >> 30 & 32767]}{t[high >> 15 & 32767]}{t[high & 32767]}"
        f"{t[low >> 45]}{t[low >> 30 & 32767]}{t[low >> 15 & 32767]}{t[low & 32767]}"
    )


def parse_typeid(prefix: str, text: str) -> UUID | None:
    """The UUID of a TypeID with this prefix, or None when it is not one."""
    head, _, tail = text.rpartition("_")
    if head != prefix or len(tail) != 26 or not tail.isascii() or tail[0] > "7":
        return None
    try:
        return UUID(int=int(tail.encode().translate(_DIGITS), 32))
    except ValueError:
        return None
