"""The servers under test: Tallystick as `serve` starts it, and the yardstick."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tallystick.db.embedded import acquire


@dataclass(frozen=True, slots=True)
class Server:
    """A running Tallystick: its address, its process, its database and its postmaster's process.

    ``tenant`` and ``key`` are those of the test mode, which most benchmarks use.
    """

    url: str
    pid: int
    worker: int
    postmaster: int
    database_url: str
    tenant: int
    key: Path
    live_key: Path
    folder: Path


@contextlib.contextmanager
def tallystick() -> Iterator[Server]:
    """Tallystick on a fresh data folder, gone afterwards."""
    with contextlib.ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="tallystick-bench-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        data, port = folder / "data", _free_port()
        made = subprocess.run(
            [sys.executable, "-m", "tallystick", "init", "--data", str(data), "--json"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        keys, key, live_key = json.loads(made.stdout), folder / "key", folder / "live-key"
        key.write_text(keys["test_key"])
        live_key.write_text(keys["live_key"])
        url = f"http://127.0.0.1:{port}"
        process = stack.enter_context(
            _process(["-m", "tallystick", "serve", "--data", str(data), "--port", str(port)])
        )
        _wait(f"{url}/readyz")
        lease = stack.enter_context(acquire(data))
        with psycopg.connect(lease.url) as conn:
            tenant = conn.execute("select id from tenant where mode = 'test'").fetchone()
        assert tenant is not None
        postmaster = int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])
        worker = int(
            subprocess.run(["pgrep", "-P", str(process.pid)], capture_output=True, text=True, check=True)
            .stdout.split()[0]
        )  # fmt: skip
        yield Server(url, process.pid, worker, postmaster, lease.url, tenant[0], key, live_key, folder)


@contextlib.contextmanager
def without_ledger(system: Server) -> Iterator[str]:
    """The yardstick's address: the product with its ledger taken out, on the same database."""
    with _listening("bench.without_ledger", {"TALLYSTICK_DATABASE_URL": system.database_url}) as url:
        yield url


@contextlib.contextmanager
def echo() -> Iterator[str]:
    """The address of the least that a server can do."""
    with _listening("bench.echo", {}) as url:
        yield url


@contextlib.contextmanager
def _listening(module: str, environment: dict[str, str]) -> Iterator[str]:
    port = _free_port()
    url = f"http://127.0.0.1:{port}"
    with _process(["-m", module, str(port)], environment):
        _wait(url)
        yield url


@contextlib.contextmanager
def _process(
    arguments: list[str], environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | (environment or {}),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(60)


def _wait(url: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except urllib.error.HTTPError as error:
            if error.code != 503:
                return
        except OSError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"{url} does not answer")


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port
