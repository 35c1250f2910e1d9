from collections.abc import AsyncIterator

import pytest

from .place import Place, opened


@pytest.fixture
async def place(db_url: str) -> AsyncIterator[Place]:
    """A test tenant with 100 api_calls and 100 data_scrapes."""
    async with opened(db_url) as made:
        yield made
