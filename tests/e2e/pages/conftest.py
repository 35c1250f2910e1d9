"""One server and one browser for all tests of the pages."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Browser, Page
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tallystick.db.migrate import migrate
from tests.contract.served import House

from .browser import started, tab
from .counter import Counter


@pytest.fixture(scope="package")
def house(server: Any) -> Iterator[House]:
    name = f"tallystick_pages_{os.getpid()}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL(f"create database {name} template template0 encoding 'UTF8' locale 'C'"))
    try:
        url = make_conninfo(server.url, dbname=name)
        migrate(url)
        house = House(url)
        house.start()
        try:
            yield house
        finally:
            house.stop()
    finally:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute(sql.SQL(f"drop database {name} with (force)"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as found:
        yield found


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with tab(browser) as found:
        yield found


@pytest.fixture(scope="package")
def counter(house: House) -> Counter:
    return Counter(house)
