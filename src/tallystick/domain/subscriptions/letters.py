"""What a customer is told of a subscription by e-mail, in the commit of the fact."""

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.mail import actions as mail
from tallystick.domain.mail.writing import sender
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .work import Work


async def past_due(work: Work, unpaid: Sequence[Invoice]) -> None:
    """What the plan includes is withheld until the ``unpaid`` invoices are paid."""
    row = work.subscription
    who = await identity.account(work.tx, work.tenant, row.account)
    seller = work.desk.settings.seller
    currency = unpaid[0].currency
    values = {
        "plan": row.plan_name,
        "amount": str(Money(sum(one.remaining for one in unpaid), currency)),
        "currency": currency,
        "name": who.name,
        "seller": seller.name,
        "ends_on": "" if row.unpaid_until is None else _day(row.unpaid_until, row.time_zone),
    }
    key = f"past_due:{typeid('sub', row.id)}:{row.changes}"
    for address in await identity.recipients(work.tx, work.tenant, row.account):
        await mail.queue(
            work.tx, work.tenant, "subscription_past_due", address, key=f"{key}:{address}", values=values,
            account=row.account, sender=sender(seller.name, seller.email),
        )  # fmt: skip


def _day(moment: datetime, zone: str) -> str:
    day = moment.astimezone(ZoneInfo(zone))
    return f"{day.day} {day:%B %Y}"
