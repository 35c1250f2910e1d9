"""What a key names, where a credit type without a feature of its own counts as one that it pays for."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tallystick.db.pool import Database, Tx
from tallystick.kernel.errors import NotFound

from . import offers, views
from .model import FeatureType

KEEP: Final = 1.0
"""Seconds for which it is not looked up again."""
_MOST: Final = 10_000


@dataclass(frozen=True, slots=True)
class Named:
    """A feature, or a credit type of this code where there is no such feature. ``credit_type``: what pays for it."""

    key: str
    name: str
    type: FeatureType
    credit_type: str | None


async def named(conn: Tx, tenant: int, key: str) -> Named:
    """Raises NotFound."""
    found = (await offers.features_of(conn, tenant, [key])).get(key)
    if found is not None:
        return Named(found.key, found.name, found.type, found.credit_type)
    kind = await views.credit_type(conn, tenant, key)
    return Named(kind.code, kind.name, "CREDIT_BASED", kind.code)


class NamedFeatures:
    """Remembers them: they are named with every use, and change seldom."""

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._kept: dict[tuple[int, str], tuple[Named, float]] = {}

    async def find(self, tenant: int, key: str) -> Named:
        """Raises NotFound, Unavailable."""
        found = self._kept.get((tenant, key))
        now = self._monotonic()
        if found is not None:
            if now < found[1]:
                return found[0]
            # others who ask meanwhile need not read it too
            self._kept[tenant, key] = found[0], now + KEEP
        try:
            async with self._db.connection() as conn:
                one = await named(conn, tenant, key)
        except NotFound:
            self._kept.pop((tenant, key), None)
            raise
        if len(self._kept) >= _MOST:
            self._kept.clear()
        self._kept[tenant, key] = one, now + KEEP
        return one
