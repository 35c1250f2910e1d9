"""The account's invoices."""

from tallystick.dialects.igny8 import shown
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.dialects.igny8.paging import bare, paging
from tallystick.domain.invoicing import views
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply


async def list_invoices(system: System, ask: Ask) -> Reply:
    """List the account's invoices, the newest first."""
    who = await asker(system, ask)
    at = paging(ask)
    async with system.db.connection() as conn:
        found = await views.invoices_by_offset(
            conn, who.tenant, who.account, limit=at.limit, offset=at.offset
        )
    rows = [shown.invoice(row) for row in found.rows]
    return Reply(200, encode(bare(system, ask, at, rows, found.total)))
