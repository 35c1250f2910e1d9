"""One server for the tests of payments, whose sandbox pages are paid on by `paying`."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.served import House, housed


@pytest.fixture(scope="package")
def house(server: Any, template: str) -> Iterator[House]:
    with housed(server, template, f"tallystick_payments_{os.getpid()}") as house:
        yield house
