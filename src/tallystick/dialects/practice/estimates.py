"""A practice's balance, and how many messages it lasts for: by what its own have cost, else by the rate card."""

from datetime import timedelta
from typing import Final

from tallystick.domain.catalog import views as catalog
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.averages import averages
from tallystick.domain.ledger.views import Balances
from tallystick.domain.payments import receipts
from tallystick.kernel.credits import MICRO

from . import shapes
from .desk import Desk, Insight, System

DEFAULTS: Final = {"sms": 2 * MICRO, "voice": 5 * MICRO}
"""What a message costs where neither the practice's own nor the rate card tell: microcredits."""
SINCE: Final = timedelta(days=90)
KEEP: Final = 1.0
"""Seconds for which the rate card is not read again, and the 90 days do not slide on."""


async def standing(desk: Desk, tenant: int, account: int, practice: int) -> shapes.Balance:
    """The balance as it is now; what stands beside it is of the account's last entry. Raises NotFound, Unavailable."""
    credit_type = await desk.system.credit_types.resolve(tenant, None)
    found = await desk.system.balances.balances(tenant, account)
    insight = desk.insight(account)
    if insight is None or insight.seq != found.head.seq or insight.until <= desk.monotonic():
        insight = await _insight(desk, tenant, account, credit_type, found)
    wallet = found.wallet(credit_type)
    free = 0 if wallet is None else max(wallet.posted - wallet.held, 0)
    sms, voice = _lasts(insight, "sms", free), _lasts(insight, "voice", free)
    return shapes.balance(practice, whole.balance(wallet), insight.last_purchase, sms, voice)


async def credits_of(system: System, tenant: int, account: int, credit_type: str) -> int:
    """Whole credits that there are and are not held."""
    return whole.balance((await system.balances.balances(tenant, account)).wallet(credit_type))


def _lasts(insight: Insight, operation: str, free: int) -> int:
    spent = insight.averages.spent.get(operation)
    own = None if spent is None else spent.lasts(free)
    return free // insight.cost[operation] if own is None else own


async def _insight(desk: Desk, tenant: int, account: int, credit_type: str, found: Balances) -> Insight:
    before, since = desk.insight(account), desk.monotonic()
    known = None if before is None else before.averages
    cost = dict(DEFAULTS)
    async with desk.system.db.connection() as conn:
        own = await averages(conn, tenant, account, credit_type, list(cost), SINCE, now=found.at, known=known)
        last = await receipts.last_purchase(conn, account, credit_type)
        rates = await catalog.rates_at(conn, [(tenant, operation, found.at) for operation in cost])
    for (_, operation), rate in rates.items():
        if rate.credit_type == credit_type:
            cost[operation] = rate.cost
    # numbered as the balance was read: an entry that came meanwhile is read again with the next balance
    made = Insight(found.head.seq, since + KEEP, last, own, cost)
    desk.keep(account, made)
    return made
