"""What happened, and the e-mail that was written of it."""

from typing import Annotated

from fastapi import Query, Response

from tallystick.dialects.native.auth import Here, Reader
from tallystick.dialects.native.once import answered
from tallystick.dialects.native.queries import Listed
from tallystick.domain.events import views
from tallystick.domain.events.model import TYPES
from tallystick.domain.identity import views as identity
from tallystick.domain.mail import views as mail
from tallystick.http.paging import page_body
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid

from . import forms, shapes


async def list_events(native: Here, actor: Reader, query: Annotated[forms.EventsQuery, Query()]) -> Response:
    """List what happened, the newest first.

    Events are kept for 30 days.
    """
    account = None
    if query.account is not None:
        account = await native.caller(actor.tenant).account(query.account)
    async with native.system.db.connection() as conn:
        page = await views.events(
            conn, actor.tenant, account=account, type=query.type, start=query.start, end=query.end,
            before=query.after, limit=query.limit,
        )  # fmt: skip
        numbers = [row.account for row in page.rows if row.account is not None]
        known = await identity.account_uuids(conn, actor.tenant, numbers)
    return answered(page_body(page.map(lambda row: shapes.event(row, known.get(row.account or 0)))))


async def read_event(native: Here, actor: Reader, event: str) -> Response:
    """Read an event."""
    uuid = parse_typeid("evt", event)
    if uuid is None:
        raise NotFound("event")
    async with native.system.db.connection() as conn:
        row = await views.event(conn, actor.tenant, uuid)
        numbers = [] if row.account is None else [row.account]
        known = await identity.account_uuids(conn, actor.tenant, numbers)
    return answered(shapes.event(row, known.get(row.account or 0)))


async def list_event_types(native: Here, actor: Reader, query: Annotated[Listed, Query()]) -> Response:
    """List the types of events there are."""
    rows = [shapes.EventKind(name, said) for name, said in TYPES.items()]
    return answered(page_body(query.slice_of(rows)))


async def list_emails(native: Here, actor: Reader, query: Annotated[forms.EmailsQuery, Query()]) -> Response:
    """List e-mail that was written, the newest first."""
    account = None
    if query.account is not None:
        account = await native.caller(actor.tenant).account(query.account)
    async with native.system.db.connection() as conn:
        page = await mail.mails(
            conn, actor.tenant, account=account, status=query.status, before=query.after, limit=query.limit
        )
    return answered(page_body(page.map(shapes.email)))


async def read_email(native: Here, actor: Reader, email: str) -> Response:
    """Read an e-mail."""
    uuid = parse_typeid("mail", email)
    if uuid is None:
        raise NotFound("email")
    async with native.system.db.connection() as conn:
        return answered(shapes.email(await mail.mail(conn, actor.tenant, uuid)))
