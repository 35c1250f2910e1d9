"""A store that answers what a test says, for tests of the fetching alone."""

import pytest

from tallystick.domain.appstores.port import Fault, StoreFailed
from tallystick.gateways.fetching import Fetcher
from tests.doubles.stores import Answer, Asked, StoreEdge

MEDIA = "application/json"


class Shelf(StoreEdge):
    """Every address has ``kept``."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = Answer(200, b'{"a":1}', MEDIA)

    def answer(self, asked: Asked) -> Answer:
        return self.kept

    def changed(self, asked: Asked) -> Answer:
        return Answer(200, b"[]", MEDIA)


async def got(fetcher: Fetcher) -> bytes:
    return await fetcher.get("/page", {"q": "a"}, expect=(MEDIA,))


async def failed(fetcher: Fetcher, fault: Fault) -> str:
    with pytest.raises(StoreFailed) as failure:
        await got(fetcher)
    assert failure.value.fault == fault
    assert failure.value.__cause__ is None
    return str(failure.value)
