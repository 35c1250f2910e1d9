"""What requests and answers call things: TypeIDs, and `ext:` before an account's id in the product's own books."""

import contextlib
import time
from collections.abc import Callable
from functools import lru_cache
from typing import Final
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import Inner, Kind, base32, inner_of, parse_typeid, typeid

_KEEP: Final = 1.0  # seconds for which an external id is not looked up again, since it may change
_MOST: Final = 200_000  # accounts remembered

# An entry is shown under the name of the act that posted it; all of them name the same kind of id.
_ENTRY_PREFIXES: Final = ("entry", "debit", "transfer", "reversal", "refund", "adjustment")

# What the audit log names by its kind and UUID, and shows as a TypeID.
_SHOWN: Final = frozenset(
    ("key", "user", "acct", "plan", "feat", "pkg", "sub", "inv", "cn", "tax", "we", "wd")
)

_SHAPE: Final = 8 << 76 | 2 << 62


def _inner(account: int, kind: int, number: int) -> str:
    """The base 32 of `kernel.ids.inner_uuid`: it is made for every debit."""
    return base32(account << 80 | kind << 64 | _SHAPE | number)


def entry_tail(account: int, seq: int) -> str:
    """What follows the prefix of an entry's id, for one that is shown under several."""
    return _inner(account, 1, seq)


def entry_id(account: int, seq: int) -> str:
    return "entry_" + _inner(account, 1, seq)


def hold_id(account: int, number: int) -> str:
    return "hold_" + _inner(account, 2, number)


def grant_id(account: int, number: int) -> str:
    return "grant_" + _inner(account, 3, number)


def usage_id(uuid: UUID) -> str:
    return typeid("usage", uuid)


@lru_cache(100_000)
def account_id(uuid: UUID) -> str:
    return typeid("acct", uuid)


@lru_cache(200_000)
def parse_account(text: str) -> UUID | None:
    """The UUID of an ``acct_`` id, or None for any other text."""
    return parse_typeid("acct", text)


@lru_cache(1000)
def actor_id(name: str) -> str:
    """Who did a thing, or to whom: the id of a key, user or account, or the name of a part of the server."""
    kind, _, uuid = name.partition(":")
    if kind in _SHOWN:
        with contextlib.suppress(ValueError):
            return typeid(kind, UUID(uuid))
    return name


def key_id(uuid: UUID) -> str:
    return typeid("key", uuid)


def parse_hold(text: str) -> Inner:
    """Raises NotFound."""
    return _parse(text, ("hold",), Kind.HOLD, "hold")


def parse_grant(text: str) -> Inner:
    """Raises NotFound."""
    return _parse(text, ("grant",), Kind.GRANT, "grant")


def parse_entry(text: str) -> Inner:
    """An entry's id, or a grant's, whose entry has its number. Raises NotFound."""
    if text.startswith("grant_"):
        return _parse(text, ("grant",), Kind.GRANT, "entry")
    return _parse(text, _ENTRY_PREFIXES, Kind.ENTRY, "entry")


def _parse(text: str, prefixes: tuple[str, ...], kind: Kind, what: str) -> Inner:
    prefix = text.partition("_")[0]
    uuid = parse_typeid(prefix, text) if prefix in prefixes else None
    inner = None if uuid is None else inner_of(uuid)
    if inner is None or inner.kind is not kind or inner.account >= 2**48:
        raise NotFound(what)
    return inner


class Accounts:
    """Which account a request means. An ``acct_`` id means the same for ever; an ``ext:`` id is kept a second."""

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._known: dict[tuple[int, str], int] = {}
        self._external: dict[tuple[int, str], tuple[int, float]] = {}

    def cached(self, tenant: int, text: str) -> int | None:
        """The account's internal number when it is remembered."""
        number = self._known.get((tenant, text))
        if number is None and self._external:
            number, until = self._external.get((tenant, text), (None, 0.0))
            if until <= self._monotonic():
                return None
        return number

    async def resolve(self, tenant: int, text: str) -> int:
        """The internal number of the tenant's account. Raises NotFound."""
        number = self.cached(tenant, text)
        if number is not None:
            return number
        since = self._monotonic()
        async with self._db.connection() as conn:
            number = await identity.resolve(conn, tenant, text)
        if text.startswith("ext:"):
            if len(self._external) >= _MOST:
                self._external.clear()
            self._external[tenant, text] = number, since + _KEEP
        else:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[tenant, text] = number
        return number

    def forget_external(self) -> None:
        """An external id has changed here: ask again."""
        self._external.clear()
