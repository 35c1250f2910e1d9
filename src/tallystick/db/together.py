"""Reads in batches: whoever asks while one is under way is answered by the next.

The lanes' idea for anything that many ask for at once: a busy server runs one statement for hundreds of questions, and
an idle one answers at once. What is read is never older than the question.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, Generic, TypeVar

import structlog

from tallystick.kernel.errors import Fact, Unavailable

log = structlog.get_logger()

A = TypeVar("A")
B = TypeVar("B")

MOST: Final = 512
"""Questions that are read together."""


class Together(Generic[A, B]):
    """``read`` gives one answer for each question, in order; a Fact in its place is raised to who asked that."""

    def __init__(self, read: Callable[[Sequence[A]], Awaitable[Sequence[B | Fact]]]) -> None:
        self._read = read
        self._waiting: list[tuple[A, asyncio.Future[B]]] = []
        self._task: asyncio.Task[None] | None = None

    async def ask(self, question: A) -> B:
        """Raises Unavailable, and the question's own Fact."""
        future: asyncio.Future[B] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._task is None:
            # not the caller's own: who goes away must not leave the others without an answer
            self._task = asyncio.create_task(self._drain(), name="together")
        return await future

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:MOST], self._waiting[MOST:]
                _answer(batch, await self._answers([question for question, _ in batch]))
        finally:
            self._task = None

    async def _answers(self, questions: Sequence[A]) -> Sequence[B | Fact]:
        try:
            return await self._read(questions)
        except Fact as fact:
            return [fact] * len(questions)
        except Exception as error:  # a fault of ours must not leave anybody waiting
            log.exception("a batch of reads failed")
            fault = Unavailable(f"It cannot be read: {type(error).__name__}")
            return [fault] * len(questions)


def _answer(batch: Sequence[tuple[A, "asyncio.Future[B]"]], answers: Sequence[B | Fact]) -> None:
    for (_, future), answer in zip(batch, answers, strict=True):
        if future.done():
            continue
        if isinstance(answer, Fact):
            future.set_exception(answer)
        else:
            future.set_result(answer)
