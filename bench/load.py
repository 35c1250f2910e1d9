"""Load from a second process: wrk with a Lua script, its figures read from what it prints."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LUA: Final = Path(__file__).parent / "lua"
_UNIT: Final = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


@dataclass(frozen=True, slots=True)
class Run:
    """What one run of wrk saw. Latencies in milliseconds."""

    requests_per_s: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True, slots=True)
class Target:
    """Where the load goes: the address, and files with the accounts and the key."""

    url: str
    accounts: Path
    key: Path


def need_wrk() -> None:
    """Raises SystemExit with what to do when the load generator is not there."""
    if shutil.which("wrk") is None:
        raise SystemExit("make bench needs the load generator wrk; on Debian: apt-get install wrk")


def wrk(
    script: str,
    target: Target,
    *,
    seconds: float,
    connections: int = 128,
    batch: int = 0,
    pause_ms: float = 0,
) -> Run:
    """Run ``script`` against the target. One thread: more would only take the server's processor."""
    environment = os.environ | {
        "BENCH_LUA": str(LUA),
        "BENCH_ACCOUNTS": str(target.accounts),
        "BENCH_KEY": str(target.key),
        "BENCH_BATCH": str(batch),
        "BENCH_PAUSE_MS": str(pause_ms),
    }
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--latency", "--timeout", "30s"]
    command += ["-s", str(LUA / script), target.url]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"wrk failed: {done.stderr or done.stdout}")
    return _read(done.stdout)


def _read(text: str) -> Run:
    rate = re.search(r"Requests/sec:\s+([\d.]+)", text)
    assert rate is not None, text
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    errors = int(bad[1]) if bad else 0
    errors += sum(map(int, broken.groups())) if broken else 0
    return Run(float(rate[1]), _percentile(text, "50%"), _percentile(text, "99%"), errors)


def _percentile(text: str, name: str) -> float:
    found = re.search(rf"\s{re.escape(name)}\s+([\d.]+)(us|ms|s|m)\b", text)
    assert found is not None, text
    return float(found[1]) * _UNIT[found[2]]
