"""What may be read of refunds and disputes. Ids of another tenant raise NotFound, as unknown ones do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of

from .model import Dispute, DisputeStatus, Refund, RefundStatus

r: Final = Queries("tallystick.domain.payments", "refunds.sql")

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page, the newest first; ``next_id`` is what the next one goes on before, None at the end."""

    rows: Sequence[T]
    next_id: UUID | None = None


async def refund(conn: Tx, tenant: int, refund: UUID) -> Refund:
    """Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(refund), "id": refund}
    row = await one_row(conn, Refund, r.refund, values)
    if row is None:
        raise NotFound("refund")
    return row


async def refunds(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    payment: UUID | None = None,
    status: RefundStatus | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> Listed[Refund]:
    """The tenant's refunds, before the one with the id ``before``."""
    values = {"tenant": tenant, "account": account, "payment": payment, "status": status}
    rows = await all_rows(conn, Refund, r.refunds, values | {"before": before, "limit": limit + 1})
    return Listed(rows) if len(rows) <= limit else Listed(rows[:limit], rows[limit - 1].id)


async def dispute(conn: Tx, tenant: int, dispute: UUID) -> Dispute:
    """Raises NotFound."""
    values = {"tenant": tenant, "account": owner_of(dispute), "id": dispute}
    row = await one_row(conn, Dispute, r.dispute, values)
    if row is None:
        raise NotFound("dispute")
    return row


async def disputes(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    payment: UUID | None = None,
    status: DisputeStatus | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> Listed[Dispute]:
    """The tenant's disputes, before the one with the id ``before``."""
    values = {"tenant": tenant, "account": account, "payment": payment, "status": status}
    rows = await all_rows(conn, Dispute, r.disputes, values | {"before": before, "limit": limit + 1})
    return Listed(rows) if len(rows) <= limit else Listed(rows[:limit], rows[limit - 1].id)
