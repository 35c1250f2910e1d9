"""kill -9 of the server or the worker before and after each commit of a purchase: money once, credits once, told once.

``dying/sitecustomize.py`` kills a process at a commit that is named by its number. A first purchase lists them; then
each is hit by a purchase of its own.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.running import REPOSITORY, Home, Serving, alive, scratch

from .buying import Buyer, Listener

DYING = REPOSITORY / "tests" / "chaos" / "dying"
QUIET = 1.5  # seconds without a commit: a purchase has come to its end


class Stage:
    """A served home whose processes die where they are told to, and a receiver of its webhooks."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "dying"
        self.folder.mkdir()
        self.home = Home(folder / "d")
        self.home.environment |= {
            "PYTHONPATH": str(DYING),
            "DYING_FOLDER": str(self.folder),
            "TALLYSTICK_WEBHOOKS_ALLOW_PRIVATE": "1",
        }
        self.home.made = self.home.json("init", "--json")
        self.serving: Serving = self.home.serve()
        self.listener = Listener()
        with self.buyer() as buyer:
            buyer.ask("POST", "/webhook-endpoints", {"url": self.listener.url})

    @contextmanager
    def buyer(self) -> Iterator[Buyer]:
        buyer = Buyer(self.serving.address, self.serving.key, self.revive)
        try:
            yield buyer
        finally:
            buyer.close()

    def purchase(self, name: str) -> None:
        with self.buyer() as buyer:
            buyer.buy(name)
            buyer.prove(self.listener)

    def revive(self) -> None:
        if alive(self.serving.pid):
            return
        self.serving.process.wait(10)
        self.serving = self.home.serve(port=self.serving.port)

    def arm(self, point: str) -> None:
        """Have a process die at this point; '' lets them live, and lists the points."""
        for name in ("hit", "log"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "armed").write_text(point)

    def disarm(self) -> bool:
        """Let them live, and forget what was counted; whether somebody died."""
        (self.folder / "armed").unlink()
        return (self.folder / "hit").exists()

    def log(self) -> list[str]:
        path = self.folder / "log"
        return path.read_text().splitlines() if path.exists() else []

    def points(self) -> list[str]:
        """Buy once, and give the points of all commits that it took."""
        self.arm("")
        self.purchase("first")
        seen, since = len(self.log()), time.monotonic()
        while time.monotonic() - since < QUIET:
            time.sleep(0.1)
            if len(self.log()) != seen:
                seen, since = len(self.log()), time.monotonic()
        commits = self.log()
        self.disarm()
        return [f"{commit} {side}" for commit in commits for side in ("before", "after")]

    def hit(self, number: int, point: str) -> bool:
        """Buy, with a kill at the point; whether it came."""
        self.arm(point)
        self.purchase(f"buyer-{number}")
        return self.disarm()

    def close(self) -> None:
        self.listener.close()
        self.home.close()


@contextmanager
def staged() -> Iterator[Stage]:
    with scratch() as folder:
        stage = Stage(folder)
        try:
            yield stage
        finally:
            stage.close()


def run(every: int) -> tuple[Sequence[str], int]:
    """Hit each point, or every so manyth; give all points and how many kills came."""
    with staged() as stage:
        points = stage.points()
        hits = sum(stage.hit(number, point) for number, point in enumerate(points[::every]))
        assert stage.home.run("verify").returncode == 0
        return points, hits


@pytest.mark.timeout(240)
def test_some_points_of_a_purchase() -> None:
    points, hits = run(every=24)
    assert {point.split()[0] for point in points} == {"server", "worker"}
    # the worker's loops share out the same work a little differently each time
    assert hits >= 2


@pytest.mark.long
@pytest.mark.timeout(1800)
def test_every_point_of_a_purchase() -> None:
    points, hits = run(every=1)
    assert hits >= len(points) * 3 // 4
