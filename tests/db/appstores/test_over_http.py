"""The whole way: this domain on the adapters that the server uses, which ask stores over HTTP."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tallystick import wiring
from tallystick.config import Settings
from tallystick.domain.appstores.jobs import refresh_due
from tallystick.domain.appstores.model import fields_of
from tallystick.domain.appstores.port import StoreFailed, Stores
from tests.doubles import stores as doubles
from tests.doubles.stores.play import DETAILS
from tests.waiting import DEADLINE

from .place import APP, APPLE, Place, opened

pytestmark = pytest.mark.anyio


@pytest.fixture
def edge() -> Iterator[doubles.Stores]:
    with doubles.Stores() as running:
        running.play.put(APP, title="WhatsApp Messenger", stars=4.391, ratings=212040976)
        running.apple.put(int(APPLE), trackName="WhatsApp Messenger")
        yield running


@pytest.fixture
async def asked(edge: doubles.Stores, tmp_path: Path) -> AsyncIterator[Stores]:
    async with wiring.app_stores(Settings(data=tmp_path, **edge.settings)) as made:
        yield made


@pytest.fixture
async def place(db_url: str, asked: Stores) -> AsyncIterator[Place]:
    async with opened(db_url, given=asked) as made:
        yield made


async def titles(place: Place, days: int) -> list[object]:
    found = await place.apps.history(
        place.tenant, place.account, "android", APP, "us", "en", start=None, end=None,
        fields=fields_of("android", "both", ["title"]),
    )  # fmt: skip
    assert len({change.day for change in found.changes}) == days
    return [change.value for change in found.changes]


async def test_the_daily_refresh_follows_what_the_store_says(
    place: Place, edge: doubles.Stores, asked: Stores
) -> None:
    await place.details()
    await place.details(APPLE, "apple")
    edge.play.put(APP, title="WhatsApp")
    assert await refresh_due(place.db, asked) == 0
    await place.move(days=1, minutes=1)
    assert await refresh_due(place.db, asked) == 2
    edge.play.remove(APP)
    await place.move(days=1, minutes=1)
    assert await refresh_due(place.db, asked) == 2
    assert await titles(place, 2) == ["WhatsApp", "WhatsApp Messenger"]
    assert (await place.details())["title"] == "WhatsApp"
    assert await place.balance() == (97, 98)
    assert (edge.play.count(DETAILS), edge.apple.count()) == (3, 3)


async def test_all_hits_of_all_pages_are_whole(place: Place, edge: doubles.Stores) -> None:
    apps = [f"com.app.n{number}" for number in range(120)]
    for app in apps:
        edge.play.put(app, installs="5,000+")
    edge.play.finds("messaging", *apps)
    hits = await place.search("messaging")
    assert [hit["appId"] for hit in hits] == apps
    assert {hit["installs"] for hit in hits} == {"5,000+"}
    before = edge.play.count(DETAILS)
    assert 0 < before <= 120
    await place.search("messaging")
    assert edge.play.count(DETAILS) == before
    assert await place.balance() == (98, 98)


async def test_details_of_both_stores_at_once_are_a_fetch_each(place: Place, edge: doubles.Stores) -> None:
    edge.play.hold()
    edge.apple.hold()
    calls = [asyncio.create_task(place.details()) for _ in range(20)]
    calls += [asyncio.create_task(place.details(APPLE, "apple")) for _ in range(20)]
    await place.holding(42)
    edge.play.release()
    edge.apple.release()
    found = await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls))
    assert found == [found[0]] * 20 + [found[-1]] * 20
    assert (edge.play.count(DETAILS), edge.apple.count()) == (1, 1)
    assert await place.balance() == (60, 98)


async def test_a_page_that_is_another_costs_nothing(place: Place, edge: doubles.Stores) -> None:
    edge.play.fault = edge.apple.fault = "changed"
    for call in (place.details(), place.search("messaging"), place.details(APPLE, "apple")):
        with pytest.raises(StoreFailed) as caught:
            await call
        assert caught.value.fault == "changed"
    assert await place.balance() == (100, 100)
