"""App-store data for accounts that pay for it in credits: what a process keeps open and remembers for it.

details:  memory -> one debit
          database -> one debit
          store -> hold -> fetch, once for all who ask -> keep -> capture
search:   hold -> search the store -> complete the hits -> capture
history:  database, free
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from datetime import date
from typing import Any, TypeVar

from tallystick.db.pool import Database
from tallystick.domain.ledger.lanes import Lanes
from tallystick.kernel.errors import Unavailable

from . import history as past
from . import keeping, views
from .charging import CALL, SCRAPE, Payer, Purse, labels
from .fetching import Fetching
from .flights import Flights
from .history import History
from .memory import Memory, encode
from .model import Parts, normal
from .port import Fields, Platform, Stores
from .searching import Searching
from .views import Listing, Name

__all__ = ["AppStores", "History", "Payer"]

T = TypeVar("T")

_Search = tuple[int, Platform, str, str, str]


class AppStores:
    """Searches, details and history; one for a process. `stop` before the lanes and the stores are closed.

    Countries and languages are two letters in lower case; app ids, keywords and fields are as `model` checked them.
    A call goes on when its caller goes away, so that those who share its fetch get theirs, and its credits are captured
    or released.
    """

    def __init__(self, db: Database, lanes: Lanes, stores: Stores) -> None:
        self._db = db
        self._lanes = lanes
        self._fetching = Fetching(db, stores)
        self._searching = Searching(db, stores, self._fetching)
        self._searches: Flights[_Search, list[Fields]] = Flights()
        self._memory = Memory()
        self._reads: dict[Name, asyncio.Task[Listing | None]] = {}
        self._calls: set[asyncio.Task[Any]] = set()
        self._stopped = False

    async def stop(self) -> None:
        """Refuse new calls and break off those under way: what they hold is released."""
        self._stopped = True
        for call in self._calls:
            call.cancel()
        await asyncio.gather(*self._calls, *self._reads.values(), return_exceptions=True)

    async def search(
        self,
        payer: Payer,
        platform: Platform,
        keyword: str,
        country: str,
        language: str,
        *,
        key: str | None = None,
    ) -> list[Fields]:
        """The apps that a keyword finds, at most 250, the store's first first; and counts the keyword.

        Costs 1 ``api_calls`` and, unless it shares a search under way, 1 ``data_scrapes``. Under a ``key``, a name of
        the account's for this call, it is paid for once. Raises StoreFailed, and then nothing is spent; Unavailable;
        and what the ledger does: InsufficientCredits before anything is fetched, Conflict.
        """
        purse = Purse(self._lanes, payer, labels(platform, "search", country, language, keyword=keyword), key)

        async def lead() -> list[Fields]:
            await purse.hold(CALL, SCRAPE)
            return await self._searching.search(payer.tenant, platform, keyword, country, language)

        async def follow() -> None:
            await purse.hold(CALL)

        async def call() -> list[Fields]:
            asked = (payer.tenant, platform, keyword, country, language)
            hits = await self._searches.join(asked, lead, follow, lambda hits: True)
            async with self._db.tx() as tx:
                await keeping.count_keyword(tx, payer.tenant, platform, normal(keyword), country, language)
            return hits

        return await self._own(_paid(purse, call))

    async def details_json(
        self, payer: Payer, platform: Platform, app_id: str, country: str, language: str, *,
        force: bool = False, parts: Parts = "both", key: str | None = None,
    ) -> bytes:  # fmt: skip
        """All that is known of an app, as a JSON object: from the store where it is older than it may be, or with
        ``force``. Apple's of one part with the ``appId`` beside.

        Costs 1 ``api_calls``, and 1 ``data_scrapes`` more for the one whose call started the fetch. ``key`` and what is
        raised: as `search`; AppUnknown too, and then nothing is spent either.
        """
        name = Name(payer.tenant, platform, app_id, country, language)
        purse = Purse(self._lanes, payer, labels(platform, "fetch", country, language, app_id=app_id), key)
        if payer.live and not force and key is None:
            data = self._memory.get(name, parts)
            if data is not None:
                await purse.pay()
                return data
        return await self._own(_paid(purse, lambda: self._details(payer, name, parts, purse, force=force)))

    async def history(
        self, tenant: int, account: int, platform: Platform, app_id: str, country: str, language: str, *,
        start: date | None, end: date | None, fields: list[str], parts: Parts = "both",
    ) -> History:  # fmt: skip
        """How some fields of an app changed, the newest day first; of an app that was never fetched nothing.

        By default the 30 days up to now, or up to ``end``. Costs nothing. Raises Invalid where ``end`` comes before
        ``start``, NotFound for an account that is not the tenant's.
        """
        name = Name(tenant, platform, app_id, country, language)
        return await past.history(self._db, account, name, start, end, fields, parts)

    async def _details(self, payer: Payer, name: Name, parts: Parts, purse: Purse, *, force: bool) -> bytes:
        found = None if force else await self._known(name, live=payer.live)
        if found is None or not found.good(parts):
            found = await self._fetching.get(name, parts, purse.hold, force=force)
            if found.untold:  # whoever had it fetched did not ask for this app
                async with self._db.tx() as tx:
                    await keeping.note_asked(tx, name.tenant, found)
            if payer.live:
                self._memory.put(name, found)
        return encode(found, parts)

    async def _known(self, name: Name, *, live: bool) -> Listing | None:
        """What is known of an app; of live tenants one read serves all who ask meanwhile."""
        if not live:
            return await self._read(name)
        read = self._reads.get(name)
        if read is None:
            read = self._reads[name] = asyncio.create_task(self._read(name))
            read.add_done_callback(lambda _: self._reads.pop(name))
        found = await asyncio.shield(read)
        if found is not None:
            self._memory.put(name, found)
        return found

    async def _read(self, name: Name) -> Listing | None:
        async with self._db.connection() as conn:
            found = await views.listing(conn, name)
            if found is not None and found.untold:
                await keeping.note_asked(conn, name.tenant, found)
        return found

    async def _own(self, call: Coroutine[Any, Any, T]) -> T:
        """Let a call run to its end, whatever becomes of who waits for it."""
        if self._stopped:
            call.close()
            raise Unavailable("The server is shutting down; nothing was changed.")
        task = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, call: asyncio.Task[Any]) -> None:
        self._calls.discard(call)
        # seen here, for where nobody waits any more
        with suppress(asyncio.CancelledError):
            call.exception()


async def _paid(purse: Purse, call: Callable[[], Awaitable[T]]) -> T:
    """Do a call and pay for it; whatever it is that fails, what it holds is released."""
    try:
        await purse.open()
        result = await call()
        await purse.settle()
    except BaseException:
        await purse.release()
        raise
    return result
