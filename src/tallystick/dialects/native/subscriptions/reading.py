"""Reading one subscription: itself, its log, its allowances, and its next invoice."""

from typing import Annotated

from fastapi import Query, Request, Response

from tallystick.dialects.native.auth import Anyone, Here
from tallystick.dialects.native.invoices import shapes as invoices
from tallystick.dialects.native.once import answered
from tallystick.dialects.native.queries import Listed
from tallystick.domain.identity import views as identity
from tallystick.domain.subscriptions import views
from tallystick.http.hot import count_for
from tallystick.http.paging import page_body
from tallystick.kernel.page import page_of

from . import shapes
from .access import Readable


async def read_subscription(
    native: Here, actor: Anyone, request: Request, subscription: Readable
) -> Response:
    """Read a subscription."""
    async with native.system.db.connection() as conn:
        found = await views.subscription(conn, actor.tenant, subscription.id)
        [shown] = await shapes.subscriptions(conn, actor.tenant, [found])
    count_for(request.scope, (subscription.account,))
    return answered(shown)


async def list_changes(
    native: Here,
    actor: Anyone,
    request: Request,
    subscription: Readable,
    query: Annotated[Listed, Query()],
) -> Response:
    """List what happened to a subscription, the newest first."""
    async with native.system.db.connection() as conn:
        rows = await views.changes(
            conn, actor.tenant, subscription.id, limit=query.limit + 1, before=query.after
        )
    count_for(request.scope, (subscription.account,))
    return answered(page_body(page_of(rows, query.limit, lambda row: row.seq).map(shapes.event)))


async def read_upcoming_invoice(
    native: Here, actor: Anyone, request: Request, subscription: Readable
) -> Response:
    """Preview the invoice that the period's end will issue, by what was used so far."""
    async with native.system.db.connection() as conn:
        found = await views.upcoming(conn, actor.tenant, *subscription)
    count_for(request.scope, (subscription.account,))
    return answered(invoices.invoice(found))


async def list_allowances(
    native: Here,
    actor: Anyone,
    request: Request,
    subscription: Readable,
    query: Annotated[Listed, Query()],
) -> Response:
    """List the periods of a subscription's allowances, the newest first."""
    async with native.system.db.connection() as conn:
        await views.subscription(conn, actor.tenant, subscription.id)
        rows = await views.allowance_periods(conn, *subscription)
        now = await identity.now(conn, actor.tenant)
    count_for(request.scope, (subscription.account,))
    rows.sort(key=lambda row: (row.period_start, row.credit_type), reverse=True)
    return answered(page_body(query.slice_of(rows).map(lambda row: shapes.allowance_period(row, now))))
