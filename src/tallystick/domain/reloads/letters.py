"""What a customer is told of reloads and balances by e-mail, in the commit of the fact."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.mail import actions as mail
from tallystick.domain.mail.writing import sender
from tallystick.domain.payments.letters import customer_page
from tallystick.domain.payments.till import Till
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import Alert, AutoReload


async def stopped(
    tx: Tx,
    till: Till,
    row: AutoReload,
    at: datetime,
    *,
    credits: int | None,
    amount: int | None,
    message: str,
) -> None:
    """A reload did not succeed, and no other is tried. ``credits`` and ``amount`` where they are known."""
    values: dict[str, Any] = {
        "credits": "more" if credits is None else format_credits(credits),
        "credit_type": await _named(tx, row.tenant, row.credit_type),
        "reason": message.rstrip("."),
        "settings_url": customer_page(till, row.account_uuid),
    }
    if amount is not None:
        values |= {"amount": str(Money(amount, row.currency)), "currency": row.currency}
    key = f"reload_failed:{typeid('acct', row.account_uuid)}:{row.credit_type}:{iso(at)}"
    await _queue(tx, row.tenant, row.account, "reload_failed", key, values)


async def low(tx: Tx, alerts: Sequence[Alert], available: int, at: datetime) -> None:
    """One letter for what was crossed together: of the lowest threshold that is told by e-mail."""
    told = [row for row in alerts if row.email]
    if not told:
        return
    row = min(told, key=lambda one: one.threshold)
    values = {
        "credit_type": await _named(tx, row.tenant, row.credit_type),
        "balance": format_credits(available),
        "threshold": format_credits(row.threshold),
    }
    key = f"low_balance:{typeid('alert', row.id)}:{iso(at)}"
    await _queue(tx, row.tenant, row.account, "low_balance", key, values)


async def _queue(tx: Tx, tenant: int, account: int, kind: str, key: str, values: dict[str, Any]) -> None:
    who = await identity.account(tx, tenant, account)
    seller = (await invoices.settings(tx, tenant)).seller
    values |= {"name": who.name, "seller": seller.name}
    for address in await identity.recipients(tx, tenant, account):
        await mail.queue(
            tx, tenant, kind, address, key=f"{key}:{address}", values=values, account=account,
            sender=sender(seller.name, seller.email),
        )  # fmt: skip


async def _named(tx: Tx, tenant: int, code: str) -> str:
    try:
        return (await catalog.credit_type(tx, tenant, code)).name
    except NotFound:
        return code
