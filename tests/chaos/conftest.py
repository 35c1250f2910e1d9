"""A served home, and the run's seed: TALLYSTICK_CHAOS_SEED repeats the clients' choices of a run that failed."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e.running import Home, Serving, scratch


@pytest.fixture
def seed() -> int:
    given = os.environ.get("TALLYSTICK_CHAOS_SEED")
    return int(given) if given else int.from_bytes(os.urandom(4))


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Callable[..., Serving]]:
    """Start a server on a data folder of the test's own: on a disk in the long forms, else in memory."""
    homes: list[Home] = []
    with scratch(on_disk=request.node.get_closest_marker("long") is not None) as folder:

        def start(*options: str, data: Path | None = None) -> Serving:
            homes.append(Home(data or folder / "d"))
            homes[-1].made = homes[-1].json("init", "--json")
            return homes[-1].serve(*options)

        yield start
        for home in homes:
            home.close()
