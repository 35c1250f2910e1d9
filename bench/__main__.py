"""``make bench``: prints a table and writes bench/latest.json. ``make bench-large``: the large
database, the renewal night, and histories of apps."""

import argparse
import json
import platform
import sys
import time
from pathlib import Path
from typing import Any, Final

from . import (
    appstores,
    cached,
    contracts,
    deliveries,
    ingest,
    lanes,
    load,
    meter,
    naive,
    renewals,
    seed,
    server,
)
from .load import Run, Target

SECONDS: Final = 5.0
WALLETS: Final = 10_000
LARGE_WARM_UP: Final = 20.0
BATCH: Final = 100  # commands of a /v2/batch
BATCH_CONNECTIONS: Final = 16

GOALS: Final = {
    "debit_over_empty_post": 0.4,
    "debit_over_empty_post_hot": 0.55,
    "hot_over_spread": 1.0,
    "hold_capture_over_debit": 0.4,
    "balance_over_empty_post": 0.5,
    "batch_over_single_hot": 2.5,
    "naive_ratio": 4.0,
    "large_over_small": 0.8,
    "ingest_events_per_s": 20_000.0,
    "renewals_linear": 0.8,
    "histories_year_over_month": 0.8,
    "deliveries_per_s": 500.0,
    "deliveries_dead_over_alone": 0.8,
    "credibill_usage_over_native_debit": 0.8,
    "appvector_consume_over_native_debit": 0.8,
    "appvector_cached_details_over_empty_post": 0.5,
    "igny8_balance_over_native_balance": 0.8,
}


class Bench:
    """One run: the figures as they come, and whether any request failed."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.figures: dict[str, Any] = {}
        self.failed = 0

    def put(self, name: str, value: float) -> None:
        self.figures[name] = round(value, 3)
        goal = GOALS.get(name)
        verdict = "" if goal is None else f"   goal >= {goal:g}   {'ok' if value >= goal else 'BELOW'}"
        print(f"{name:42} {value:12,.2f}{verdict}", flush=True)

    def wrk(self, script: str, target: Target, **options: Any) -> Run:
        load.wrk(script, target, seconds=1, **options)  # warm up: plans, caches, connections
        return self.turn(script, target, self.seconds, **options)

    def turn(self, script: str, target: Target, seconds: float, **options: Any) -> Run:
        run = load.wrk(script, target, seconds=seconds, **options)
        if run.errors:
            print(f"  {run.errors} requests of {script} failed", flush=True)
        self.failed += run.errors
        return run

    def http(self, system: server.Server, seeded: seed.Seeded) -> None:
        """Everything over HTTP, the yardstick before and after, so that a slower minute shows."""
        spread = Target(system.url, seeded.write(system.folder / "spread"), system.key)
        hot = Target(system.url, seeded.write(system.folder / "hot", 1), system.key)
        empty = [self.empty_post(system, spread)]
        before = meter.usage(system.pid, system.postmaster)
        debit_hot = self.wrk("debit.lua", hot)
        between = meter.usage(system.pid, system.postmaster)
        details = self.wrk(cached.SCRIPT, cached.furnish(system))
        spreading = meter.usage(system.pid, system.postmaster)
        debit = self.wrk("debit.lua", spread)
        after = meter.usage(system.pid, system.postmaster)
        # in turns, so that a slower moment of the machine is both's
        turns = [self.wrk(name, spread).requests_per_s for name in ("hold_capture.lua", "debit.lua") * 2]
        pairs, beside = (turns[0] + turns[2]) / 4, (debit.requests_per_s + turns[1] + turns[3]) / 3
        balance = self.wrk("balance.lua", spread)
        batch = self.wrk("batch.lua", hot, batch=BATCH, connections=BATCH_CONNECTIONS).requests_per_s * BATCH
        scattered = self.wrk("batch.lua", spread, batch=BATCH, connections=BATCH_CONNECTIONS)
        empty.append(self.empty_post(system, spread))
        post = sum(empty) / len(empty)
        with server.echo() as url:
            bare = self.wrk("debit.lua", Target(url, spread.accounts, system.key)).requests_per_s
        self.put("empty_post_per_s", post)
        self.put("empty_post_spread", max(empty) / min(empty))
        self.put("bare_post_per_s", bare)
        self.put("debit_hot_per_s", debit_hot.requests_per_s)
        self.put("debit_per_s", debit.requests_per_s)
        self.put("hold_capture_per_s", pairs)
        self.put("balance_per_s", balance.requests_per_s)
        self.put("batch_hot_per_s", batch)
        self.put("batch_spread_per_s", scattered.requests_per_s * BATCH)
        self.put("debit_over_empty_post", debit.requests_per_s / post)
        self.put("debit_over_empty_post_hot", debit_hot.requests_per_s / post)
        self.put("appvector_cached_details_per_s", details.requests_per_s)
        self.put("appvector_cached_details_over_empty_post", details.requests_per_s / post)
        self.put("debit_over_bare_post", debit.requests_per_s / bare)
        self.put("debit_over_bare_post_hot", debit_hot.requests_per_s / bare)
        self.put("hot_over_spread", debit_hot.requests_per_s / debit.requests_per_s)
        self.put("hold_capture_over_debit", pairs / beside)
        self.put("balance_over_empty_post", balance.requests_per_s / post)
        self.put("batch_over_single_hot", batch / debit_hot.requests_per_s)
        for name, run, start, end in (
            ("hot", debit_hot, before, between),
            ("spread", debit, spreading, after),
        ):
            done = run.requests_per_s * (self.seconds + 1)  # the warm-up second too
            self.put(f"cpu_us_per_debit_server_{name}", (end.server - start.server) / done * 1e6)
            self.put(f"cpu_us_per_debit_database_{name}", (end.database - start.database) / done * 1e6)
        self.latency(spread, debit.requests_per_s)
        self.put("rss_server_mb", meter.rss_mb(system.pid))
        self.put("rss_worker_mb", meter.rss_mb(system.worker))

    def empty_post(self, system: server.Server, target: Target) -> float:
        """POSTs a second of the product without its ledger."""
        with server.without_ledger(system) as url:
            return self.wrk("debit.lua", Target(url, target.accounts, target.key)).requests_per_s

    def latency(self, target: Target, full: float) -> None:
        """At about half of the full rate: each of 128 connections pauses between its requests."""
        run = self.wrk("debit.lua", target, pause_ms=128 / (full / 2) * 1000)
        self.put("half_load_per_s", run.requests_per_s)
        self.put("half_load_p50_ms", run.p50_ms)
        self.put("half_load_p99_ms", run.p99_ms)

    def database(self, system: server.Server, seeded: seed.Seeded) -> None:
        """Without HTTP: the lanes, and what one transaction a debit would give."""
        url, tenant = system.database_url, system.tenant
        self.put("lane_debits_per_s", lanes.debits_per_s(url, tenant, seeded.numbers, self.seconds))
        hot = lanes.debits_per_s(url, tenant, seeded.numbers[:1], self.seconds)
        self.put("lane_debits_per_s_hot", hot)
        one_each = naive.debits_per_s(url, self.seconds)
        self.put("naive_debits_per_s", one_each)
        self.put("naive_ratio", self.figures["debit_hot_per_s"] / one_each)

    def ingest(self, system: server.Server, seeded: seed.Seeded) -> None:
        """Usage events in large batches over HTTP, against a bare COPY of the same rows."""
        accounts = seeded.typeids[: ingest.ACCOUNTS]
        warm = ingest.bodies(accounts, "warm", 20 * ingest.BATCH)
        ingest.events_per_s(system, warm)
        rate, failed = ingest.events_per_s(system, ingest.bodies(accounts, "run"))
        self.failed += failed
        self.put("ingest_events_per_s", rate)
        copied = ingest.copied_per_s(system.database_url, ingest.EVENTS)
        self.put("copy_rows_per_s", copied)
        self.put("ingest_over_copy", rate / copied)

    def contracts(self, system: server.Server, seeded: seed.Seeded) -> None:
        """What the other contracts do in a second, as ratios to the native one."""
        seconds = max(1.0, self.seconds // 2)  # several turns each, whole seconds
        contracts.measure(system, seeded, lambda script, target: self.turn(script, target, seconds), self.put)

    def large(self) -> None:
        """A million accounts and ten million entries against a fresh database, the same load on both."""
        rates = {}
        for name, accounts, entries in (("small", WALLETS, 1), ("large", 1_000_000, 10)):
            with server.tallystick() as system:
                start = time.monotonic()
                seeded = seed.seed(system.database_url, system.tenant, accounts, entries=entries)
                print(f"seeded {accounts:,} accounts in {time.monotonic() - start:.0f} s", flush=True)
                busy = seeded.typeids[:: max(1, accounts // WALLETS)]
                chosen = seed.Seeded(busy, []).write(system.folder / "spread")
                target = Target(system.url, chosen, system.key)
                # the steady state: until a page was touched once after a checkpoint, its first change logs it whole
                load.wrk("debit.lua", target, seconds=LARGE_WARM_UP)
                run = self.wrk("debit.lua", target)
                rates[name] = run.requests_per_s
                self.put(f"debit_per_s_{name}", run.requests_per_s)
        self.put("large_over_small", rates["large"] / rates["small"])
        renewals.measure(renewals.SIZES, self.put)
        appstores.measure(self.put)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--large", action="store_true", help="the large database instead")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="length of each measurement")
    arguments = parser.parse_args()
    load.need_wrk()
    bench = Bench(arguments.seconds)
    bench.figures |= {"machine": platform.machine(), "python": platform.python_version()}
    if arguments.large:
        bench.large()
    else:
        with server.tallystick() as system:
            seeded = seed.seed(system.database_url, system.tenant, WALLETS)
            bench.http(system, seeded)
            bench.database(system, seeded)
            bench.ingest(system, seeded)
            bench.contracts(system, seeded)
        deliveries.measure(deliveries.EVENTS, bench.put)
    bench.put("failed_requests", bench.failed)
    name = "latest-large.json" if arguments.large else "latest.json"
    (Path(__file__).parent / name).write_text(json.dumps(bench.figures, indent=2) + "\n")
    return 1 if bench.failed else 0


if __name__ == "__main__":
    sys.exit(main())
