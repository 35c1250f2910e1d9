"""Details: what they cost, cached and fetched, and how long they are good."""

import asyncio

import pytest

from tallystick.db.pool import run
from tallystick.domain.appstores.port import AppUnknown, StoreFailed
from tallystick.domain.identity import actions as identity
from tallystick.kernel.errors import Conflict, InsufficientCredits
from tests.doubles.stores.printed import WHATSAPP, WHATSAPP_APPLE
from tests.waiting import until

from .place import APP, APPLE, Place, opened
from .shelf import down

pytestmark = pytest.mark.anyio


async def test_a_fetch_costs_a_call_and_a_scrape_and_the_cache_a_call(place: Place) -> None:
    assert await place.details() == WHATSAPP
    assert await place.balance() == (99, 99)
    assert await place.details() == WHATSAPP
    assert await place.balance() == (98, 99)
    assert place.shelf.asked == ["com.whatsapp us en"]
    said = {"operation": "android_app_fetch", "app_id": APP, "country": "us", "language": "en"}
    spent = await place.spent()
    assert [(row.kind, row.credit_type) for row in spent] == [
        ("capture", "api_calls"),
        ("capture", "data_scrapes"),
        ("debit", "api_calls"),
    ]
    # the same in every contract, whether it was fetched or kept: a hold's entries name no operation of their own
    assert [(row.operation, row.metadata) for row in spent] == [(None, said)] * 3


async def test_each_country_and_language_is_an_app_of_its_own(place: Place) -> None:
    await place.details(country="de")
    await place.details(language="de")
    await place.details(country="de")
    assert place.shelf.asked == ["com.whatsapp de en", "com.whatsapp us de"]
    assert await place.balance() == (97, 98)


async def test_android_is_good_for_7_days_by_the_tenants_clock(place: Place) -> None:
    await place.details()
    await place.move(days=7, minutes=-5)
    await place.details()
    assert len(place.shelf.asked) == 1
    await place.move(minutes=10)
    place.shelf.apps[APP]["ratings"] = 7
    assert (await place.details())["ratings"] == 7
    assert len(place.shelf.asked) == 2
    assert await place.balance() == (97, 98)


async def test_apple_is_good_for_a_day_where_it_moves_fast_and_for_7_where_not(place: Place) -> None:
    fast = {"appId": "net.whatsapp.WhatsApp", "score": 4.63, "ratings": 7203977}
    slow = {name: value for name, value in WHATSAPP_APPLE.items() if name not in ("score", "ratings")}
    assert await place.details(APPLE, "apple") == WHATSAPP_APPLE
    assert await place.details(APPLE, "apple", parts="fast") == fast
    assert await place.details(APPLE, "apple", parts="slow") == slow
    await place.move(days=1, minutes=5)
    await place.details(APPLE, "apple", parts="slow")
    assert len(place.shelf.asked) == 1
    await place.details(APPLE, "apple", parts="fast")
    assert len(place.shelf.asked) == 2
    await place.move(days=1, minutes=5)
    await place.details(APPLE, "apple")
    assert len(place.shelf.asked) == 3
    spent = await place.spent()
    assert {row.metadata["operation"] for row in spent} == {"apple_app_fetch"}


async def test_forced_is_fetched_again(place: Place) -> None:
    await place.details()
    place.shelf.apps[APP]["version"] = "3"
    assert (await place.details(force=True))["version"] == "3"
    assert await place.balance() == (98, 98)


async def test_what_fails_costs_nothing(place: Place) -> None:
    place.shelf.fault = down()
    with pytest.raises(StoreFailed):
        await place.details()
    place.shelf.fault = None
    with pytest.raises(AppUnknown):
        await place.details("com.nobody")
    place.shelf.fault = ValueError("a fault of ours")
    with pytest.raises(ValueError, match="ours"):
        await place.details()
    place.shelf.fault = None
    del place.shelf.apps[APP]["installs"]
    with pytest.raises(StoreFailed, match="installs"):
        await place.details()
    assert await place.balance() == (100, 100)
    assert await place.value("select count(*) from app_listing") == 0
    assert await place.value("select count(*) from app_fetch") == 0


async def test_a_store_that_is_not_there(db_url: str) -> None:
    async with opened(db_url) as place:
        place.apps = type(place.apps)(place.db, place.lanes, {})
        with pytest.raises(StoreFailed):
            await place.details()
        assert await place.balance() == (100, 100)


@pytest.mark.parametrize(("calls", "scrapes"), [(0, 0), (0, 5), (5, 0)])
async def test_a_shortage_is_said_before_anything_is_fetched(db_url: str, calls: int, scrapes: int) -> None:
    async with opened(db_url, calls=calls, scrapes=scrapes) as place:
        with pytest.raises(InsufficientCredits) as caught:
            await place.details()
        assert (caught.value.needed, caught.value.available) == (1_000_000, 0)
        with pytest.raises(InsufficientCredits):
            await place.search("messaging")
        assert (place.shelf.asked, place.shelf.searched) == ([], [])
        assert await place.balance() == (calls, scrapes)


async def test_the_cache_needs_no_scrape_but_a_call(db_url: str) -> None:
    async with opened(db_url, calls=2, scrapes=1) as place:
        await place.details()
        await place.details()
        with pytest.raises(InsufficientCredits):
            await place.details()
        assert await place.balance() == (0, 0)


async def test_a_blocked_account_is_given_nothing(place: Place) -> None:
    await place.details()
    async with place.db.tx() as tx:
        await identity.patch_account(tx, place.tenant, place.account, {"status": "blocked"})
    for force in (False, True):
        with pytest.raises(Conflict) as caught:
            await place.details(force=force)
        assert caught.value.code == "account_blocked"
    assert len(place.shelf.asked) == 1


async def test_a_live_tenants_answer_is_remembered_for_a_moment(db_url: str) -> None:
    async with opened(db_url, live=True) as place:
        first = await place.details()
        # behind the memory's back: what is read again would be this
        async with place.db.tx() as tx:
            await run(tx, 'update app_listing set data = \'{"title": "another"}\'')
        assert await place.details() == first
        assert await place.details(force=True) == first
        assert await place.balance() == (97, 98)


async def test_under_one_key_a_call_is_paid_for_once(place: Place) -> None:
    for _ in range(2):
        assert await place.details(key="a call") == WHATSAPP
    await place.details(key="another")
    assert await place.balance() == (98, 99)
    place.shelf.hits["x"] = []
    for _ in range(2):
        assert await place.search("x", key="a search") == []
    assert await place.balance() == (97, 98)


async def test_a_call_that_failed_is_paid_for_when_it_comes_again_under_its_key(place: Place) -> None:
    place.shelf.fault = down()
    with pytest.raises(StoreFailed):
        await place.details(key="a call")
    place.shelf.fault = None
    await place.details(key="a call")
    await place.details(key="a call")
    assert await place.balance() == (99, 99)


async def test_the_same_call_twice_at_once_under_one_key(place: Place) -> None:
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.details(key="a call")) for _ in range(2)]
    await until(lambda: place.shelf.inside == 1)
    place.shelf.gate.set()
    assert await place.at_once(*(asyncio.wait_for(call, 60) for call in calls)) == [WHATSAPP] * 2
    assert await place.balance() == (99, 99)
