"""One server for the tests of payments, whose sandbox pages are paid on by `paying`."""

import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.contract.served import House


@pytest.fixture(scope="package")
def house(server: Any, template: str) -> Iterator[House]:
    name = f"tallystick_payments_{os.getpid()}"
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
