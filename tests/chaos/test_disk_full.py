"""A full disk: writes get 503, nothing that was answered is lost, and it works again once there is room."""

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Serving, within

from .load import Load
from .proof import prove

SIZE_MB = 256


@pytest.fixture
def small_disk() -> Iterator[Path]:
    """A file system of its own, in memory."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a file system")
    folder = Path(tempfile.mkdtemp(prefix="tallystick-disk-"))
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=711", "tmpfs", str(folder)], capture_output=True
    )
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


@pytest.mark.timeout(180)
def test_a_full_disk(small_disk: Path, serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    """The server's log and PostgreSQL's are on that disk as well; the second time PostgreSQL crashes besides."""
    serving = serve(data=small_disk / "d")
    load = Load(serving.port, serving.key, seed, tmp_path)
    ballast = small_disk / "ballast"

    async def act() -> None:
        await load.prepare()
        async with load.running():
            for crash in (False, True):
                await load.progress(200)
                fill(ballast)
                # what was set aside of the log and of the tables is used up first
                assert await asyncio.to_thread(within, 60, lambda: refused(serving)), f"seed {seed}"
                if crash:
                    os.kill(serving.home.postmaster(), signal.SIGKILL)
                    assert await asyncio.to_thread(within, 10, lambda: not serving.ready())
                    await asyncio.sleep(2)
                ballast.unlink()
                load.watch()
                await load.progress(200, seconds=75)
                print(f"seed {seed}: back after {load.pause:.2f} s")  # noqa: T201 - figures for who runs it with -s
        assert serving.process.poll() is None, serving.err[-3000:]
        assert await asyncio.to_thread(within, 30, serving.ready)
        figures = await prove(load, serving.home)
        assert figures["answered 503"]
        print(f"seed {seed}: {figures}")  # noqa: T201 - figures for who runs it with -s

    asyncio.run(act())


def fill(ballast: Path) -> None:
    """Leave no byte."""
    with ballast.open("wb", buffering=0) as file:
        block = b"\0" * 65536
        while block:
            try:
                file.write(block)
            except OSError:
                block = block[: len(block) // 2]


def refused(serving: Serving) -> bool:
    """Whether a write is refused, by nothing but a 503."""
    with serving.client(serving.key) as client:
        status = client.post("/v2/accounts", json={}).status_code
        debit = client.post("/v2/grants", json={"account": "ext:none", "amount": 1}).status_code
    assert {status, debit} <= {201, 404, 503}
    return status == 503
