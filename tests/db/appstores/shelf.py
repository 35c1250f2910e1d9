"""A store of the port's kind, in the process: its apps are what the test puts there, and it counts who asks."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tallystick.domain.appstores.port import AppUnknown, Fields, Store, StoreFailed, Stores


def hit(app_id: str, **more: Any) -> Fields:
    """An Android hit as a store gives it: without installs."""
    return {
        "title": app_id,
        "appId": app_id,
        "url": f"https://play.google.com/store/apps/details?id={app_id}",
        "developer": "A developer",
        "price": 0,
        "free": True,
        "summary": "An app.",
        "score": 4.5,
    } | more


@dataclass
class Shelf(Store):
    """``fault`` is raised instead of an answer; while ``gate`` is closed nobody is answered."""

    apps: dict[str, Fields] = field(default_factory=dict)
    hits: dict[str, list[Fields]] = field(default_factory=dict)
    fault: Exception | None = None
    faults: dict[str, Exception] = field(default_factory=dict)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)
    searched: list[str] = field(default_factory=list)
    inside: int = 0

    def __post_init__(self) -> None:
        self.gate.set()

    async def search(self, keyword: str, country: str, language: str, limit: int) -> list[Fields]:
        self.searched.append(f"{keyword} {country} {language}")
        await self._pass()
        return [dict(found) for found in self.hits.get(keyword, [])[:limit]]

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        self.asked.append(f"{app_id} {country} {language}")
        await self._pass()
        if app_id in self.faults:
            raise self.faults[app_id]
        if app_id not in self.apps:
            raise AppUnknown(app_id)
        return dict(self.apps[app_id])

    async def _pass(self) -> None:
        self.inside += 1
        try:
            await self.gate.wait()
        finally:
            self.inside -= 1
        if self.fault is not None:
            raise self.fault


def stores(shelf: Shelf) -> Stores:
    return {"android": shelf, "apple": shelf}


def down() -> StoreFailed:
    return StoreFailed("unreachable", "the store is down")
