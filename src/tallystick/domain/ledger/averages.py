"""What an account's operations have cost it by the unit: whole sums, so that nothing is rounded on the way.

A span of time slides on; what stands in it is kept, and only what came in and what fell out is read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from tallystick.db.pool import Tx, all_rows
from tallystick.db.sql import Queries
from tallystick.kernel.credits import MICRO

from . import views

q: Final = Queries("tallystick.domain.ledger", "averages.sql")


class Spent(NamedTuple):
    """Microcredits, and the units (millionths) that they were spent on."""

    micro: int = 0
    units: int = 0

    def lasts(self, available: int) -> int | None:
        """For how many whole units more ``available`` microcredits last at this cost; None where nothing was spent."""
        return max(available, 0) * self.units // (self.micro * MICRO) if self.micro > 0 else None


@dataclass(frozen=True, slots=True)
class Averages:
    """What was spent by the entries [low, high), by operation."""

    low: int = 1
    high: int = 1
    spent: Mapping[str, Spent] = field(default_factory=dict)


async def averages(
    conn: Tx, tenant: int, account: int, credit_type: str, operations: Sequence[str], since: timedelta,
    *, now: datetime, known: Averages | None = None,
) -> Averages:  # fmt: skip
    """What these operations cost from ``since`` ago to ``now``, in entries that say how many units they were of.

    ``known`` is what an earlier call gave for the same account, credit type and operations. Raises NotFound.
    """
    high = (await views.head(conn, tenant, account)).seq + 1
    low, _ = await views.bounds(conn, account, now - since, None)
    low = min(low, high)
    if known is None or not known.low <= low <= known.high <= high:
        return Averages(low, high, await _spent(conn, account, credit_type, operations, low, high))
    came = await _spent(conn, account, credit_type, operations, known.high, high)
    gone = await _spent(conn, account, credit_type, operations, known.low, low)
    return Averages(low, high, {one: _moved(known.spent, came, gone, one) for one in operations})


def _moved(
    was: Mapping[str, Spent], came: Mapping[str, Spent], gone: Mapping[str, Spent], operation: str
) -> Spent:
    none = Spent()
    old, new, out = (one.get(operation, none) for one in (was, came, gone))
    return Spent(old.micro + new.micro - out.micro, old.units + new.units - out.units)


async def _spent(
    conn: Tx, account: int, credit_type: str, operations: Sequence[str], low: int, high: int
) -> dict[str, Spent]:
    if low >= high:
        return {}
    values = {"account": account, "credit_type": credit_type, "operations": list(operations)}
    rows = await all_rows(conn, _Row, q.spent_on, values | {"low": low, "high": high})
    return {row.operation: Spent(int(row.spent), int(row.units)) for row in rows}


@dataclass(slots=True)
class _Row:
    operation: str
    spent: int
    units: int
