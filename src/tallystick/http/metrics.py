"""Request statistics for Prometheus: plain integers on the request's path, shaped only when they are read."""

from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from .hot import Reply

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class RouteStats:
    """One route's requests: by class of status, and how long they took."""

    __slots__ = ("buckets", "by_class", "seconds")

    def __init__(self) -> None:
        self.by_class = [0] * 6
        self.buckets = [0] * (len(_BUCKETS) + 1)
        self.seconds = 0.0

    def add(self, status: int, seconds: float) -> None:
        self.by_class[status // 100] += 1
        self.buckets[bisect_left(_BUCKETS, seconds)] += 1
        self.seconds += seconds


class Metrics(Collector):
    """All of a process's numbers. `of` gives a route's, to be kept by whoever serves it."""

    def __init__(self, lane_depth: Callable[[], int], outside: Callable[[], Iterator[Metric]]) -> None:
        """``outside`` gives what is told of calls to others."""
        self._routes: dict[tuple[str, str, str], RouteStats] = {}
        self._lane_depth = lane_depth
        self._outside = outside
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)
        GCCollector(registry=self._registry)

    def of(self, dialect: str, method: str, template: str) -> RouteStats:
        """The statistics of a route; ``template``, not the path, so that they stay few."""
        key = (dialect, method, template)
        found = self._routes.get(key)
        if found is None:
            found = self._routes[key] = RouteStats()
        return found

    def collect(self) -> Iterator[Metric]:
        names = ["dialect", "method", "route"]
        requests = CounterMetricFamily("tallystick_requests", "Requests answered.", labels=[*names, "status"])
        took = HistogramMetricFamily("tallystick_request_seconds", "Time to the answer.", labels=names)
        for labels, stats in list(self._routes.items()):
            for status, count in enumerate(stats.by_class):
                if count:
                    requests.add_metric([*labels, f"{status}xx"], count)
            total, cumulative = 0, []
            for bound, count in zip([*map(str, _BUCKETS), "+Inf"], stats.buckets, strict=True):
                total += count
                cumulative.append((bound, total))
            took.add_metric(labels, cumulative, stats.seconds)
        yield requests
        yield took
        depth = GaugeMetricFamily("tallystick_lane_depth", "Commands that wait or are being decided.")
        depth.add_metric([], self._lane_depth())
        yield depth
        yield from self._outside()

    def reply(self) -> Reply:
        """Give the process's figures to Prometheus."""
        return Reply(200, generate_latest(self._registry), media=CONTENT_TYPE_LATEST.encode())
