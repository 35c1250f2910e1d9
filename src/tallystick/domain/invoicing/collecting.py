"""When open invoices of subscriptions are looked at by the collector, which charges and reminds (`domain.dunning`).

An invoice has three moments of its own. ``collect_at``: when a saved way to pay is charged next, in the tenant's time;
only invoices of accounts that have one (`again_for_account`) ever have it. While it stands at or before the end of a
grace, that end waits. ``remind_at``: when the customer is reminded next, in the tenant's time. ``collect_after``: not
before, by the machine's clock, while a payment is under way. All three are cleared when the invoice is open no more.

Everything here is done under the account's head.
"""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, run, value

from .views import q

PATIENCE: Final = timedelta(seconds=30)
"""How long a payment under way is left alone by default."""


async def schedule(tx: Tx, account: int, invoice: UUID, at: datetime | None) -> None:
    """Have it charged at ``at`` next; None: not any more."""
    await run(tx, q.schedule_charge, {"account": account, "id": invoice, "at": at})


async def remind(tx: Tx, account: int, invoice: UUID, at: datetime | None) -> None:
    """Have its customer reminded at ``at`` next; None: not any more."""
    await run(tx, q.schedule_reminder, {"account": account, "id": invoice, "at": at})


async def wait(tx: Tx, account: int, invoice: UUID, span: timedelta = PATIENCE) -> None:
    """Leave it alone for so long by the machine's clock; its moments stay."""
    await run(tx, q.hold_collection, {"account": account, "id": invoice, "span": span})


async def again(tx: Tx, account: int, invoice: UUID) -> None:
    """Have it looked at now: what was waited for has come."""
    await run(tx, q.resume_collection, {"account": account, "id": invoice})


async def again_for_account(tx: Tx, account: int) -> None:
    """A way to pay was saved, or is the standard one now: the open invoices of subscriptions are charged at once,

    and those to come when they are issued.
    """
    await run(tx, q.begin_collecting, {"account": account})
    await run(tx, q.collect_now, {"account": account})


async def stop(tx: Tx, account: int) -> None:
    """No way to pay is left: nothing of the account is charged until one is saved."""
    await run(tx, q.stop_collecting, {"account": account})
    await run(tx, q.collect_no_more, {"account": account})


async def pending(conn: Tx, account: int, at: datetime) -> bool:
    """Whether an invoice of the account is still to be charged for a moment until ``at``, or is being charged."""
    found: bool = await value(conn, q.collection_pending, {"account": account, "at": at})
    return found
