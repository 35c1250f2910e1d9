"""Fetching one app from its store: once for all who want it, in this process and in others."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from tallystick.db.pool import Database

from .charging import CALL, SCRAPE, CreditType
from .flights import Flights
from .keeping import keep
from .leases import lease
from .model import Parts, checked
from .port import Platform, Store, StoreFailed, Stores
from .views import Listing, Name, listing

T = TypeVar("T")

LONGEST: Final = 60.0
"""Seconds that a store may take for one answer, however its adapter goes about it."""
_AGAIN: Final = 0.1  # seconds between two looks at what another process fetches
_SLOWEST: Final = 1.0
_WAITING: Final = 120.0  # seconds for which what other processes fetch is waited for: holds last longer

Holding = Callable[..., Awaitable[None]]
"""Holds credits of the types that it is given, unless they are held already."""


@dataclass(frozen=True, slots=True)
class Found:
    """An app, and whether it was fetched since its flight began."""

    listing: Listing
    fresh: bool


class Fetching:
    """What is being fetched."""

    def __init__(self, db: Database, stores: Stores) -> None:
        self._db = db
        self._stores = stores
        self._flights: Flights[Name, Found] = Flights()

    async def get(
        self, name: Name, parts: Parts, hold: Holding, *, force: bool = False, asked: bool = True
    ) -> Listing:
        """The app as its store has it, unless it was fetched meanwhile; with ``force`` by a fetch that is under way,
        or one of its own.

        Who waits for others holds one call's credit, who fetches one more. Raises StoreFailed, AppUnknown, Unavailable,
        and what ``hold`` does.
        """

        async def lead() -> Found:
            return await self._lead(name, parts, hold, force=force, asked=asked)

        async def follow() -> None:
            await hold(CALL)

        def enough(found: Found) -> bool:
            return found.fresh or (not force and found.listing.good(parts))

        return (await self._flights.join(name, lead, follow, enough)).listing

    async def _lead(self, name: Name, parts: Parts, hold: Holding, *, force: bool, asked: bool) -> Found:
        before = await self._known(name)
        pause, until = _AGAIN, time.monotonic() + _WAITING
        while True:
            async with lease(self._db, name) as ours:
                # read under the lease: who had it may have fetched just now
                found = await self._known(name)
                new = _fetches(found) != _fetches(before)
                if found is not None and (new or (not force and found.good(parts))):
                    return Found(found, fresh=new)
                if ours:
                    await hold(CALL, SCRAPE)
                    return Found(await self._fetch(name, asked=asked), fresh=True)
            if time.monotonic() > until:
                raise StoreFailed("timeout", f"others were at it for {_WAITING:g} seconds")
            await hold(CALL)
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _SLOWEST)

    async def _known(self, name: Name) -> Listing | None:
        async with self._db.connection() as conn:
            return await listing(conn, name)

    async def _fetch(self, name: Name, *, asked: bool) -> Listing:
        _, platform, app_id, country, language = name
        store = store_of(self._stores, platform)
        details = await within(LONGEST, store.details(app_id, country, language))
        data = checked(platform, details)
        async with self._db.tx() as tx:
            return await keep(tx, name, data, asked=asked)


def store_of(stores: Stores, platform: Platform) -> Store:
    """Raises StoreFailed where there is none."""
    store = stores.get(platform)
    if store is None:
        raise StoreFailed("unreachable", f"no store is set up for {platform}")
    return store


async def within(seconds: float, answer: Awaitable[T]) -> T:
    """Raises StoreFailed ("timeout") where it takes longer."""
    try:
        async with asyncio.timeout(seconds):
            return await answer
    except TimeoutError:
        raise StoreFailed("timeout", f"no answer within {seconds:g} seconds") from None


async def free(*credit_types: CreditType) -> None:
    """Holds nothing: for what nobody pays for by the app."""


def _fetches(found: Listing | None) -> int:
    return 0 if found is None else found.fetches
