"""What is to come, unwritten: the next invoice, and what a change of plan would cost."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, one_row
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing.model import Draft, Invoice
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of

from . import charging
from .adopting import restart, take_terms
from .changes import CHANGEABLE, change_draft, target
from .lines import draft_of
from .model import Preview, Subscription, UsageBilled
from .periods import anchor_for, frame_at, frame_of, whole_second
from .renewal import catch_up, cycle_draft
from .statements import q
from .states import demand
from .work import open_work


async def preview_change(
    conn: Tx,
    tenant: int,
    account: int,
    subscription: UUID,
    *,
    plan: UUID,
    overrides: dict[str, Any] | None = None,
) -> Preview:
    """What `actions.change` would do now. Raises what it raises."""
    now = await identity.now(conn, tenant)
    async with _caught_up(conn, tenant, account, subscription, now) as (row, pending):
        demand(row, *CHANGEABLE)
        wanted, way = await target(conn, row, plan, overrides, keep=False)
        assert row.period_end is not None
        if way != "up":
            return Preview(None, row.period_end, "period_end")
        if row.status == "trialing":
            return Preview(None, now, "now")
        at = whole_second(now)
        lines, _ = await charging.usage(conn, row, frame_of(row), now, pending)
        draft = change_draft(row, wanted, lines, at)
        made = None if draft is None else await invoicing.preview(conn, tenant, draft, at=now)
        return Preview(made, now, "now")


async def upcoming(conn: Tx, tenant: int, account: int, subscription: UUID) -> Invoice:
    """The invoice that the period's end will issue, by what was used so far.

    Raises NotFound when none is to come: it has ended, is paid once or paused, or there is nothing to pay.
    """
    now = await identity.now(conn, tenant)
    async with _caught_up(conn, tenant, account, subscription, now) as (row, pending):
        draft = await _next_draft(conn, row, pending)
        if draft is None or row.period_end is None:
            raise NotFound("upcoming invoice")
        return await invoicing.preview(conn, tenant, draft, at=row.period_end)


async def _next_draft(conn: Tx, row: Subscription, pending: Sequence[UsageBilled]) -> Draft | None:
    if row.period_end is None or row.status not in ("trialing", "active", "past_due"):
        return None
    at = row.period_end
    after = copy(row)
    usage = None
    if row.status != "trialing":
        usage = await charging.usage(conn, row, frame_of(row), at, pending)
    if row.cancel_at_period_end:
        return None if usage is None else draft_of(row, "cancel", usage[0], row.period_start, at)
    change = row.scheduled
    if change is not None:
        take_terms(after, change)
        if change.terms.interval != row.terms.interval:
            after.anchor = anchor_for(row.billing, change.terms.interval, at, row.time_zone)
    if row.status == "trialing":
        restart(after, at)
    else:
        after.period_start, after.period_end = at, frame_at(after, at).end
    return cycle_draft(after, usage)


@asynccontextmanager
async def _caught_up(
    conn: Tx, tenant: int, account: int, subscription: UUID, now: datetime
) -> AsyncIterator[tuple[Subscription, Sequence[UsageBilled]]]:
    """The subscription, and what was billed of its usage and is not stored.

    Where something is due that nobody has done yet, it is done first, and undone at the end: locks the account's head.
    """
    row = await _found(conn, tenant, account, subscription)
    if row.due_at is None or row.due_at > now:
        yield row, ()
        return
    async with conn.transaction(force_rollback=True):
        work = await open_work(
            conn, tenant, account, subscription, rates=rates_in_force, by=SYSTEM, number_now=False
        )
        await catch_up(work, now)
        yield work.subscription, work.billed


async def _found(conn: Tx, tenant: int, account: int, subscription: UUID) -> Subscription:
    values = {"tenant": tenant, "account": account, "id": subscription}
    row = None
    if owner_of(subscription) == account:
        row = await one_row(conn, Subscription, q.subscription, values)
    if row is None:
        raise NotFound("subscription")
    return row
