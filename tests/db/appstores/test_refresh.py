"""The daily refresh: what is due, what is put off, and that it costs nobody anything."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.appstores.jobs import purge_fetches, refresh_due
from tallystick.domain.appstores.port import AppUnknown, StoreFailed
from tests.doubles.stores.printed import WHATSAPP
from tests.waiting import until

from .place import APP, Place, opened
from .shelf import Shelf, down, stores

pytestmark = pytest.mark.anyio


async def refresh(place: Place, **more: Any) -> int:
    return await refresh_due(place.db, stores(place.shelf), **more)


async def due_in(place: Place, app_id: str = APP) -> timedelta | None:
    found = await place.value(
        "select due_at - clock_timestamp() - clock_ahead from app_listing l join tenant t on t.id = l.tenant_id"
        " where l.app_id = %(app)s",
        app=app_id,
    )
    assert found is None or isinstance(found, timedelta)
    return found


async def at_noon(place: Place) -> None:
    now = await place.value(
        "select clock_timestamp() + clock_ahead from tenant where id = %(tenant)s", tenant=place.tenant
    )
    await place.move(seconds=(datetime(2040, 6, 1, 12, tzinfo=UTC) - now).total_seconds())


async def test_a_tracked_app_is_fetched_a_day_later_by_the_tenants_clock(place: Place) -> None:
    await at_noon(place)
    await place.details()
    assert await refresh(place) == 0
    await place.move(days=1, minutes=1)
    place.shelf.apps[APP]["ratings"] = 7
    assert await refresh(place) == 1
    assert await refresh(place) == 0
    assert (
        await place.value("select value::text from app_change where field = 'ratings' order by day desc")
        == "7"
    )
    assert len(place.shelf.asked) == 2
    assert await place.balance() == (99, 99)


async def test_what_nobody_asked_for_in_90_days_is_left(place: Place) -> None:
    await place.details()
    for _ in range(3):
        await place.move(days=31)
        await refresh(place)
    assert len(place.shelf.asked) == 3
    assert await due_in(place) is None
    await place.details()
    await place.move(days=1, minutes=1)
    assert await refresh(place) == 1


async def test_a_history_that_is_read_is_asking_too(place: Place) -> None:
    await place.details()
    for _ in range(4):
        await place.move(days=31)
        await place.apps.history(
            place.tenant, place.account, "android", APP, "us", "en", start=None, end=None, fields=["score"]
        )
        await refresh(place)
    assert len(place.shelf.asked) == 5


@pytest.mark.parametrize("fault", [down(), AppUnknown("gone")])
async def test_one_that_fails_is_tried_later_and_later_and_holds_up_no_other(
    place: Place, fault: Exception
) -> None:
    others = [f"com.app.n{number}" for number in range(5)]
    await place.details()
    for other in others:
        place.shelf.apps[other] = dict(WHATSAPP)
        await place.details(other)
    place.shelf.faults[APP] = fault
    await place.move(days=1, minutes=1)
    assert await refresh(place) == 6
    assert len(place.shelf.asked) == 12
    hours = []
    for _ in range(7):
        left = await due_in(place)
        assert left is not None
        hours.append(round(left / timedelta(hours=1)))
        await place.move(seconds=left.total_seconds() + 5)
        await refresh(place)
    assert hours == [1, 2, 4, 8, 16, 24, 24]
    del place.shelf.faults[APP]
    await place.move(days=1, minutes=1)
    await refresh(place)
    assert await place.value("select max(failures) from app_listing") == 0
    assert await place.balance() == (94, 94)


async def test_a_fault_of_ours_in_one_app_holds_up_no_other(place: Place) -> None:
    place.shelf.apps["com.other"] = dict(WHATSAPP)
    await place.details()
    await place.details("com.other")
    place.shelf.faults[APP] = ValueError("a fault of ours")
    await place.move(days=1, minutes=1)
    assert await refresh(place) == 2
    assert await place.value("select array_agg(failures order by id) from app_listing") == [1, 0]


async def test_a_busy_store_is_no_failure_of_the_app(place: Place) -> None:
    await place.details()
    place.shelf.fault = StoreFailed("busy", "asked enough")
    await place.move(days=1, minutes=1)
    assert await refresh(place) == 1
    left = await due_in(place)
    assert left is not None
    assert round(left / timedelta(minutes=1)) == 10
    assert await place.value("select failures from app_listing") == 0


async def test_two_workers_fetch_each_app_once(place: Place) -> None:
    apps = [f"com.app.n{number}" for number in range(45)]
    for app in apps:
        place.shelf.apps[app] = dict(WHATSAPP)
        await place.details(app)
    await place.move(days=1, minutes=1)
    done = await place.at_once(refresh(place), refresh(place))
    assert sum(one for one in done if isinstance(one, int)) == 45
    assert sorted(place.shelf.asked[45:]) == sorted(place.shelf.asked[:45])


async def test_who_waits_longest_is_served_first(place: Place) -> None:
    """Of many tenants none is kept waiting by those before it, however much of theirs is due."""
    async with opened(place.db.url) as second, opened(place.db.url) as third:
        for number, one in enumerate((place, second, third)):
            for app in (f"com.a.t{number}", f"com.b.t{number}"):
                one.shelf.apps[app] = dict(WHATSAPP)
                await one.details(app)
        shelf = Shelf({app: dict(WHATSAPP) for one in (place, second, third) for app in one.shelf.apps})
        await place.move(days=1, minutes=1)
        await second.move(days=1, minutes=2)
        await third.move(days=1, minutes=3)
        for _ in range(3):
            assert await refresh_due(place.db, stores(shelf), most=2) == 2
        tenants = [asked.split()[0][-1] for asked in shelf.asked]
        assert tenants == ["2", "2", "1", "1", "0", "0"]


async def test_no_more_than_the_most_at_a_time(place: Place) -> None:
    for number in range(5):
        place.shelf.apps[f"com.app.n{number}"] = dict(WHATSAPP)
        await place.details(f"com.app.n{number}")
    await place.move(days=1, minutes=1)
    assert [await refresh(place, most=3), await refresh(place, most=3)] == [3, 2]


async def test_a_worker_that_dies_leaves_the_app_to_be_fetched_an_hour_later(place: Place) -> None:
    await place.details()
    await place.move(days=1, minutes=1)
    place.shelf.gate.clear()
    working = asyncio.create_task(refresh(place))
    await until(lambda: place.shelf.inside > 0)
    working.cancel()
    await asyncio.wait([working])
    place.shelf.gate.set()
    assert await refresh(place) == 0
    await place.move(hours=1, minutes=1)
    assert await refresh(place) == 1


async def test_leases_of_the_dead_are_forgotten(place: Place) -> None:
    insert = (
        "insert into app_fetch values (%(tenant)s, 'android', %(app)s, 'us', 'en', gen_random_uuid(),"
        " clock_timestamp() - %(hours)s * interval '1 hour') returning 1"
    )
    await place.value(insert, tenant=place.tenant, app="a", hours=0)
    await place.value(insert, tenant=place.tenant, app="b", hours=2)
    assert await purge_fetches(place.db) == 1
