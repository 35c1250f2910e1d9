"""A server whose live app takes money through a Stripe of the tests' own."""

import itertools
import os
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from tests.contract.served import House
from tests.doubles.stripe import StripeDouble

_numbers = itertools.count(1)


@pytest.fixture(scope="package")
def stripe() -> Iterator[StripeDouble]:
    double = StripeDouble()
    double.start()
    try:
        yield double
    finally:
        double.close()


@pytest.fixture(scope="package")
def house(server: Any, template: str, stripe: StripeDouble) -> Iterator[House]:
    name = f"tallystick_stripe_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server.url, autocommit=True) as conn:
        conn.execute(sql.SQL(f"create database {name} template {template} strategy {server.strategy}"))
    house = House(
        make_conninfo(server.url, dbname=name),
        stripe_secret_key=stripe.key,
        stripe_webhook_secret=stripe.secret,
        stripe_api_base=stripe.url,
    )
    try:
        house.start()
        try:
            yield house
        finally:
            house.stop()
    finally:
        with psycopg.connect(server.url, autocommit=True) as conn:
            conn.execute(sql.SQL(f"drop database {name} with (force)"))
