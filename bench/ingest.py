"""Usage events over HTTP in batches, each batch durable before its answer; and a bare COPY of the same rows."""

import http.client
import json
import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final
from urllib.parse import urlsplit

import psycopg

from .server import Server

EVENTS: Final = 200_000
BATCH: Final = 5000
CONNECTIONS: Final = 2
ACCOUNTS: Final = 1000
"""Customers whose events come mixed. With more of them than events a batch, each event is a rollup of its own."""
METRICS: Final = ("api_calls", "tokens", "storage")


def bodies(accounts: Sequence[str], run: str, events: int = EVENTS) -> list[bytes]:
    """Batches of events of many accounts, each event with an id of its own and a little metadata."""
    dice = random.Random(run)
    made = []
    for first in range(0, events, BATCH):
        rows = [
            {
                "account": dice.choice(accounts),
                "metric": dice.choice(METRICS),
                "quantity": dice.randrange(1, 1000),
                "event_id": f"{run}-{first + n}",
                "metadata": {"region": "eu", "endpoint": "/v1/chat"},
            }
            for n in range(BATCH)
        ]
        made.append(json.dumps({"events": rows}).encode())
    return made


def events_per_s(system: Server, batches: Sequence[bytes]) -> tuple[float, int]:
    """Events recorded a second over a few connections, and how many were not recorded anew."""
    headers = {
        "Authorization": "Bearer " + system.key.read_text().strip(),
        "Content-Type": "application/json",
    }
    address = urlsplit(system.url).netloc

    def client(mine: Sequence[bytes]) -> int:
        connection = http.client.HTTPConnection(address, timeout=60)
        recorded = 0
        for body in mine:
            connection.request("POST", "/v2/usage/batch", body, headers)
            recorded += connection.getresponse().read().count(b'"status":201')
        connection.close()
        return recorded

    start = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        recorded = sum(pool.map(client, [batches[n::CONNECTIONS] for n in range(CONNECTIONS)]))
    elapsed = time.perf_counter() - start
    return recorded / elapsed, len(batches) * BATCH - recorded


def copied_per_s(url: str, rows: int) -> float:
    """Rows of the recorded events a second that PostgreSQL copies into a bare table: the most it can do."""
    with psycopg.connect(url) as conn:
        source = f"(select * from usage_event limit {int(rows)})"
        with conn.cursor().copy(f"copy {source} to stdout (format binary)".encode()) as copy:
            data = [bytes(block) for block in copy]
        conn.execute("create table bench_copy (like usage_event)")
        conn.commit()
        start = time.perf_counter()
        with conn.cursor().copy("copy bench_copy from stdin (format binary)") as copy:
            for block in data:
                copy.write(block)
        conn.commit()
        elapsed = time.perf_counter() - start
        conn.execute("drop table bench_copy")
    return rows / elapsed
