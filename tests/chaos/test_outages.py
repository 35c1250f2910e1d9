"""A database that is away: 503 soon, nothing accepted, nothing lost, and back without a restart of the server."""

import asyncio
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from tallystick.db.embedded import binaries
from tests.e2e.running import Home, Serving, alive, within

from .load import Load
from .proof import prove

SOON = 3.5  # seconds for a 503: the pool waits 2 s for a connection; the machine is shared


@contextmanager
def held_down(home: Home, stop: Callable[[Home], None]) -> Iterator[None]:
    """The database is away for as long as the block lasts: its supervisor sleeps and cannot start it again."""
    supervisor, postmaster = home.supervisor(), home.postmaster()
    os.kill(supervisor, signal.SIGSTOP)
    try:
        stop(home)
        assert within(10, lambda: not alive(postmaster))
        yield
    finally:
        os.kill(supervisor, signal.SIGCONT)


def kill(home: Home) -> None:
    os.kill(home.postmaster(), signal.SIGKILL)


def stop_immediately(home: Home) -> None:
    owner = (home.data / "postgres").stat()
    as_owner = {"user": owner.st_uid, "group": owner.st_gid} if os.geteuid() == 0 else {}
    pg_ctl = binaries.find(int((home.data / "postgres" / "PG_VERSION").read_text())) / "pg_ctl"
    # pg_ctl reads a file and sends a signal; where root alone may pass, we do as it does
    done = subprocess.run(
        [pg_ctl, "stop", "-W", "-m", "immediate", "-D", home.data / "postgres"],
        capture_output=True,
        cwd="/",
        **as_owner,  # type: ignore[call-overload]
    )
    if done.returncode:
        os.kill(home.postmaster(), signal.SIGQUIT)


@pytest.mark.timeout(120)
def test_503_soon_and_back_by_itself(serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    serving = serve()
    load = Load(serving.port, serving.key, seed, tmp_path)

    async def act() -> None:
        await load.prepare()
        async with load.running():
            for stop in (kill, stop_immediately):
                await load.progress(200)
                load.watch()
                with held_down(serving.home, stop):
                    await asyncio.sleep(1)  # what was under way has ended
                    before = load.answered
                    await asyncio.to_thread(every_answer_is_503, serving)
                    await asyncio.sleep(1)
                    assert load.answered == before, f"accepted without a database, seed {seed}"
                assert load.slowest < SOON, f"a 503 took {load.slowest:.2f} s, seed {seed}"
                await load.progress(100, seconds=15)
                print(f"seed {seed}: slowest answer {load.slowest:.2f} s, none for {load.pause:.2f} s")  # noqa: T201 - figures for who runs it with -s
        assert serving.process.poll() is None
        figures = await prove(load, serving.home)
        assert figures["answered 503"] > 10
        print(f"seed {seed}: {figures}")  # noqa: T201 - figures for who runs it with -s

    asyncio.run(act())


def every_answer_is_503(serving: Serving) -> None:
    """Reads, writes, signing in and asking whether it is ready; it stays alive, though."""
    asks: list[tuple[str, str, object]] = [
        ("GET", "/readyz", None),
        ("GET", "/v2/accounts", None),
        ("GET", "/v2/accounts/ext:nobody/balance", None),
        ("POST", "/v2/accounts", {}),
        ("POST", "/v2/debits", {"account": "ext:nobody", "amount": 1}),
        ("POST", "/v2/batch", {"commands": []}),
        ("POST", "/v2/auth/login", {"email": "a@b.example", "password": "x"}),
        ("GET", "/auth/account/credits", None),
    ]
    with serving.client(serving.key) as client, ThreadPoolExecutor(len(asks)) as pool:
        answers = pool.map(lambda ask: client.request(ask[0], ask[1], json=ask[2]), asks)
        for (method, path, _), answer in zip(asks, answers, strict=True):
            assert answer.status_code == 503, f"{method} {path}: {answer.status_code} {answer.text}"
            assert answer.elapsed.total_seconds() < SOON, f"{method} {path}: {answer.elapsed}"
            assert int(answer.headers["retry-after"]) >= 1, path
        assert client.get("/healthz").status_code == 200
    assert httpx2.get(serving.address + "/metrics").status_code == 200
