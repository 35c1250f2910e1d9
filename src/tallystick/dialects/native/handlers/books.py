"""Reading an account's books: entries, grants, holds, and where credits went."""

from typing import Annotated

from fastapi import Query, Request, Response

from tallystick.dialects.native import explain, queries, shapes
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, OwnEntry, OwnHold
from tallystick.dialects.native.once import answered
from tallystick.domain.catalog import views as catalog
from tallystick.domain.ledger import explaining, views
from tallystick.http.hot import count_for
from tallystick.http.paging import page_body
from tallystick.kernel.errors import NotFound


async def list_entries(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[queries.EntriesQuery, Query()]
) -> Response:
    """List an account's ledger entries, the newest first."""
    span = query.span_of(query.kind)
    head, page = await views.entries(
        native.system.db, actor.tenant, account, span, limit=query.limit, before=query.after
    )
    return answered(page_body(page.map(lambda row: shapes.entry(head, row))))


async def list_grants(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[queries.GrantsQuery, Query()]
) -> Response:
    """List an account's grants, the newest first."""
    span = query.span_of(query.kind)
    head, page, _ = await views.grants(
        native.system.db, actor.tenant, account, span, limit=query.limit, before=query.after
    )
    return answered(page_body(page.map(lambda row: shapes.grant(head, row))))


async def list_holds(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[queries.HoldsQuery, Query()]
) -> Response:
    """List an account's holds, the newest first."""
    span = query.span_of(query.kind)
    head, page = await views.holds(
        native.system.db, actor.tenant, account, span, limit=query.limit, before=query.after
    )
    return answered(page_body(page.map(lambda row: shapes.hold(head, row))))


async def read_hold(native: Here, actor: Anyone, request: Request, hold: OwnHold) -> Response:
    """Read a hold, as it is now."""
    try:
        found = await views.hold(native.system.db, actor.tenant, hold.account, hold.number)
    except NotFound:
        raise NotFound("hold") from None
    count_for(request.scope, (hold.account,))
    return answered(shapes.held_now(*found))


async def read_entry(native: Here, actor: Anyone, request: Request, entry: OwnEntry) -> Response:
    """Read a ledger entry."""
    try:
        found = await views.entry(native.system.db, actor.tenant, entry.account, entry.number)
    except NotFound:
        raise NotFound("entry") from None
    count_for(request.scope, (entry.account,))
    return answered(shapes.entry(*found))


async def explain_entry(native: Here, actor: Anyone, request: Request, entry: OwnEntry) -> Response:
    """Explain an entry.

    Which grants it burned, in what order and why, what had been paid for them, and what it belongs to.
    """
    try:
        found = await explaining.explain(native.system.db, actor.tenant, entry.account, entry.number)
    except NotFound:
        raise NotFound("entry") from None
    count_for(request.scope, (entry.account,))
    card = None
    if found.entry.rate_version is not None:
        async with native.system.db.connection() as conn:
            card = await catalog.rate_card(conn, actor.tenant, version=found.entry.rate_version)
    return answered(explain.explanation(found, card))
