"""What the page of a checkout shows as bought."""

import msgspec

from tallystick.db.pool import Database
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.errors import Conflict

from . import methods
from .completing import Intent, begin_plan
from .model import Checkout


async def bill(db: Database, row: Checkout, *, rates: Rates) -> Invoice | None:
    """The invoice of a checkout; of a plan, the one that it would issue, which has no number.

    That is found by beginning the plan, and undoing it. None where only a way to pay is saved, and where the plan would
    cost something else by now than was agreed: its rest of a period shrinks by the second.
    """
    if row.invoice is not None:
        async with db.connection() as conn:
            return await invoices.invoice(conn, row.tenant, row.invoice)
    if row.intent is None or not row.amount:
        return None
    try:
        async with db.tx() as tx, tx.transaction(force_rollback=True):
            await methods.lock(tx, row.tenant, row.account)
            intent = msgspec.convert(row.intent, Intent)
            made = await begin_plan(tx, row.tenant, row.account, intent, rates=rates, by=row.created_by)
    except Conflict:
        return None
    if made.invoice is None or made.invoice.remaining != row.amount:
        return None
    made.invoice.number = None
    return made.invoice
