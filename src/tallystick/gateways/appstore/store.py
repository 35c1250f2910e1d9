"""The iTunes Search API: `/search` and `/lookup`, as Apple documents them.

https://performance-partners.apple.com/search-api: at most 200 results, and about 20 calls a minute. What it answers is
JSON that is called ``text/javascript``.
"""

import json
from typing import Any, Final, Never

from tallystick.domain.appstores.model import app_id_of
from tallystick.domain.appstores.port import AppUnknown, Fields, StoreFailed
from tallystick.gateways.fetching import TIMEOUT, Fetcher
from tallystick.gateways.pace import Rate
from tallystick.kernel.errors import Invalid

from .reading import details_of, hit_of, is_app

URL: Final = "https://itunes.apple.com"
MOST_HITS: Final = 200
POLITE: Final = Rate(20, 20)
"""How often its own origin is asked."""

_MEDIA: Final = ("text/javascript", "application/javascript", "application/json")


class Apple:
    """Implements `domain.appstores.port.Store` for the App Store. Close it at the end."""

    def __init__(self, url: str = "", rate: Rate | None = None, *, timeout: float = TIMEOUT) -> None:
        """``url``: another origin. ``rate``: None is `POLITE`, and no bound at another origin.

        Raises ValueError for what is no address.
        """
        bound = rate or (None if url else POLITE)
        self._http = Fetcher(url or URL, rate=bound, at_once=16 if url else 4, timeout=timeout)

    async def search(self, keyword: str, country: str, language: str, limit: int) -> list[Fields]:
        """As `Store.search` says; never more than 200. A hit that lacks what a hit must have is left out.

        Where that is so of all of them the answer is not what it was: StoreFailed.
        """
        params = {"term": keyword, **_where(country, language), "media": "software", "entity": "software"}
        results = await self._ask("/search", params | {"limit": str(min(limit, MOST_HITS))})
        hits: dict[int, Fields] = {}
        for one in results:
            hit = hit_of(one, country) if is_app(one) else None
            if hit is not None:
                hits.setdefault(hit["id"], hit)
        if results and not hits:
            raise StoreFailed("changed", "None of Apple's hits is what it was.")
        return list(hits.values())[:limit]

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        """As `Store.details` says."""
        try:
            app_id = app_id_of("apple", app_id)
        except Invalid:
            raise AppUnknown from None
        params = {"id": app_id, **_where(country, language), "entity": "software"}
        apps = [one for one in await self._ask("/lookup", params) if is_app(one)]
        if not apps:
            raise AppUnknown
        found = details_of(apps[0], country)
        if found is None or found["id"] != int(app_id):
            raise StoreFailed("changed", "Apple's answer about an app is not what it was.")
        return found

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _ask(self, path: str, params: dict[str, str]) -> list[Any]:
        return _results(await self._http.get(path, params, expect=_MEDIA))


def _where(country: str, language: str) -> dict[str, str]:
    return {"country": country, "lang": f"{language}_{country}"}


def _results(body: bytes) -> list[Any]:
    """Raises StoreFailed."""
    try:
        answer = json.loads(body, parse_constant=_no_number)
    # a ValueError also for bytes that are no UTF-8, and numbers of thousands of digits
    except (ValueError, RecursionError):
        raise StoreFailed("changed", "Apple's answer is no JSON.") from None
    if not isinstance(answer, dict) or not isinstance(answer.get("resultCount"), int):
        raise StoreFailed("changed", "Apple's answer has no count of results.")
    results = answer.get("results")
    if not isinstance(results, list):
        raise StoreFailed("changed", "Apple's answer has no results.")
    return results


def _no_number(name: str) -> Never:
    raise ValueError(name)
