"""What a customer is told of a payment by e-mail, in the commit of the fact."""

import time
from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.mail import actions as mail
from tallystick.domain.mail.writing import sender
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from . import views
from .links import portal_token
from .model import Method, Payment
from .till import Till

LINK: Final = 14 * 86_400
"""Seconds for which the link in a letter leads to the customer's page."""


def customer_page(till: Till, account: UUID) -> str:
    """Where an account's customer pays and changes how they pay; a credential by itself, for a while."""
    named = typeid("acct", account)
    return f"{till.public_url}/portal/{named}/{portal_token(till.vault, named, int(time.time()) + LINK, '')}"


async def receipt(tx: Tx, row: Payment, at: datetime) -> None:
    """Money came in."""
    values: dict[str, Any] = {"paid_on": await _day(tx, row.tenant, at)}
    if row.method is not None:
        values["method"] = _called(await views.method(tx, row.tenant, row.method))
    if row.to_credit:
        values["credited"] = str(Money(row.to_credit, row.currency))
    if row.to_refund:
        values["refunded"] = str(Money(row.to_refund, row.currency))
    await _queue(tx, row, "payment_receipt", values)


async def failed(tx: Tx, till: Till, row: Payment) -> None:
    """A payment that nobody watched was declined: where to pay it, or change how one pays."""
    values = {"pay_url": customer_page(till, row.account_uuid)}
    if row.failure_message:
        values["reason"] = row.failure_message.rstrip(".")
    await _queue(tx, row, "payment_failed", values)


async def action_required(tx: Tx, row: Payment) -> None:
    """The bank asks for a step of the customer's."""
    await _queue(tx, row, "payment_action_required", {"action_url": row.action_url or ""})


async def _queue(tx: Tx, row: Payment, kind: str, values: dict[str, Any]) -> None:
    who = await identity.account(tx, row.tenant, row.account)
    seller = (await invoices.settings(tx, row.tenant)).seller
    values |= {
        "amount": str(Money(row.amount, row.currency)),
        "currency": row.currency,
        "name": who.name,
        "seller": seller.name,
    }
    if row.invoice is not None:
        bill = await invoices.invoice(tx, row.tenant, row.invoice)
        values["number"] = bill.number or ""
        if bill.lines:
            more = len(bill.lines) - 1
            values["description"] = bill.lines[0].description + (f", and {more} more" if more else "")
    for address in await identity.recipients(tx, row.tenant, row.account):
        await mail.queue(
            tx, row.tenant, kind, address, key=f"{kind}:{typeid('pay', row.id)}:{address}", values=values,
            account=row.account, sender=sender(seller.name, seller.email),
        )  # fmt: skip


async def _day(tx: Tx, tenant: int, at: datetime) -> str:
    zone = ZoneInfo((await invoices.settings(tx, tenant)).time_zone)
    day = at.astimezone(zone)
    return f"{day.day} {day:%B %Y}"


def _called(row: Method) -> str:
    name = row.brand.title() or row.kind.replace("_", " ").capitalize()
    return f"{name} ending in {row.last4}" if row.last4 else name
