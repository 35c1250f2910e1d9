"""Searches: hits made whole, keywords counted, and what it costs."""

import asyncio
from dataclasses import dataclass

import pytest

from tallystick.db.pool import all_rows
from tallystick.domain.appstores.fetching import Fetching
from tallystick.domain.appstores.port import AppUnknown, Fields, StoreFailed
from tallystick.domain.appstores.searching import Searching
from tallystick.kernel.errors import InsufficientCredits
from tests.doubles.stores.printed import WHATSAPP
from tests.waiting import DEADLINE, until

from .place import APP, Place
from .shelf import Shelf, down, hit, stores

pytestmark = pytest.mark.anyio

APPS = [f"com.app.n{number}" for number in range(12)]


@pytest.fixture
def found(place: Place) -> list[str]:
    """A keyword finds 12 apps, whose pages say how often they are installed."""
    place.shelf.hits["messaging"] = [hit(app) for app in APPS]
    for number, app in enumerate(APPS):
        place.shelf.apps[app] = WHATSAPP | {"installs": f"{number}+"}
    return APPS


async def test_hits_are_whole_in_the_stores_order(place: Place, found: list[str]) -> None:
    hits = await place.search("messaging")
    assert hits == [hit(app, installs=f"{number}+") for number, app in enumerate(found)]
    assert list(hits[0]) == [
        "title", "appId", "url", "developer", "price", "free", "summary", "score", "installs",
    ]  # fmt: skip
    assert await place.balance() == (99, 99)
    assert [row.metadata for row in await place.spent()] == [
        {"operation": "android_search", "keyword": "messaging", "country": "us", "language": "en"}
    ] * 2


async def test_what_completed_a_hit_is_kept_and_is_good_for_details(place: Place, found: list[str]) -> None:
    await place.search("messaging")
    await place.search("messaging")
    assert len(place.shelf.searched) == 2
    assert len(place.shelf.asked) == 12
    await place.details(found[3])
    assert len(place.shelf.asked) == 12
    assert await place.balance() == (97, 98)


async def test_what_was_only_met_in_a_search_is_not_fetched_daily(place: Place, found: list[str]) -> None:
    await place.search("messaging")
    tracked = "select count(*) from app_listing where due_at is not null"
    assert await place.value(tracked) == 0
    await place.details(found[0])
    assert await place.value(tracked) == 1


async def test_installs_that_the_store_tells_are_not_asked_for(place: Place) -> None:
    place.shelf.hits["x"] = [hit(APP, installs="1+", icon="https://a/1.png")]
    [one] = await place.search("x")
    assert (one["installs"], one["icon"]) == ("1+", "https://a/1.png")
    assert place.shelf.asked == []


async def test_a_hit_that_cannot_be_completed_has_an_empty_text_or_an_old_number(
    place: Place, found: list[str]
) -> None:
    await place.search("messaging")
    await place.move(days=8)
    place.shelf.faults[found[0]] = down()
    place.shelf.apps[found[1]]["installs"] = "99+"
    place.shelf.hits["messaging"].append(hit("com.gone"))
    hits = {one["appId"]: one["installs"] for one in await place.search("messaging")}
    assert (hits[found[0]], hits[found[1]], hits["com.gone"]) == ("0+", "99+", "")


async def test_a_fault_of_ours_in_one_apps_page_spoils_no_search(place: Place, found: list[str]) -> None:
    place.shelf.faults[found[0]] = ValueError("a fault of ours")
    hits = {one["appId"]: one["installs"] for one in await place.search("messaging")}
    assert (hits[found[0]], hits[found[1]]) == ("", "1+")
    assert await place.balance() == (99, 99)


async def test_hits_whose_pages_take_too_long_are_answered_without(place: Place, found: list[str]) -> None:
    shut = Shut(place.shelf.apps, place.shelf.hits)
    both = stores(shut)
    searching = Searching(place.db, both, Fetching(place.db, both), patience=0.2)
    async with asyncio.timeout(DEADLINE):
        hits = await searching.search(place.tenant, "android", "messaging", "us", "en")
    assert [one["installs"] for one in hits] == [""] * 12
    assert shut.inside == 0
    assert await place.value("select count(*) from app_fetch") == 0


class Shut(Shelf):
    """Its pages of apps never come."""

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        self.gate.clear()
        return await super().details(app_id, country, language)


async def test_details_asked_for_while_a_search_completes_them_are_one_fetch(
    place: Place, found: list[str]
) -> None:
    place.shelf.hits["one"] = [hit(found[0])]
    search = asyncio.create_task(place.search("one"))
    await until(lambda: len(place.shelf.searched) == 1)
    place.shelf.gate.clear()
    await until(lambda: place.shelf.inside == 1 or search.done())
    details = asyncio.create_task(place.details(found[0]))
    place.shelf.gate.set()
    await asyncio.wait_for(search, DEADLINE)
    await asyncio.wait_for(details, DEADLINE)
    assert len(place.shelf.asked) == 1
    assert await place.balance() == (98, 99)
    # what the search fetched is tracked from when somebody asks for it
    assert await place.value("select count(*) from app_listing where due_at is not null") == 1


async def test_hits_that_are_not_whole_are_left_out_and_a_page_of_them_has_changed(place: Place) -> None:
    place.shelf.hits["some"] = [hit("com.a", installs="1+"), hit("com.b", score=None), hit("com.c", price=-1)]
    assert [one["appId"] for one in await place.search("some")] == ["com.a"]
    place.shelf.hits["none"] = [hit("com.b", title=None)]
    with pytest.raises(StoreFailed) as caught:
        await place.search("none")
    assert caught.value.fault == "changed"
    assert await place.balance() == (99, 99)


async def test_at_most_250(place: Place) -> None:
    place.shelf.hits["many"] = [hit(f"com.a{number}", installs="1+") for number in range(300)]
    assert len(await place.search("many")) == 250


async def test_nothing_found_is_an_answer(place: Place) -> None:
    assert await place.search("nothing") == []
    assert await place.balance() == (99, 99)


@dataclass
class _Word:
    platform: str
    keyword: str
    searches: int


async def test_keywords_are_counted_in_one_form_where_the_search_succeeded(place: Place) -> None:
    for keyword in ("Messaging  App", "messaging app", " MESSAGING APP"):
        await place.search(keyword)
    await place.search("messaging app", "apple")
    place.shelf.fault = down()
    with pytest.raises(StoreFailed):
        await place.search("messaging app")
    place.shelf.fault = AppUnknown("nobody says this of a search")
    with pytest.raises(AppUnknown):
        await place.search("messaging app")
    async with place.db.connection() as conn:
        words = await all_rows(conn, _Word, "select platform, keyword, searches from app_keyword order by id")
    assert words == [_Word("android", "messaging app", 3), _Word("apple", "messaging app", 1)]


async def test_who_cannot_pay_counts_nothing(place: Place) -> None:
    poor = await place.customer()
    payer = type(place.payer)(place.tenant, poor, "key:poor", False)
    with pytest.raises(InsufficientCredits):
        await place.apps.search(payer, "android", "messaging", "us", "en")
    assert await place.value("select count(*) from app_keyword") == 0
