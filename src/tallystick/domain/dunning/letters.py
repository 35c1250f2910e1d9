"""The e-mail that reminds a customer, in the commit of the fact."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice, Settings
from tallystick.domain.mail import actions as mail
from tallystick.domain.mail.writing import sender
from tallystick.domain.payments.letters import customer_page
from tallystick.domain.payments.till import Till
from tallystick.kernel.money import Money


async def remind(tx: Tx, till: Till, row: Invoice, day: int) -> None:
    """Remind everybody who reads the account's mail, once for an invoice and day."""
    assert row.due_at is not None
    settings = await invoices.settings(tx, row.tenant)
    seller = settings.seller
    who = await identity.account(tx, row.tenant, row.account)
    values = {
        "number": row.number or "",
        "amount": str(Money(row.remaining, row.currency)),
        "currency": row.currency,
        "due_on": _day(settings, row.due_at),
        "days": day,
        "name": who.name,
        "seller": seller.name,
        "pay_url": customer_page(till, row.account_uuid),
    }
    for address in await identity.recipients(tx, row.tenant, row.account):
        await mail.queue(
            tx, row.tenant, "invoice_reminder", address, key=f"reminder:{row.id}:{day}:{address}", values=values,
            account=row.account, sender=sender(seller.name, seller.email),
        )  # fmt: skip


def _day(settings: Settings, moment: datetime) -> str:
    day = moment.astimezone(ZoneInfo(settings.time_zone))
    return f"{day.day} {day:%B %Y}"
