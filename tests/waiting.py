"""Waiting for what others do."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

DEADLINE: Final = 60
"""Seconds after which what is waited for does not come."""


async def until(holds: Callable[[], bool] | Callable[[], Coroutine[Any, Any, bool]]) -> None:
    """Wait for what others do: other tasks, the worker, the database."""
    async with asyncio.timeout(DEADLINE):
        while True:
            found = holds()
            if found is True or (found is not False and await found):
                return
            await asyncio.sleep(0.01)
