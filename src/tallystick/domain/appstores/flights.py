"""One fetch for all who ask for the same at the same time, within a process."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

from tallystick.kernel.errors import Fact, Unavailable

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


class _Flight(Generic[T]):
    """A fetch under way. ``over`` without result or fault: who led could not pay, and another one may lead."""

    def __init__(self) -> None:
        self.over = asyncio.Event()
        self.result: list[T] = []
        self.fault: Exception | None = None


class Flights(Generic[K, T]):
    """Fetches under way, by what is fetched."""

    def __init__(self) -> None:
        self._under_way: dict[K, _Flight[T]] = {}

    async def join(
        self,
        key: K,
        lead: Callable[[], Awaitable[T]],
        follow: Callable[[], Awaitable[None]],
        enough: Callable[[T], bool],
    ) -> T:
        """The result of ``lead``, of the caller's own or of somebody's who was first.

        Who finds nobody leads, and stands in the list before anything is awaited. Who finds somebody does ``follow``
        and waits; is what came not ``enough``, they go round again. A fault is everybody's, but for a Fact, such as a
        shortage: that is the leader's own, and the next one leads.
        """
        while True:
            flight = self._under_way.get(key)
            if flight is None:
                return await self._lead(key, lead)
            await follow()
            await flight.over.wait()
            if flight.fault is not None:
                raise flight.fault
            if flight.result and enough(flight.result[0]):
                return flight.result[0]

    async def _lead(self, key: K, lead: Callable[[], Awaitable[T]]) -> T:
        flight = self._under_way[key] = _Flight()
        try:
            result = await lead()
            flight.result.append(result)
        except Exception as fault:
            if not isinstance(fault, Fact) or isinstance(fault, Unavailable):
                flight.fault = fault
            raise
        finally:
            del self._under_way[key]
            flight.over.set()
        return result
