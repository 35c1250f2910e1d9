"""What may be read: a tenant's clock, and what happened in a span of its time."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import NotFound

from .model import SHOWN, Clock, Happening

q: Final = Queries("tallystick.domain.clocks")


@dataclass(slots=True)
class _Row:
    kind: str
    total: int
    at: datetime | None
    account_id: int | None
    account: UUID | None
    subscription: UUID | None
    invoice: UUID | None
    entry: int | None


async def clock(conn: Tx, tenant: int) -> Clock:
    """The tenant's time. Raises NotFound."""
    found = await one_row(conn, Clock, q.clock, {"tenant": tenant})
    if found is None:
        raise NotFound("app")
    return Clock(found.now, found.ahead, Mode(found.mode))


async def happened(
    conn: Tx, tenant: int, after: datetime, until: datetime
) -> tuple[dict[str, int], list[Happening]]:
    """What befell the tenant's accounts later than ``after``, up to ``until``: counted, and the first of it."""
    values = {"tenant": tenant, "after": after, "until": until, "most": SHOWN}
    rows = await all_rows(conn, _Row, q.happened, values)
    counts = {row.kind: row.total for row in sorted(rows, key=lambda row: row.kind)}
    return counts, [
        Happening(
            row.at, row.kind, row.account_id, row.account, row.subscription, row.invoice, row.entry
        )
        for row in rows
        if row.at is not None and row.account_id is not None and row.account is not None
    ]  # fmt: skip
