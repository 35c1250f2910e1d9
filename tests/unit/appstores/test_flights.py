"""One fetch for all who ask for the same at the same time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tallystick.domain.appstores.flights import Flights
from tallystick.kernel.errors import InsufficientCredits, Unavailable

pytestmark = pytest.mark.anyio


class Desk:
    """Askers of one thing; ``faults`` are met by those who lead, in turn."""

    def __init__(self, *faults: Exception | None) -> None:
        self.flights: Flights[str, int] = Flights()
        self.faults = list(faults)
        self.led = 0
        self.followed = 0
        self.go = asyncio.Event()

    async def lead(self) -> int:
        self.led += 1
        await self.go.wait()
        await asyncio.sleep(0)
        fault = self.faults.pop(0) if self.faults else None
        if fault is not None:
            raise fault
        return self.led

    async def follow(self) -> None:
        self.followed += 1

    def ask(self, enough: Callable[[int], bool] = lambda _: True) -> Awaitable[int]:
        return asyncio.create_task(self.flights.join("app", self.lead, self.follow, enough))

    async def all(self, *asked: Awaitable[int]) -> list[int | BaseException]:
        for _ in range(5):
            await asyncio.sleep(0)
        self.go.set()
        async with asyncio.timeout(30):
            return await asyncio.gather(*asked, return_exceptions=True)


async def test_one_leads_and_the_others_follow() -> None:
    desk = Desk()
    assert await desk.all(*(desk.ask() for _ in range(20))) == [1] * 20
    assert (desk.led, desk.followed) == (1, 19)
    assert await desk.all(desk.ask()) == [2]


async def test_a_fault_is_everybodys() -> None:
    for fault in (ValueError("broken"), Unavailable("away")):
        desk = Desk(fault)
        assert await desk.all(*(desk.ask() for _ in range(5))) == [fault] * 5
        assert desk.led == 1


async def test_who_cannot_pay_makes_room_for_the_next() -> None:
    short = InsufficientCredits(1, 0)
    desk = Desk(short, short)
    assert await desk.all(*(desk.ask() for _ in range(5))) == [short, short, 3, 3, 3]
    assert desk.led == 3


async def test_who_goes_away_makes_room_too() -> None:
    desk = Desk()
    first, second = desk.ask(), desk.ask()
    await asyncio.sleep(0)
    assert isinstance(first, asyncio.Task)
    first.cancel()
    assert await desk.all(second) == [2]


async def test_who_needs_more_than_came_leads_next() -> None:
    desk = Desk()
    assert await desk.all(desk.ask(), desk.ask(lambda result: result > 1), desk.ask()) == [1, 2, 1]
