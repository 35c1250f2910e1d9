"""Credit balance."""

from tallystick.dialects.igny8 import shapes
from tallystick.dialects.igny8.desk import System, asker
from tallystick.dialects.igny8.errors import encode
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.views import Balances
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply


async def balance(system: System, ask: Ask) -> Reply:
    """Whole credits that there are, what the plan gives a month, and what was used this month."""
    who = await asker(system, ask)
    credit_type = await system.credit_types.resolve(who.tenant, None)
    found = await system.balances.balances(who.tenant, who.account)
    monthly = await system.monthly.beside(found, credit_type)
    return Reply(200, encode(shapes.data(shapes.balance(credits_in(found, credit_type), monthly))))


def credits_in(balances: Balances, credit_type: str) -> int:
    """Whole credits of a type."""
    return whole.balance(balances.wallet(credit_type))
