"""Reads in batches: no connection is needed to see how questions are put together."""

import asyncio
from collections.abc import Sequence

import pytest

from tallystick.db.together import MOST, Together
from tallystick.kernel.errors import Fact, NotFound, Unavailable

pytestmark = pytest.mark.anyio


async def test_who_asks_meanwhile_is_answered_by_the_next() -> None:
    batches: list[list[int]] = []
    begun, go = asyncio.Event(), asyncio.Event()

    async def read(questions: Sequence[int]) -> list[int | Fact]:
        batches.append(list(questions))
        begun.set()
        await go.wait()
        return [question * 2 for question in questions]

    together = Together(read)
    first = asyncio.create_task(together.ask(1))
    await begun.wait()
    others = [asyncio.create_task(together.ask(n)) for n in range(2, MOST + 3)]
    await asyncio.sleep(0)
    go.set()
    assert await first == 2
    assert await asyncio.gather(*others) == [2 * n for n in range(2, MOST + 3)]
    assert [len(batch) for batch in batches] == [1, MOST, 1]
    assert await together.ask(7) == 14


async def test_facts_and_faults_reach_who_asked() -> None:
    async def read(questions: Sequence[int]) -> list[int | Fact]:
        if 3 in questions:
            raise ZeroDivisionError
        if 4 in questions:
            raise Unavailable("away")
        return [NotFound("number") if question == 2 else question for question in questions]

    together = Together(read)
    found = await asyncio.gather(together.ask(1), together.ask(2), return_exceptions=True)
    assert found[0] == 1
    assert isinstance(found[1], NotFound)
    for question in (3, 4):
        with pytest.raises(Unavailable):
            await together.ask(question)
    assert await together.ask(5) == 5


async def test_who_goes_away_takes_nobody_along() -> None:
    go = asyncio.Event()

    async def read(questions: Sequence[int]) -> list[int | Fact]:
        await go.wait()
        return list(questions)

    together = Together(read)
    gone, stays = asyncio.create_task(together.ask(1)), asyncio.create_task(together.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    go.set()
    assert await stays == 2
