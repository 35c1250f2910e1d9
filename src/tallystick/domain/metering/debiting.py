"""What to lock and read before one knows how events are billed: an expectation, which the reading holds or corrects."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from .items import Item

NOTHING: Final[frozenset[str]] = frozenset()

MOST: Final = 100_000
"""Pairs of an account and a metric that are remembered."""

Debit = tuple[int, int, str]
"""An account in which credits are debited, its tenant, and the rate card's operation."""


class Debiting:
    """By which operations an account's metric debits credits, as the last batches saw it: what to lock, and whose
    prices to ask, together with how the events are billed. Of an account not seen yet what its tenant's last one did
    is expected.

    What is missing costs a second look, and what is wrong a lock too many.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], frozenset[str]] = {}
        self._usual: dict[tuple[int, str], frozenset[str]] = {}

    def expected(self, items: Sequence[Item]) -> set[Debit]:
        """The debits that are expected of the items."""
        found = set()
        for item in items:
            account, metric = item.event.account, item.event.metric
            operations = self._seen.get((account, metric))
            if operations is None:
                operations = self._usual.get((item.tenant, metric), NOTHING)
            for operation in operations:
                found.add((account, item.tenant, operation))
        return found

    def learn(self, items: Sequence[Item]) -> set[Debit]:
        """The debits of the items as they are billed; they will be expected of the next."""
        if len(self._seen) >= MOST:
            self._seen.clear()
            self._usual.clear()
        found = set()
        now: dict[tuple[int, str], frozenset[str]] = {}
        for item in items:
            account, metric = item.event.account, item.event.metric
            operations = now.get((account, metric), NOTHING)
            if item.operation is not None:
                found.add((account, item.tenant, item.operation))
                # of an account with several subscriptions each may have its own
                operations = operations | {item.operation} if operations else _alone(item.operation)
            now[account, metric] = self._usual[item.tenant, metric] = operations
        self._seen |= now
        return found


@lru_cache(1_000)
def _alone(operation: str) -> frozenset[str]:
    return frozenset((operation,))
