"""What may be read of e-mail."""

from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row, value
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


async def letters_lately(
    conn: Tx, tenant: int, account: int, kind: str, *, within: timedelta, most: int
) -> int:
    """How many letters of this kind were written for the account ``within`` the last time, counted up to ``most``."""
    values = {"tenant": tenant, "account": account, "kind": kind, "most": most}
    return int(await value(conn, q.letters_lately, values | {"seconds": within.total_seconds()}))
