"""Whom to lock before one reads how events are billed: an expectation, which the reading then holds or corrects."""

from collections.abc import Sequence
from typing import Final

from .items import Item

MOST: Final = 100_000
"""Pairs of an account and a metric that are remembered."""


class Debiting:
    """Which metrics debit credits in which accounts, as the last batches saw it: whom to lock before one reads how its
    events are billed. Of an account not seen yet what its tenant's last one did is expected.

    What is missing costs a second look, and what is wrong a lock too many.
    """

    def __init__(self) -> None:
        self._seen: dict[tuple[int, str], bool] = {}
        self._usual: dict[tuple[int, str], bool] = {}

    def accounts(self, items: Sequence[Item]) -> set[int]:
        """The accounts of the items in which credits are expected to be debited."""
        return {item.event.account for item in items if self._expected(item)}

    def learn(self, items: Sequence[Item], debiting: set[tuple[int, str]]) -> None:
        """``debiting`` are those of the items' accounts and metrics that debit credits."""
        if len(self._seen) >= MOST:
            self._seen.clear()
            self._usual.clear()
        for item in items:
            pair = (item.event.account, item.event.metric)
            self._seen[pair] = self._usual[item.tenant, item.event.metric] = pair in debiting

    def _expected(self, item: Item) -> bool:
        seen = self._seen.get((item.event.account, item.event.metric))
        return self._usual.get((item.tenant, item.event.metric), False) if seen is None else seen
