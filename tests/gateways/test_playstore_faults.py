"""Days on which Google Play fails, against one of our own on a port."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator
from typing import Any

import pytest

from tallystick.domain.appstores.port import AppUnknown, Fault, StoreFailed
from tallystick.gateways import playstore
from tallystick.gateways.pace import Rate
from tallystick.gateways.playstore import Play
from tests.doubles.stores import Fault as Outage
from tests.doubles.stores.play import DETAILS, MORE, SEARCH, PlayDouble

pytestmark = pytest.mark.anyio

APP = "com.example.app0"


@pytest.fixture
def play() -> Iterator[PlayDouble]:
    with PlayDouble() as double:
        double.finds("messaging", *(f"com.example.app{number}" for number in range(40)))
        yield double


@pytest.fixture
async def hasty(play: PlayDouble) -> AsyncIterator[Play]:
    """For what never ends: nothing else is to come within its time."""
    made = Play(play.url, timeout=0.5)
    yield made
    await made.aclose()


async def fault(store: Play, path: str) -> tuple[Fault, str]:
    """What came of the call that needs this path."""
    call: Awaitable[Any] = (
        store.details(APP, "us", "en") if path == DETAILS else store.search("messaging", "us", "en", 250)
    )
    with pytest.raises(StoreFailed) as failed:
        await call
    reason = str(failed.value)
    assert "messaging" not in reason
    assert APP not in reason
    assert "127.0.0.1" not in reason
    return failed.value.fault, reason


PATHS = pytest.mark.parametrize("path", [DETAILS, SEARCH, MORE])


@PATHS
@pytest.mark.parametrize(
    ("outage", "told"),
    [
        ("html", "changed"),
        ("broken", "changed"),
        ("huge", "too_large"),
        ("bomb", "too_large"),
        ("redirect", "redirect"),
        ("changed", "changed"),
    ],
)
async def test_how_it_fails(play: PlayDouble, store: Play, path: str, outage: Outage, told: Fault) -> None:
    play.fault, play.failing = outage, path
    assert (await fault(store, path))[0] == told


@pytest.mark.parametrize("outage", ["down", "cut"])
async def test_one_that_goes_away(play: PlayDouble, store: Play, outage: Outage) -> None:
    play.fault = outage
    assert (await fault(store, DETAILS))[0] == "unreachable"


@PATHS
@pytest.mark.parametrize("outage", ["slow", "drip"])
async def test_one_that_does_not_come_to_an_end(
    play: PlayDouble, hasty: Play, path: str, outage: Outage
) -> None:
    play.fault, play.failing = outage, path
    assert (await fault(hasty, path))[0] == "timeout"


@pytest.mark.parametrize(
    ("path", "status"), [(DETAILS, 429), (DETAILS, 204), (DETAILS, 500), (SEARCH, 403), (MORE, 400)]
)
async def test_other_statuses(play: PlayDouble, store: Play, path: str, status: int) -> None:
    play.fault, play.failing, play.status = "status", path, status
    assert await fault(store, path) == ("status", f"The store answered {status}.")


async def test_a_search_that_is_not_there_is_no_unknown_app(play: PlayDouble, store: Play) -> None:
    play.fault, play.status = "status", 404
    for path in (SEARCH, MORE):
        play.failing = path
        assert (await fault(store, path))[0] == "status"
    play.failing = DETAILS
    with pytest.raises(AppUnknown):
        await store.details(APP, "us", "en")


@PATHS
async def test_a_fault_that_passes_is_not_noticed(play: PlayDouble, store: Play, path: str) -> None:
    play.fault, play.failing, play.times = "status", path, 1
    assert (await store.details(APP, "us", "en"))["appId"] == APP
    assert len(await store.search("messaging", "us", "en", 250)) == 40


async def test_where_it_leads_nobody_goes(play: PlayDouble, store: Play) -> None:
    with PlayDouble() as internal:
        play.fault, play.leads_to = "redirect", f"{internal.url}{DETAILS}?id={APP}"
        for path in (SEARCH, DETAILS):
            assert (await fault(store, path))[0] == "redirect"
        assert internal.count() == 0


async def test_all_pages_together_have_a_time(play: PlayDouble) -> None:
    play.next_size = 1
    # at one request a second five pages come after three times 0.3 seconds, on any machine
    made = Play(play.url, Rate(60, 1), timeout=0.3)
    assert (await fault(made, MORE))[0] == "timeout"
    await made.aclose()


async def test_many_at_once(play: PlayDouble, store: Play) -> None:
    for number in range(30):
        play.put(f"com.example.app{number}", title=f"App {number}")
    calls = (store.details(f"com.example.app{number}", "us", "en") for number in range(30))
    assert [one["title"] for one in await asyncio.gather(*calls)] == [f"App {number}" for number in range(30)]


async def test_one_who_goes_away_leaves_nothing_open(play: PlayDouble, store: Play) -> None:
    play.hold()
    calls = [
        asyncio.create_task(store.search("messaging", "us", "en", 250)),
        asyncio.create_task(store.details(APP, "us", "en")),
    ]
    assert await asyncio.to_thread(play.arrived, 2)
    for call in calls:
        call.cancel()
    assert all(
        isinstance(ended, asyncio.CancelledError)
        for ended in await asyncio.gather(*calls, return_exceptions=True)
    )
    play.release()
    assert await asyncio.to_thread(play.quiet)
    assert (await store.details(APP, "us", "en"))["appId"] == APP


def test_its_own_origin_is_asked_politely_and_another_as_it_likes() -> None:
    assert playstore.ORIGIN == "https://play.google.com"
    for wrong in ("play.google.com", "ftp://play.google.com", "https://user@play.google.com"):
        with pytest.raises(ValueError, match="address"):
            Play(wrong)
