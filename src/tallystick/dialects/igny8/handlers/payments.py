"""The account's payments, and how it may pay."""

from tallystick.db.pool import Tx
from tallystick.dialects.igny8 import shown
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.dialects.igny8.paging import bare, paging
from tallystick.domain.payments import settings, views
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply


async def list_payments(system: System, ask: Ask) -> Reply:
    """List the account's payments, the newest first."""
    who = await asker(system, ask)
    at = paging(ask)
    async with system.db.connection() as conn:
        found = await views.payments_by_offset(
            conn, who.tenant, who.account, limit=at.limit, offset=at.offset
        )
    rows = [shown.payment(row, by_hand(system, row.gateway)) for row in found.rows]
    return Reply(200, encode(bare(system, ask, at, rows, found.total)))


async def list_payment_methods(system: System, ask: Ask) -> Reply:
    """List the ways to pay that are on, the standard one first."""
    who = await asker(system, ask)
    async with system.db.connection() as conn:
        names = await ways(conn, system, who.tenant)
    gateways = system.till.gateways
    return Reply(200, encode({"results": [shown.payment_method(gateways[name], True) for name in names]}))


async def ways(conn: Tx, system: System, tenant: int) -> list[str]:
    """The gateways at which the tenant's customers may pay, the standard one first."""
    rows = await settings.gateways(conn, system.till, tenant)
    usable = [row for row in rows if row.enabled and "checkout" in system.till.gateways[row.gateway].features]
    return [row.gateway for row in sorted(usable, key=lambda row: (not row.standard, row.gateway))]


def by_hand(system: System, gateway: str) -> bool:
    """Whether staff say if the money came."""
    known = system.till.gateways.get(gateway)
    return known is not None and "staff" in known.features
