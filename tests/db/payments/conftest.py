from collections.abc import AsyncIterator

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.payments.verify import verify
from tests.db.subscriptions.shop import BEGIN, Shop
from tests.db.subscriptions.year.server import stop_the_clock

from .front import Front


@pytest.fixture
async def front(db_url: str) -> AsyncIterator[Front]:
    """A test tenant on a database whose own time stands still: 31 January 2027, 10:00.

    After each test its payments are proved.
    """
    stop_the_clock(db_url, BEGIN)
    db = Database(db_url)
    await db.open()
    try:
        async with db.tx() as tx:
            app = await identity.create_app(tx, "A shop")
        yield Front(Shop(db, app.test))
        assert await verify(db) == []
    finally:
        await db.close()
