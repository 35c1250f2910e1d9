"""One server a test module, and clients of it."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest

from .served import Api, House, housed

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(server: Any, template: str) -> Iterator[House]:
    """The module's server, on a database of its own."""
    with housed(server, template, f"tallystick_contract_{os.getpid()}_{next(_numbers)}") as house:
        yield house


@pytest.fixture
def api(house: House) -> Iterator[Api]:
    """A client with the first app's live admin key."""
    with house.client("admin") as client:
        yield client


@pytest.fixture
def reader(house: House) -> Iterator[Api]:
    with house.client("read") as client:
        yield client


@pytest.fixture
def writer(house: House) -> Iterator[Api]:
    with house.client("write") as client:
        yield client


@pytest.fixture
def stranger(house: House) -> Iterator[Api]:
    """Another app's admin."""
    with house.client("stranger") as client:
        yield client


@pytest.fixture
def test_mode(house: House) -> Iterator[Api]:
    """The same app's test key."""
    with house.client("test") as client:
        yield client


@pytest.fixture
def nobody(house: House) -> Iterator[Api]:
    with house.client(None) as client:
        yield client
