"""Webhooks to a fast receiver on this machine, alone and with one beside it that never answers.

The worker's own jobs send them, over real connections; the receiver is a process of its own. Run alone with
``python -m bench.deliveries 10000``.
"""

import argparse
import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final, cast

import psycopg
import uvloop

from tallystick.config import Settings, secret_key
from tallystick.db.pool import Database
from tallystick.domain.events import actions as events
from tallystick.domain.events.model import Event
from tallystick.domain.identity.vault import Vault
from tallystick.domain.webhooks import actions, jobs
from tallystick.domain.webhooks.sending import Courier
from tallystick.gateways.deliver import HttpSender

from .renewals import database

EVENTS: Final = 10_000
BY: Final = "bench"
_DATA: Final = {
    "id": "inv_01h455vb4pex5vsknk084sn02q",
    "number": "INV-2026-001",
    "total": "49.00",
    "currency": "USD",
}
_LEFT: Final = "select count(*) from webhook_delivery where endpoint_id = %s and status <> 'succeeded'"


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench.deliveries", description=__doc__)
    parser.add_argument("events", nargs="?", type=int, default=EVENTS)
    parser.add_argument("--receive", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--deliver", nargs=3, metavar=("URL", "TENANT", "RECEIVER"), help=argparse.SUPPRESS)
    parser.add_argument("--dead", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.receive:
        uvloop.run(_receive())
    elif arguments.deliver:
        url, tenant, receiver = arguments.deliver
        said = uvloop.run(_deliver(url, int(tenant), receiver, arguments.events, arguments.dead))
        print(json.dumps(said))
    else:
        measure(arguments.events, lambda name, value: print(f"{name:34} {value:12,.2f}", flush=True))
    return 0


def measure(count: int, put: Callable[[str, float], None]) -> None:
    """Deliver so many events, each durable in the log, on a fresh database each time."""
    rates = {}
    with receiver() as url:
        for name, dead in (("", False), ("_dead_beside", True)):
            with database() as (database_url, tenant):
                done = subprocess.run(
                    [
                        sys.executable, "-m", "bench.deliveries", str(count),
                        "--deliver", database_url, str(tenant), url, *(["--dead"] if dead else []),
                    ],
                    check=True, capture_output=True, text=True,
                )  # fmt: skip
            said = json.loads(done.stdout)
            rates[name] = said["delivered"] / said["seconds"]
            put(f"deliveries_per_s{name}", rates[name])
            if not dead:
                put("fan_out_events_per_s", said["fanned_out_per_s"])
                put("cpu_us_per_delivery_worker", said["cpu_us"])
    put("deliveries_dead_over_alone", rates["_dead_beside"] / rates[""])


async def _deliver(url: str, tenant: int, receiver: str, count: int, dead: bool) -> dict[str, float]:
    """What the worker does, until the receiver has all: how much, in how many seconds."""
    db = Database(url, size=4)
    await db.open()
    vault = Vault(secret_key(Settings(secret_key=bytes(32))))
    urls = [receiver, *([_dead(held := socket.socket())] if dead else [])]
    async with db.tx() as tx:
        made = [
            await actions.create_endpoint(
                tx, vault, tenant, url=one, types=["invoice.*"], allow_private=True, by=BY
            )
            for one in urls
        ]
    now = datetime.now(UTC)
    for start in range(0, count, 1000):
        async with db.tx() as tx:
            some = min(1000, count - start)
            await events.emit(
                tx, tenant, *(Event("invoice.paid", now, _DATA, 1 + n % 100) for n in range(some))
            )
    begin = time.monotonic()
    await jobs.fan_out(db)
    fanned = time.monotonic() - begin
    async with HttpSender(allow_private=True) as sender, Courier(db, sender, vault, last=0) as courier:
        begin, cpu = time.monotonic(), time.process_time()
        delivered = 0
        # what the dead one failed counts as tried, too
        while delivered < count or _left(url, made[0].endpoint.id):
            delivered += await courier.run()
            await courier.wait(0.1)
        seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    if dead:
        held.close()
    await db.close()
    return {
        "seconds": seconds,
        "delivered": count,
        "fanned_out_per_s": count / fanned,
        "cpu_us": cpu / delivered * 1e6,
    }


def _left(url: str, endpoint: Any) -> int:
    with psycopg.connect(url) as conn:
        row = conn.execute(_LEFT, [endpoint]).fetchone()
    assert row is not None
    return int(row[0])


def _dead(held: socket.socket) -> str:
    """An address where connections are taken and nothing is ever said."""
    held.bind(("127.0.0.1", 0))
    held.listen(1024)
    return f"http://127.0.0.1:{held.getsockname()[1]}/"


class _Fast(asyncio.Protocol):
    """Answers each request at once, and knows only so much of HTTP as that takes."""

    def __init__(self) -> None:
        self._held = b""
        self._transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)  # uvloop's says so by no class of its own

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n") + 4) > 3:
            head = self._held[:end].lower()
            length = int(head.split(b"content-length: ")[1].split(b"\r\n")[0])
            if len(self._held) < end + length:
                return
            self._held = self._held[end + length :]
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")


async def _receive() -> None:
    server = await asyncio.get_running_loop().create_server(_Fast, "127.0.0.1", 0)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


@contextlib.contextmanager
def receiver() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "bench.deliveries", "--receive"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait()


if __name__ == "__main__":
    sys.exit(main())
