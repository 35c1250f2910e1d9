"""A ledger for each test: ``ledger`` in real time, ``timed`` with a database clock that the test sets."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from .driver import DatabaseClock, Ledger, install_clock, opened


@pytest.fixture
async def ledger(db_url: str) -> AsyncIterator[Ledger]:
    async with opened(db_url) as made:
        yield made


@dataclass
class Timed:
    ledger: Ledger
    clock: DatabaseClock


@pytest.fixture
async def timed(db_url: str) -> AsyncIterator[Timed]:
    await install_clock(db_url)
    async with opened(db_url) as made:
        yield Timed(made, DatabaseClock(made))
