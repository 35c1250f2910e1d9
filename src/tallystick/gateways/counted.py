"""The stores as `/metrics` sees them: how many calls there were, what came of each, and how long they took."""

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from tallystick.domain.appstores.port import AppUnknown, Fields, Platform, Store, StoreFailed

_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0)


class Counted:
    """A store whose calls are counted. Implements `domain.appstores.port.Store`."""

    def __init__(self, platform: Platform, store: Store) -> None:
        self.platform: Platform = platform
        self.outcomes: Counter[str] = Counter()
        """``ok``, ``unknown_app``, a `port.Fault`, or ``broken_off`` for what was given up or failed on our side."""
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0
        self.under_way = 0
        self._store = store

    async def search(self, keyword: str, country: str, language: str, limit: int) -> list[Fields]:
        with self._call():
            return await self._store.search(keyword, country, language, limit)

    async def details(self, app_id: str, country: str, language: str) -> Fields:
        with self._call():
            return await self._store.details(app_id, country, language)

    @contextmanager
    def _call(self) -> Iterator[None]:
        started, outcome = time.perf_counter(), "broken_off"
        self.under_way += 1
        try:
            yield
            outcome = "ok"
        except AppUnknown:
            outcome = "unknown_app"
            raise
        except StoreFailed as failure:
            outcome = failure.fault
            raise
        finally:
            self.under_way -= 1
            self.outcomes[outcome] += 1
            took = time.perf_counter() - started
            self.buckets[bisect_left(_BUCKETS, took)] += 1
            self.seconds += took


def families(stores: Iterable[Counted]) -> Iterator[Metric]:
    """What Prometheus is told of them."""
    calls = CounterMetricFamily(
        "tallystick_store_requests", "Searches and details asked of a store.", labels=["store", "outcome"]
    )
    took = HistogramMetricFamily("tallystick_store_request_seconds", "Time to the end.", labels=["store"])
    under_way = GaugeMetricFamily("tallystick_store_requests_in_flight", "Those under way.", labels=["store"])
    for store in stores:
        for outcome, count in sorted(store.outcomes.items()):
            calls.add_metric([store.platform, outcome], count)
        total, cumulative = 0, []
        for bound, count in zip([*map(str, _BUCKETS), "+Inf"], store.buckets, strict=True):
            total += count
            cumulative.append((bound, total))
        took.add_metric([store.platform], cumulative, store.seconds)
        under_way.add_metric([store.platform], store.under_way)
    yield from (calls, took, under_way)
