from collections.abc import AsyncIterator

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tests.db.payments.front import Front
from tests.db.subscriptions.shop import BEGIN, Shop
from tests.db.subscriptions.year.server import stop_the_clock

from .desk import Desk


@pytest.fixture
async def desk(db_url: str) -> AsyncIterator[Desk]:
    """A test tenant on a database whose own time stands still: 31 January 2027, 10:00."""
    stop_the_clock(db_url, BEGIN)
    db = Database(db_url)
    await db.open()
    try:
        async with db.tx() as tx:
            app = await identity.create_app(tx, "A shop")
        yield Desk(Front(Shop(db, app.test)))
    finally:
        await db.close()
