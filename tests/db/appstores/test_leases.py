"""Who of several processes fetches an app."""

import asyncio
import contextlib

import pytest

from tallystick.domain.appstores.leases import lease
from tallystick.domain.appstores.views import Name
from tests.waiting import until

from .place import APP, Place

pytestmark = pytest.mark.anyio


@pytest.fixture
def name(place: Place) -> Name:
    return Name(place.tenant, "android", APP, "us", "en")


async def test_one_has_it_and_then_another(place: Place, name: Name) -> None:
    async with lease(place.db, name) as first, lease(place.db, name) as second:
        assert (first, second) == (True, False)
        async with lease(place.db, name._replace(country="de")) as other:
            assert other
    async with lease(place.db, name) as third:
        assert third


async def test_of_many_at_once_one_has_it(place: Place, name: Name) -> None:
    over, asked = asyncio.Event(), [0]

    async def ask() -> bool:
        async with lease(place.db, name) as ours:
            asked[0] += 1
            if asked[0] == 20:
                over.set()
            await over.wait()
            return ours

    found = await place.at_once(*(ask() for _ in range(20)))
    assert sorted(map(bool, found)) == [False] * 19 + [True]


async def test_it_is_renewed_for_as_long_as_it_is_held(place: Place, name: Name) -> None:
    async with lease(place.db, name, seconds=3) as ours:
        assert ours
        first = await place.value("select until from app_fetch")

        async def renewed() -> bool:
            return bool(await place.value("select until from app_fetch") != first)

        await until(renewed)
    assert await place.value("select count(*) from app_fetch") == 0


async def test_who_was_succeeded_takes_nothing_from_the_next(place: Place, name: Name) -> None:
    async with contextlib.AsyncExitStack() as late:
        assert await late.enter_async_context(lease(place.db, name))
        async with place.db.tx() as tx:
            await tx.execute(b"update app_fetch set until = clock_timestamp() - interval '1 second'")
        async with lease(place.db, name) as second:
            assert second
            await late.aclose()
            async with lease(place.db, name) as third:
                assert not third
    assert await place.value("select count(*) from app_fetch") == 0


async def test_a_fault_inside_gives_it_back(place: Place, name: Name) -> None:
    with pytest.raises(ValueError, match="inside"):
        async with lease(place.db, name):
            raise ValueError("inside")
    assert await place.value("select count(*) from app_fetch") == 0
