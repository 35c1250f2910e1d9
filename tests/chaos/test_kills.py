"""kill -9 under load: what was answered is there once, the rest at most once, and the same key tells."""

import asyncio
import os
import random
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

import pytest

from tests.e2e.running import Serving, within

from .load import Load
from .proof import prove


class Reaper:
    """Kills processes of a served home, and starts the server again when it was among them."""

    def __init__(self, serving: Serving) -> None:
        self.serving = serving
        self._home = serving.home

    def kill(self, target: str) -> None:
        for pid in self._pids(target):
            os.kill(pid, signal.SIGKILL)
        if target in ("server", "everything"):
            self.serving.process.wait(10)
            self.serving = self._home.serve(port=self.serving.port)

    def _pids(self, target: str) -> list[int]:
        home = self._home
        match target:
            case "server":
                return [self.serving.pid]
            case "child":
                return self.serving.children("serve-on")[:1]
            case "worker":
                return self.serving.children("worker")
            case "postmaster":
                return [home.postmaster()]
            case "supervisor":
                return [home.supervisor()]
            case "everything":
                return [
                    self.serving.pid, *self.serving.children("worker"), home.supervisor(), home.postmaster()
                ]  # fmt: skip
        raise AssertionError(target)


async def rampage(load: Load, reaper: Reaper, targets: Sequence[str], between: int) -> dict[str, list[float]]:
    """Kill one after the other, with this many answers between; the seconds that each left without an answer."""
    dice = random.Random(f"{load.seed} reaper")
    pauses: dict[str, list[float]] = {}
    async with load.running():
        await load.progress(between)
        for target in targets:
            await asyncio.sleep(dice.uniform(0, 0.5))
            load.watch()
            await asyncio.to_thread(reaper.kill, target)
            await asyncio.sleep(0.2)  # what was under way has been answered
            await load.progress(between)
            pauses.setdefault(target, []).append(round(load.pause, 2))
    return pauses


def run(serving: Serving, seed: int, folder: Path, targets: Sequence[str], between: int) -> dict[str, int]:
    reaper = Reaper(serving)
    load = Load(serving.port, serving.key, seed, folder)

    async def act() -> dict[str, int]:
        await load.prepare()
        pauses = await rampage(load, reaper, targets, between)
        assert await asyncio.to_thread(within, 30, reaper.serving.ready)
        figures = await prove(load, serving.home)
        print(f"seed {seed}: {figures}; seconds without an answer:")  # noqa: T201 - figures for who runs it with -s
        for target, seconds in pauses.items():
            print(f"  {target}: median {median(seconds):.2f}, worst {max(seconds)}, {len(seconds)} kills")  # noqa: T201 - figures for who runs it with -s
        return figures

    return asyncio.run(act())


@pytest.mark.timeout(120)
def test_kills_under_load(serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    targets = ("server", "postmaster", "supervisor", "worker", "everything")
    figures = run(serve(), seed, tmp_path, targets, between=250)
    assert figures["unanswered"], "the kills met somebody"
    assert figures["answered 503"]


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_twenty_kills_of_each(serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    targets = [*["server", "postmaster"] * 20, *["supervisor", "worker", "everything"] * 5]
    random.Random(seed).shuffle(targets)
    run(serve(), seed, tmp_path, targets, between=500)


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_twenty_kills_of_two_processes(serve: Callable[..., Serving], seed: int, tmp_path: Path) -> None:
    targets = [*["child", "postmaster"] * 8, *["server", "supervisor"] * 2]
    random.Random(seed).shuffle(targets)
    run(serve("--workers", "2"), seed, tmp_path, targets, between=500)
