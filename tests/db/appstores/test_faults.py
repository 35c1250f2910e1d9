"""Our own faults in the middle of a call: the database away, a process killed, a clock moved on."""

import asyncio
import contextlib

import psycopg
import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger.jobs import sweep
from tallystick.kernel.errors import Conflict, Unavailable
from tests.doubles.stores.printed import WHATSAPP
from tests.outages import database_away, reached
from tests.waiting import DEADLINE, until

from .place import APP, Place, opened
from .shelf import hit

pytestmark = pytest.mark.anyio


async def test_what_cannot_be_kept_is_not_paid_for(place: Place) -> None:
    """The database goes away while the store is asked. What could not be released then expires."""
    place.shelf.gate.clear()
    calls = [asyncio.create_task(place.details()) for _ in range(3)]
    await until(lambda: place.shelf.inside == 1)
    await place.holding(4)
    with database_away(place.db.url):
        place.shelf.gate.set()
        results = await place.at_once(*(asyncio.wait_for(call, DEADLINE) for call in calls))
    assert {isinstance(result, Unavailable) for result in results} == {True}
    await reached(place.db)
    await place.move(minutes=6)
    await sweep(place.db, rates_in_force)
    assert await place.balance() == (100, 100)
    assert await place.value("select count(*) from app_listing") == 0


async def test_a_database_that_is_back_at_once_costs_nobody_anything(place: Place) -> None:
    """Every connection is broken off while the store is asked: the call is paid for, or it failed and is not."""
    place.shelf.gate.clear()
    call = asyncio.create_task(place.details())
    await until(lambda: place.shelf.inside == 1)
    with psycopg.connect(place.db.url, autocommit=True) as conn:
        conn.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
    place.shelf.gate.set()
    result = None
    with contextlib.suppress(Unavailable):
        result = await asyncio.wait_for(call, DEADLINE)
    await reached(place.db)
    await place.move(minutes=6)
    await sweep(place.db, rates_in_force)
    assert await place.balance() == ((99, 99) if result is not None else (100, 100))


async def test_holds_of_a_killed_process_end_by_themselves(place: Place) -> None:
    async with opened(place.db.url, beside=place) as killed:
        place.shelf.gate.clear()
        call = asyncio.create_task(killed.details())
        await until(lambda: place.shelf.inside == 1)
        # nothing of the process's comes to the database any more
        await killed.lanes.stop()
        await killed.db.close()
        call.cancel()
        await asyncio.wait([call])
        await killed.apps.stop()
    assert await place.value("select count(*) from hold where state = 'active'") == 2
    assert await place.value("select count(*) from app_fetch") == 1
    place.shelf.gate.set()
    await place.move(minutes=6)
    await sweep(place.db, rates_in_force)
    assert await place.balance() == (100, 100)
    # its lease is over after a quarter of a minute, by the machine's time: made to be over here
    async with place.db.tx() as tx:
        await tx.execute(b"update app_fetch set until = clock_timestamp() - interval '1 second'")
    assert await place.details() == WHATSAPP
    assert await place.balance() == (99, 99)


async def test_a_clock_that_is_moved_past_the_holds_in_the_middle(place: Place) -> None:
    place.shelf.gate.clear()
    call = asyncio.create_task(place.details())
    await until(lambda: place.shelf.inside == 1)
    await place.move(hours=1)
    place.shelf.gate.set()
    with pytest.raises(Conflict):
        await asyncio.wait_for(call, DEADLINE)
    await sweep(place.db, rates_in_force)
    assert await place.balance() == (100, 100)
    assert await place.details() == WHATSAPP
    assert await place.balance() == (99, 100)


async def test_an_account_that_is_blocked_in_the_middle_pays_for_what_it_got(place: Place) -> None:
    place.shelf.gate.clear()
    call = asyncio.create_task(place.details())
    await until(lambda: place.shelf.inside == 1)
    async with place.db.tx() as tx:
        await identity.patch_account(tx, place.tenant, place.account, {"status": "blocked"})
    place.shelf.gate.set()
    assert await asyncio.wait_for(call, DEADLINE) == WHATSAPP
    assert await place.balance() == (99, 99)


async def test_a_search_whose_keyword_cannot_be_counted_is_not_paid_for(place: Place) -> None:
    place.shelf.hits["x"] = [hit(APP, installs="1+")]
    async with place.db.connection() as conn:
        await conn.execute(b"reset role")
        await conn.execute(b"alter table app_keyword add constraint none check (keyword <> 'x')")
    with pytest.raises(Exception, match="none"):
        await place.search("x")
    assert await place.balance() == (100, 100)


async def test_a_mixture_with_a_store_that_dies_in_the_middle(place: Place) -> None:
    """Every credit that is gone is an answer that came."""
    apps = [f"com.app.n{number}" for number in range(10)]
    for app in apps:
        place.shelf.apps[app] = dict(WHATSAPP)
    place.shelf.hits["x"] = [hit(app) for app in apps]
    place.shelf.hits["y"] = [hit(APP, installs="1+")]
    calls = [place.details(apps[one % 10], force=one % 3 == 0) for one in range(40)]
    calls_too = [place.search("x" if one % 2 else "y") for one in range(20)]

    async def die() -> None:
        await until(lambda: len(place.shelf.asked) > 5)
        place.shelf.fault = ConnectionError("died")

    results = await place.at_once(*calls, *calls_too, die())
    successes = sum(not isinstance(one, BaseException) for one in results[:-1])
    calls_left, scrapes_left = await place.balance()
    assert calls_left == 100 - successes
    assert scrapes_left >= 100 - successes
    spent = await place.value(
        "select count(*) from entry where credit_type = 'data_scrapes' and kind = 'capture'"
    )
    assert scrapes_left == 100 - spent
    assert await place.value("select count(*) from app_fetch") == 0
