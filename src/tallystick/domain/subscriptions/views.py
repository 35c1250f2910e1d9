"""What may be read of subscriptions. Ids of another tenant raise NotFound, as unknown ones do."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows, ask, one_row, value
from tallystick.domain.metering.model import Billed
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of

from .model import AllowancePeriod, Change, PlanUse, Subscription
from .previews import preview_change, upcoming
from .statements import q

__all__ = [
    "allowance_periods",
    "billed",
    "changes",
    "current",
    "first_trial",
    "plan_uses",
    "preview_change",
    "subscription",
    "subscriptions",
    "subscriptions_of",
    "upcoming",
]

_MAX: int = 2**31 - 1


async def subscription(conn: Tx, tenant: int, id: UUID) -> Subscription:
    """Raises NotFound."""
    row = await one_row(
        conn, Subscription, q.subscription, {"tenant": tenant, "account": owner_of(id), "id": id}
    )
    if row is None:
        raise NotFound("subscription")
    return row


@dataclass(frozen=True, slots=True)
class Subscriptions:
    """A page; ``next_id`` is what the next one goes on before, None at the end."""

    rows: Sequence[Subscription]
    next_id: UUID | None = None


async def subscriptions(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    plan: UUID | None = None,
    status: str | None = None,
    limit: int = 50,
    before: UUID | None = None,
) -> Subscriptions:
    """The tenant's subscriptions, the newest first, before the one with the id ``before``."""
    values = {
        "tenant": tenant,
        "account": account,
        "plan": plan,
        "status": status,
        "before": before,
        "limit": limit + 1,
    }
    rows = await all_rows(conn, Subscription, q.subscriptions, values)
    if len(rows) <= limit:
        return Subscriptions(rows)
    return Subscriptions(rows[:limit], rows[limit - 1].id)


async def subscriptions_of(
    conn: Tx, tenant: int, accounts: Sequence[int], *, live: bool = False
) -> dict[int, list[Subscription]]:
    """All subscriptions of some accounts (``live``: those not over), each account's newest first."""
    values = {"tenant": tenant, "accounts": list(accounts), "live": live}
    found: dict[int, list[Subscription]] = {number: [] for number in accounts}
    for row in await all_rows(conn, Subscription, q.subscriptions_of, values):
        found[row.account].append(row)
    return found


async def current(conn: Tx, tenant: int, account: int) -> Subscription | None:
    """The customer's recurring subscription that is not over, in whatever state."""
    return await one_row(conn, Subscription, q.current, {"tenant": tenant, "account": account})


async def first_trial(conn: Tx, account: int) -> datetime | None:
    """When the customer's one trial began. That the account is the tenant's, the caller has checked."""
    found: datetime | None = await value(conn, q.first_trial, {"account": account})
    return found


async def changes(
    conn: Tx, tenant: int, subscription: UUID, *, limit: int = 50, before: int | None = None
) -> list[Change]:
    """The log of a subscription, the newest first, before the row ``before``. Raises NotFound."""
    row = await _owned(conn, tenant, subscription)
    values: dict[str, Any] = {"account": row.account, "subscription": subscription, "limit": limit}
    return await all_rows(conn, Change, q.changes, values | {"before": _MAX if before is None else before})


async def allowance_periods(
    conn: Tx, account: int, subscription: UUID | None = None, *, open: bool | None = None
) -> list[AllowancePeriod]:
    """The spans of allowances, by credit type, the oldest first (``open``: those that run).

    That the account is the tenant's, the caller has checked.
    """
    values = {"account": account, "subscription": subscription, "open": open}
    return await all_rows(conn, AllowancePeriod, q.allowance_periods, values)


async def plan_uses(conn: Tx, tenant: int) -> dict[UUID, int]:
    """How many subscriptions that are not over each plan has."""
    rows = await all_rows(conn, PlanUse, q.plan_uses, {"tenant": tenant})
    return {row.plan: row.count for row in rows}


async def billed(conn: Tx, wanted: list[tuple[int, UUID | None]]) -> dict[tuple[int, UUID | None], Billed]:
    """Metering's port: how the events of accounts are billed. One statement, by primary key."""
    values = {
        "accounts": arrays.int8s(sorted({account for account, _ in wanted})),
        "ids": arrays.uuids([id.bytes for _, id in wanted if id is not None]),
    }
    cursor = await ask(conn, q.billed, values)
    found: dict[tuple[int, UUID | None], Billed] = {}
    for account, id, status, debits in await cursor.fetchall():
        one = Billed(id, status, debits or {})
        found[account, id] = one
        if status in ("trialing", "active", "past_due"):
            found.setdefault((account, None), one)
    return found


async def _owned(conn: Tx, tenant: int, id: UUID) -> Subscription:
    return await subscription(conn, tenant, id)
