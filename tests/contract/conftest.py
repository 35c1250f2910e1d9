"""One server a test module, and clients of it."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from .served import Api, House

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def house(server: Any, template: str) -> Iterator[House]:
    """The module's server, on a database of its own."""
    name = f"tallystick_contract_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL(f"create database {name} template {template} strategy {server.strategy}"))
    house = House(make_conninfo(server.url, dbname=name))
    try:
        house.start()
        try:
            yield house
        finally:
            house.stop()
    finally:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute(sql.SQL(f"drop database {name} with (force)"))


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
