"""What may be read of e-mail."""

from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.db.sql import Queries
from tallystick.kernel.errors import NotFound
from tallystick.kernel.page import MAX_KEY, Page, page_of

from .model import Mail, Status

q: Final = Queries("tallystick.domain.mail")


async def mails(
    conn: Tx,
    tenant: int,
    *,
    account: int | None = None,
    status: Status | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Page[Mail]:
    """The tenant's messages, the newest first, before the ``place``; ``account`` is the internal number."""
    values: dict[str, Any] = {"tenant": tenant, "status": status, "limit": limit + 1}
    values["before"] = MAX_KEY if before is None else before
    if account is None:
        rows = await all_rows(conn, Mail, q.mails, values)
    else:
        rows = await all_rows(conn, Mail, q.mails_of_account, values | {"account": account})
    return page_of(rows, limit, lambda row: row.place)


async def mail(conn: Tx, tenant: int, id: UUID) -> Mail:
    """Raises NotFound."""
    row = await one_row(conn, Mail, q.mail, {"tenant": tenant, "id": id})
    if row is None:
        raise NotFound("email")
    return row
