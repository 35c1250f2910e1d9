"""Google Play as a store: the pages that its own site is made of. It has no documented interface for this.

What an app's fields are, and where they stand, is in `hits` and `details`; how the pages hold them, in `pages`.
"""

import asyncio
from typing import Final

from tallystick.domain.appstores.model import app_id_of
from tallystick.domain.appstores.port import AppUnknown, Fields, StoreFailed
from tallystick.gateways.fetching import TIMEOUT, Fetcher, NotThere
from tallystick.gateways.pace import Rate
from tallystick.kernel.errors import Invalid

from .details import details
from .hits import SHOWN_AT, Page, first, following
from .pages import MORE, call

ORIGIN: Final = "https://play.google.com"
POLITE: Final = Rate(120, 60)
"""How often its own origin is asked."""
AT_ONCE: Final = 16
"""Requests under way: more than a search's hits that are completed beside each other, so that others need not wait."""
MOST: Final = 4 * 1024 * 1024
"""Bytes of a page: about three times what they have."""
PAGES: Final = 6
"""Pages of one search: 250 hits are on four where no page repeats another's."""

_WHOLE: Final = 3  # times the time-out of one request is what a search with all its pages may take
_HTML: Final = ("text/html",)
_JSON: Final = ("application/json",)


class Play:
    """Implements `domain.appstores.port.Store` for Android. Close it at the end."""

    def __init__(self, url: str = "", rate: Rate | None = None, *, timeout: float = TIMEOUT) -> None:
        """``url``: another origin. ``rate``: None is `POLITE`, and no bound at another origin."""
        self._fetcher = Fetcher(
            url or ORIGIN,
            rate=rate or (None if url else POLITE),
            at_once=AT_ONCE,
            timeout=timeout,
            most=MOST,
        )
        self._longest = timeout * _WHOLE

    async def search(self, keyword: str, country: str, language: str, limit: int) -> list[Fields]:
        """As the port says. Hits beyond the first page are had page by page; one that fails is the whole search's end.

        ``installs`` is missing in hits of the pages after the first.
        """
        try:
            async with asyncio.timeout(self._longest):
                return (await self._pages(keyword, {"hl": language, "gl": country}, limit))[:limit]
        except TimeoutError:
            raise StoreFailed("timeout", "Google Play did not give all pages of a search in time.") from None

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        """As the port says."""
        try:
            package = app_id_of("android", app_id)
        except Invalid:
            raise AppUnknown from None
        try:
            page = await self._fetcher.get(
                "/store/apps/details", {"id": package, "hl": language, "gl": country}, expect=_HTML
            )
        except NotThere:
            raise AppUnknown from None
        return details(page, package) | {"appId": package, "url": SHOWN_AT + package}

    async def aclose(self) -> None:
        await self._fetcher.aclose()

    async def _pages(self, keyword: str, place: dict[str, str], enough: int) -> list[Fields]:
        page = first(
            await self._fetcher.get("/store/search", {"q": keyword, "c": "apps"} | place, expect=_HTML)
        )
        found: dict[str, Fields] = {}
        asked: set[str] = set()
        while _add(found, page) and len(found) < enough and len(asked) < PAGES - 1:
            if page.token is None or page.token in asked:
                break
            asked.add(page.token)
            page = await self._following(page.token, place)
        return list(found.values())

    async def _following(self, token: str, place: dict[str, str]) -> Page:
        return following(
            await self._fetcher.post(
                "/_/PlayStoreUi/data/batchexecute", {"rpcids": MORE} | place, call(token), expect=_JSON
            )
        )


def _add(found: dict[str, Fields], page: Page) -> bool:
    """Whether the page has a hit that was not there yet; the first of an app stays."""
    before = len(found)
    for hit in page.hits:
        found.setdefault(str(hit["appId"]), hit)
    return len(found) > before
