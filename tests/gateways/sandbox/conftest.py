import pytest

from tallystick.db.pool import Database

from .bank import Bank, bank_of


@pytest.fixture
async def bank(db: Database) -> Bank:
    return await bank_of(db)
