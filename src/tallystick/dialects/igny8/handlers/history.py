"""Lists of the default wallet's entries, newest first."""

from tallystick.dialects.igny8 import shapes
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.dialects.igny8.paging import Paging, listed, paging
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import Asker
from tallystick.domain.ledger import views as ledger
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.views import History, Span
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply


async def transactions(system: System, ask: Ask) -> Reply:
    """Every movement of credits."""
    who, at = await asker(system, ask), paging(ask)
    found = await _page(system, who, at, None)
    rows = [shapes.transaction(entry) for entry in found.entries]
    return Reply(200, encode(shapes.data(listed(system, ask, at, rows, found.total))))


async def usage(system: System, ask: Ask) -> Reply:
    """What operations used, and what each cost."""
    who, at = await asker(system, ask), paging(ask)
    found = await _page(system, who, at, [*whole.USAGE])
    price = await _unit_price(system, who)
    rows = [shapes.usage_log(entry, price) for entry in found.entries]
    return Reply(200, encode(shapes.data(listed(system, ask, at, rows, found.total))))


async def _page(system: System, who: Asker, at: Paging, kinds: list[str] | None) -> History:
    span = Span(credit_type=await system.credit_types.resolve(who.tenant, None))
    return await ledger.history(
        system.db, who.tenant, who.account, span, kinds, limit=at.limit, offset=at.offset
    )


async def _unit_price(system: System, who: Asker) -> int | None:
    """What a credit of the default type costs in dollars: millionths of a cent, None where no such price is set."""
    async with system.db.connection() as conn:
        tenant = await identity.tenant(conn, who.tenant)
        found = await catalog.credit_type(conn, who.tenant, tenant.default_credit_type)
    return found.unit_price if tenant.currency == "USD" else None
