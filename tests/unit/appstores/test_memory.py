"""What was answered a moment ago."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec

from tallystick.domain.appstores.memory import Memory
from tallystick.domain.appstores.views import Listing, Name
from tests.doubles.stores.printed import WHATSAPP_APPLE

NAME = Name(1, "apple", "310633997", "us", "en")
NOW = datetime(2027, 1, 1, tzinfo=UTC)


def listing(age: timedelta) -> Listing:
    return Listing(1, "apple", NAME.app_id, "us", "en", WHATSAPP_APPLE, NOW - age, 1, NOW, untold=False)


def test_for_a_second() -> None:
    moment = [0.0]
    memory = Memory(monotonic=lambda: moment[0])
    assert memory.get(NAME, "both") is None
    memory.put(NAME, listing(timedelta()))
    data = memory.get(NAME, "both")
    assert data is not None
    assert msgspec.json.decode(data) == WHATSAPP_APPLE
    moment[0] = 0.99
    assert memory.get(NAME, "both") is data
    assert memory.get(NAME._replace(tenant=2), "both") is None
    moment[0] = 1.0
    assert memory.get(NAME, "both") is None


def test_of_old_details_only_what_is_still_good() -> None:
    memory = Memory(monotonic=lambda: 0.0)
    memory.put(NAME, listing(timedelta(days=2)))
    assert memory.get(NAME, "both") is None
    assert memory.get(NAME, "fast") is None
    slow = memory.get(NAME, "slow")
    assert slow is not None
    assert "score" not in msgspec.json.decode(slow)


def test_what_was_read_before_a_fetch_does_not_come_after_it() -> None:
    memory = Memory(monotonic=lambda: 0.0)
    new = replace(listing(timedelta()), data={"title": "new"}, fetches=2)
    memory.put(NAME, new)
    memory.put(NAME, listing(timedelta()))
    assert memory.get(NAME, "both") == b'{"title":"new"}'


def test_it_does_not_grow_without_end() -> None:
    memory = Memory(monotonic=lambda: 0.0)
    for number in range(10_000):
        memory.put(NAME._replace(app_id=str(number)), listing(timedelta()))
    assert len(memory._kept) <= 2_000


def test_what_is_over_is_forgotten_though_nobody_asks_again() -> None:
    moment = [0.0]
    memory = Memory(monotonic=lambda: moment[0])
    for number in range(100):
        memory.put(NAME._replace(app_id=str(number)), listing(timedelta()))
    moment[0] = 0.5
    memory.put(NAME._replace(app_id="7"), listing(timedelta()))
    moment[0] = 1.2
    memory.put(NAME, listing(timedelta()))
    assert {name.app_id for name in memory._kept} == {"7", NAME.app_id}
