"""What `/metrics` says of the stores."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from prometheus_client.parser import text_string_to_metric_families as parsed

from tallystick.config import Settings
from tallystick.domain.appstores.port import AppUnknown, StoreFailed
from tallystick.gateways.counted import Counted, families
from tallystick.http.metrics import Metrics
from tallystick.wiring import app_stores
from tests.doubles.stores import Stores, edge

pytestmark = pytest.mark.anyio

Told = dict[tuple[str, str, str], float]


@pytest.fixture
def doubles() -> Iterator[Stores]:
    with Stores() as running:
        running.play.put("com.example.one")
        running.apple.put(1)
        yield running


@pytest.fixture
async def stores(doubles: Stores) -> AsyncIterator[tuple[Counted, Counted]]:
    async with app_stores(Settings(**doubles.settings)) as opened:
        yield opened["android"], opened["apple"]


def told(*stores: Counted) -> Told:
    """The samples by name, store and outcome (or bound)."""
    page = Metrics(lambda: 0, lambda: families(stores)).reply().body
    return {
        (sample.name, sample.labels["store"], sample.labels.get("outcome", sample.labels.get("le", ""))): (
            sample.value
        )
        for family in parsed(page.decode())
        for sample in family.samples
        if sample.name.startswith("tallystick_store_") and not sample.name.endswith("_created")
    }


async def test_before_the_first_call(stores: tuple[Counted, Counted]) -> None:
    figures = told(*stores)
    assert [name for name in figures if name[0] == "tallystick_store_requests_total"] == []
    for name in ("android", "apple"):
        assert figures["tallystick_store_requests_in_flight", name, ""] == 0
        assert figures["tallystick_store_request_seconds_count", name, ""] == 0


async def test_each_call_counts_by_what_came_of_it(doubles: Stores, stores: tuple[Counted, Counted]) -> None:
    android, apple = stores
    for store, app_id, unknown in ((android, "com.example.one", "com.example.none"), (apple, "1", "2")):
        await store.search("app", "us", "en", 250)
        for _ in range(2):
            await store.details(app_id, "us", "en")
        with pytest.raises(AppUnknown):
            await store.details(unknown, "us", "en")
    failing: list[tuple[edge.Fault, str]] = [
        ("html", "changed"),
        ("redirect", "redirect"),
        ("huge", "too_large"),
        ("status", "status"),
        ("down", "unreachable"),
    ]
    doubles.apple.status = 500
    for fault, _ in failing:
        doubles.apple.fault = fault
        with pytest.raises(StoreFailed):
            await apple.search("app", "us", "en", 250)
    figures = told(*stores)
    requests = {
        key[1:]: value for key, value in figures.items() if key[0] == "tallystick_store_requests_total"
    }
    assert requests == {
        ("android", "ok"): 3,
        ("android", "unknown_app"): 1,
        ("apple", "ok"): 3,
        ("apple", "unknown_app"): 1,
        **{("apple", outcome): 1 for _, outcome in failing},
    }
    for name, count in (("android", 4), ("apple", 9)):
        assert figures["tallystick_store_request_seconds_count", name, ""] == count
        assert figures["tallystick_store_request_seconds_bucket", name, "+Inf"] == count
        assert figures["tallystick_store_request_seconds_sum", name, ""] > 0
        bounds = [
            value
            for key, value in figures.items()
            if key[:2] == ("tallystick_store_request_seconds_bucket", name)
        ]
        assert bounds == sorted(bounds)


async def test_those_under_way_and_those_given_up(doubles: Stores, stores: tuple[Counted, Counted]) -> None:
    apple = stores[1]
    doubles.apple.hold()
    asking = [asyncio.create_task(apple.details("1", "us", "en")) for _ in range(5)]
    assert await asyncio.to_thread(doubles.apple.arrived, 5)
    assert told(apple)["tallystick_store_requests_in_flight", "apple", ""] == 5
    asking[0].cancel()
    await asyncio.wait(asking[:1])
    doubles.apple.release()
    await asyncio.gather(*asking[1:])
    figures = told(apple)
    assert figures["tallystick_store_requests_in_flight", "apple", ""] == 0
    assert figures["tallystick_store_requests_total", "apple", "broken_off"] == 1
    assert figures["tallystick_store_requests_total", "apple", "ok"] == 4


async def test_settings_lead_to_the_stores_and_bound_them(doubles: Stores) -> None:
    settings = Settings(**doubles.settings, app_store_rate=1, play_store_rate=2)
    async with app_stores(settings) as opened:
        await opened["android"].details("com.example.one", "us", "en")
        await opened["apple"].details("1", "us", "en")
        for platform, app_id in (("android", "com.example.one"), ("apple", "1")):
            store = opened["android"] if platform == "android" else opened["apple"]
            with pytest.raises(StoreFailed) as failure:
                await store.details(app_id, "us", "en")
            assert failure.value.fault == "busy"
    assert (doubles.play.count(), doubles.apple.count()) == (1, 1)
