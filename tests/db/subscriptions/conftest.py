from collections.abc import AsyncIterator

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity

from .shop import BEGIN, Shop
from .year.server import stop_the_clock


@pytest.fixture
async def shop(db_url: str) -> AsyncIterator[Shop]:
    """A test tenant on a database whose own time stands still: 31 January 2027, 10:00."""
    stop_the_clock(db_url, BEGIN)
    db = Database(db_url)
    await db.open()
    try:
        async with db.tx() as tx:
            app = await identity.create_app(tx, "A shop")
        yield Shop(db, app.test)
    finally:
        await db.close()
