"""Many askers, processes and disappearances: one fetch, and every credit accounted for."""

import asyncio

import pytest

from tallystick.domain.appstores.port import StoreFailed
from tallystick.kernel.errors import InsufficientCredits, Unavailable
from tests.doubles.stores.printed import WHATSAPP
from tests.waiting import DEADLINE

from .place import Place, opened
from .shelf import down

pytestmark = pytest.mark.anyio

MANY = 50


@pytest.mark.parametrize("live", [False, True])
async def test_50_askers_of_one_app_are_one_fetch(db_url: str, live: bool) -> None:
    async with opened(db_url, live=live) as place:
        place.shelf.gate.clear()
        calls = [asyncio.create_task(place.details()) for _ in range(MANY)]
        await place.holding(MANY + 1)
        place.shelf.gate.set()
        assert await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls)) == [WHATSAPP] * MANY
        assert len(place.shelf.asked) == 1
        assert await place.balance() == (100 - MANY, 99)


async def test_without_a_gate_50_askers_are_one_fetch_too(place: Place) -> None:
    assert await place.at_once(*(place.details() for _ in range(MANY))) == [WHATSAPP] * MANY
    assert len(place.shelf.asked) == 1
    assert await place.balance() == (100 - MANY, 99)


async def test_50_askers_of_two_processes_are_one_fetch(place: Place) -> None:
    async with opened(place.db.url, beside=place) as second:
        place.shelf.gate.clear()
        calls = [asyncio.create_task(one.details()) for _ in range(MANY // 2) for one in (place, second)]
        await place.holding(MANY + 1)
        place.shelf.gate.set()
        assert await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls)) == [WHATSAPP] * MANY
        assert len(place.shelf.asked) == 1
        assert await place.balance() == (100 - MANY, 99)


async def test_forced_askers_join_the_fetch_that_is_under_way(place: Place) -> None:
    await place.details()
    async with opened(place.db.url, beside=place) as second:
        place.shelf.gate.clear()
        calls = [asyncio.create_task(one.details(force=True)) for _ in range(5) for one in (place, second)]
        await place.holding(11)
        place.shelf.gate.set()
        assert await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls)) == [WHATSAPP] * 10
        assert len(place.shelf.asked) == 2
        assert await place.balance() == (89, 98)


async def test_a_failure_is_everybodys_and_costs_nobody(place: Place) -> None:
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.details()) for _ in range(10)]
    await place.holding(11)
    place.shelf.fault = down()
    place.shelf.gate.set()
    results = await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls))
    assert {type(result) for result in results} == {StoreFailed}
    assert len(place.shelf.asked) == 1
    assert await place.balance() == (100, 100)


async def test_who_cannot_pay_makes_room_for_who_can(place: Place) -> None:
    poor = await place.customer(calls=3)
    payer = type(place.payer)(place.tenant, poor, "key:poor", False)
    calls = [place.details(payer=payer), place.details(), place.details(payer=payer)]
    first, second, third = await place.at_once(*calls)
    assert isinstance(first, InsufficientCredits)
    assert second == WHATSAPP
    # who waited may have led next, and then has no scrape to pay with either; else it is served
    assert third == WHATSAPP or isinstance(third, InsufficientCredits)
    assert await place.balance() == (99, 99)
    assert await place.balance(poor) == (2 if third == WHATSAPP else 3, 0)


async def test_who_goes_away_cancels_nobody_and_pays_for_what_was_fetched(place: Place) -> None:
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.details()) for _ in range(3)]
    await place.holding(4)
    calls[0].cancel()
    calls[1].cancel()
    await asyncio.wait(calls[:2])
    place.shelf.gate.set()
    assert await asyncio.wait_for(calls[2], DEADLINE) == WHATSAPP
    await place.holding(0)
    assert len(place.shelf.asked) == 1
    assert await place.balance() == (97, 99)


async def test_all_went_away_and_the_store_fails(place: Place) -> None:
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.details()) for _ in range(3)]
    await place.holding(4)
    for call in calls:
        call.cancel()
    await asyncio.wait(calls)
    place.shelf.fault = down()
    place.shelf.gate.set()
    await place.holding(0)
    assert await place.balance() == (100, 100)


async def test_a_process_that_stops_releases_what_its_calls_hold(place: Place) -> None:
    async with opened(place.db.url, beside=place) as second:
        place.shelf.gate.clear()
        calls = [asyncio.create_task(second.details()) for _ in range(5)]
        await place.holding(6)
        await second.apps.stop()
        results = await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls))
        assert {type(result) for result in results} == {asyncio.CancelledError}
        assert await place.balance() == (100, 100)
        assert await place.value("select count(*) from app_fetch") == 0
        with pytest.raises(Unavailable):
            await second.details()


async def test_a_lease_of_one_who_died_is_over_after_a_while(place: Place) -> None:
    await place.value(
        "insert into app_fetch values (%(tenant)s, 'android', 'com.whatsapp', 'us', 'en', gen_random_uuid(),"
        " clock_timestamp() + interval '1 second') returning 1",
        tenant=place.tenant,
    )
    assert await place.details() == WHATSAPP
    assert await place.balance() == (99, 99)


async def test_searches_that_are_equal_share_one_fetch_and_later_ones_do_not(place: Place) -> None:
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.search("messaging", "apple")) for _ in range(5)]
    await place.holding(6)
    place.shelf.gate.set()
    assert await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls)) == [[]] * 5
    assert await place.balance() == (95, 99)
    await place.search("messaging", "apple")
    assert len(place.shelf.searched) == 2
    assert await place.balance() == (94, 98)
    assert await place.value("select searches from app_keyword") == 6
