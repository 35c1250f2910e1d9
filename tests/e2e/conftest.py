"""Homes for the tests of whole processes. Each ends with nothing of it running."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .running import Home, Serving, scratch

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    with scratch() as made:
        yield made


@pytest.fixture
def make_home(folder: Path) -> Iterator[Callable[..., Home]]:
    """Homes, whose data folders are not there yet."""
    homes: list[Home] = []

    def make(**options: Any) -> Home:
        homes.append(Home(folder / f"d{next(_numbers)}", **options))
        return homes[-1]

    yield make
    for home in reversed(homes):
        home.close()


@pytest.fixture
def fresh(make_home: Callable[..., Home]) -> Home:
    """A data folder that is not there yet."""
    return make_home()


@pytest.fixture(scope="session")
def template(folder: Path) -> Home:
    """A data folder that `init` made, and nobody uses: to be copied, which is faster than to make one."""
    home = Home(folder / "template")
    home.made = home.json("init", "--json")
    return home


@pytest.fixture
def home(make_home: Callable[..., Home], template: Home) -> Home:
    """A data folder with a first app, its owner and its keys, known by ``made``."""
    return template.copied_to(make_home())


@pytest.fixture(scope="session")
def served(folder: Path, template: Home) -> Iterator[Serving]:
    """A server that many tests share: they add to it, and stop nothing."""
    home = template.copied_to(Home(folder / "shared"))
    yield home.serve()
    home.close()
