"""Searching a store, and completing what its page of hits does not tell."""

import asyncio
from datetime import timedelta
from typing import Final

import structlog

from tallystick.db.pool import Database
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Unavailable

from . import views
from .fetching import LONGEST, Fetching, free, store_of, within
from .model import checked_hit, good_for
from .port import AppUnknown, Fields, Platform, StoreFailed, Stores
from .views import Installs, Name

log = structlog.get_logger()

MOST: Final = 250
"""Hits of a search; a store may give fewer."""
AT_ONCE: Final = 8
"""Apps that searches complete beside each other, so that who asks for one app need not wait for all hits of others."""
PATIENCE: Final = 30.0
"""Seconds that a search waits for what completes its hits."""


class Searching:
    """Searches a process has under way."""

    def __init__(
        self, db: Database, stores: Stores, fetching: Fetching, *, patience: float = PATIENCE
    ) -> None:
        self._db = db
        self._stores = stores
        self._fetching = fetching
        self._patience = patience
        self._places = asyncio.Semaphore(AT_ONCE)

    async def search(
        self, tenant: int, platform: Platform, keyword: str, country: str, language: str
    ) -> list[Fields]:
        """What the store finds, each hit whole, in the store's order. Raises StoreFailed."""
        store = store_of(self._stores, platform)
        given = await within(LONGEST, store.search(keyword, country, language, MOST))
        hits = _whole(platform, given[:MOST])
        if platform == "android":
            return await self._completed(tenant, hits, country, language)
        return hits

    async def _completed(self, tenant: int, hits: list[Fields], country: str, language: str) -> list[Fields]:
        """The hits with their installs: as far as known, else from the apps' own pages, which are kept."""
        lacking = list(dict.fromkeys(hit["appId"] for hit in hits if "installs" not in hit))
        if not lacking:
            return hits
        async with self._db.connection() as conn:
            since = await identity.now(conn, tenant) - good_for("android", "both")
            known = await views.installs(
                conn, tenant, lacking, country, language, since + timedelta(seconds=1)
            )
        old = [app_id for app_id in lacking if app_id not in known or not known[app_id].good]
        fetched = await self._fetched([Name(tenant, "android", one, country, language) for one in old])
        return [_with_installs(hit, known, fetched) for hit in hits]

    async def _fetched(self, names: list[Name]) -> dict[str, str]:
        """The installs of those apps that can be had in time."""
        tasks = {name.app_id: asyncio.create_task(self._installs(name)) for name in names}
        if not tasks:
            return {}
        try:
            await asyncio.wait(tasks.values(), timeout=self._patience)
        finally:
            for task in tasks.values():
                task.cancel()
            await asyncio.gather(*tasks.values(), return_exceptions=True)
        ended = {app_id: task for app_id, task in tasks.items() if not task.cancelled()}
        return {app_id: found for app_id, task in ended.items() if (found := task.result()) is not None}

    async def _installs(self, name: Name) -> str | None:
        async with self._places:
            try:
                found = await self._fetching.get(name, "both", free, asked=False)
            except (StoreFailed, AppUnknown, Unavailable) as fault:
                log.info("a hit is not complete", app=name.app_id, reason=str(fault))
                return None
            except Exception:  # a fault of ours in one app's page must not spoil the search for the others
                log.exception("completing a hit failed", app=name.app_id)
                return None
        installs: str = found.data["installs"]
        return installs


def _with_installs(hit: Fields, known: dict[str, Installs], fetched: dict[str, str]) -> Fields:
    if "installs" in hit:
        return hit
    app_id = hit["appId"]
    if app_id in fetched:
        return hit | {"installs": fetched[app_id]}
    # An app's own page may be gone, or the store be asked too much already: an older number is nearer than none, and
    # a search with 249 whole hits is worth more than a failure. The contract's field is a text, so then it is empty
    return hit | {"installs": known[app_id].installs if app_id in known else ""}


def _whole(platform: Platform, given: list[Fields]) -> list[Fields]:
    """Those hits that are whole. Raises StoreFailed where none is, though there were some."""
    hits, fault = [], None
    for hit in given:
        try:
            hits.append(checked_hit(platform, hit))
        except StoreFailed as failed:
            fault = failed
    if fault is not None and not hits:
        raise fault
    return hits
