"""How many requests go to a store at once and in a minute, and what is left of those whose callers go away."""

import asyncio
from collections.abc import Iterator

import pytest

from tallystick.domain.appstores.port import StoreFailed
from tallystick.gateways.fetching import Fetcher
from tallystick.gateways.pace import Rate
from tests.doubles.stores import Asked
from tests.doubles.stores import edge as doubles

from .shelf import Shelf, failed, got

pytestmark = pytest.mark.anyio


@pytest.fixture
def shelf() -> Iterator[Shelf]:
    with Shelf() as double:
        yield double


async def test_so_many_are_under_way_at_once(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, at_once=3, timeout=60, patience=60)
    shelf.hold()
    asking = [asyncio.create_task(got(fetcher)) for _ in range(12)]
    assert await asyncio.to_thread(shelf.arrived, 3)
    shelf.release()
    assert await asyncio.gather(*asking) == [b'{"a":1}'] * 12
    assert shelf.most_at_once == 3
    await fetcher.aclose()


async def test_who_waits_too_long_for_a_place_is_told(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, at_once=1, timeout=60, patience=0.05)
    shelf.hold()
    first = asyncio.create_task(got(fetcher))
    assert await asyncio.to_thread(shelf.arrived, 1)
    assert await failed(fetcher, "busy") == "Too many requests to the store are under way."
    shelf.release()
    assert await first == b'{"a":1}'
    assert await got(fetcher) == b'{"a":1}'
    await fetcher.aclose()


async def test_beyond_the_rate_nothing_is_sent(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, rate=Rate(1, 2), patience=0)
    for _ in range(2):
        await got(fetcher)
    assert await failed(fetcher, "busy") == "More is asked of the store than its rate allows."
    assert len(shelf.asked) == 2
    await fetcher.aclose()


async def test_tries_count_in_the_rate_too(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, rate=Rate(1, 2), timeout=5, patience=0, chance=lambda: 0)
    shelf.fault = "status"
    await failed(fetcher, "status")
    assert len(shelf.asked) == 2
    await fetcher.aclose()


async def test_who_goes_away_leaves_nothing_open(shelf: Shelf) -> None:
    fetcher = Fetcher(shelf.url, at_once=2, timeout=60, patience=60)
    shelf.hold()
    asking = [asyncio.create_task(got(fetcher)) for _ in range(6)]
    assert await asyncio.to_thread(shelf.arrived, 2)
    for task in asking:
        task.cancel()
    ended = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(end, asyncio.CancelledError) for end in ended)
    shelf.release()
    assert await asyncio.to_thread(shelf.quiet)
    assert len(shelf.asked) == 2
    assert await asyncio.gather(*(got(fetcher) for _ in range(4))) == [b'{"a":1}'] * 4
    await fetcher.aclose()
    assert await asyncio.to_thread(shelf.quiet)


@pytest.mark.parametrize("fault", ["huge", "bomb", "redirect", "html", "status"])
async def test_what_is_not_read_to_its_end_is_closed(shelf: Shelf, fault: doubles.Fault) -> None:
    fetcher = Fetcher(shelf.url, at_once=1, timeout=60, patience=60, most=1000, tries=1)
    shelf.fault = fault
    for _ in range(3):  # with one place, a connection that was kept would block the next
        with pytest.raises(StoreFailed):
            await got(fetcher)
    shelf.fault = None
    assert await got(fetcher) == b'{"a":1}'
    await fetcher.aclose()
    assert await asyncio.to_thread(shelf.quiet)


class Moody(Shelf):
    """Fails at every other request, each time in another way."""

    def came(self, asked: Asked) -> doubles.Fault | None:
        super().came(asked)
        ways: tuple[doubles.Fault | None, ...] = (None, "down", None, "status", None, "cut", None, "html")
        return ways[len(self.asked) % len(ways)]


async def test_a_storm_leaves_every_place_free() -> None:
    with Moody() as moody:
        fetcher = Fetcher(moody.url, at_once=4, timeout=60, patience=60, chance=lambda: 0)
        asking = [asyncio.create_task(got(fetcher)) for _ in range(120)]
        for number, task in enumerate(asking):
            if number % 3 == 0:
                assert await asyncio.to_thread(moody.arrived, number // 3)
                task.cancel()
        ended = await asyncio.gather(*asking, return_exceptions=True)
        assert {type(end) for end in ended} <= {bytes, StoreFailed, asyncio.CancelledError}
        assert ended.count(b'{"a":1}') > 0

        moody.hold()
        before = len(moody.asked)
        last = [asyncio.create_task(got(fetcher)) for _ in range(4)]
        assert await asyncio.to_thread(moody.arrived, before + 4)
        moody.release()
        await asyncio.gather(*last, return_exceptions=True)
        await fetcher.aclose()
        assert await asyncio.to_thread(moody.quiet)
