"""A tenant's desk on a database of the test's own."""

import pytest

from tallystick.db.pool import Database
from tests import cast

from .desk import Desk


@pytest.fixture
async def desk(db: Database) -> Desk:
    return Desk(db, (await cast.first_app(db)).app.live)
