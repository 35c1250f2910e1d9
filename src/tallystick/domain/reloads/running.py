"""One automatic purchase: begun under the account's head, and looked at until its money came or did not.

begin: an invoice, its charge and this reload's row, in one commit; the payments' job moves the money.
look: what became of it; the credits came with the payment, in its own commit.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tallystick.db.pool import Tx, run, value
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import views as identity
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.ledger import watching
from tallystick.domain.ledger.model import Head
from tallystick.domain.payments import charging, purchases, settling
from tallystick.domain.payments import views as payments
from tallystick.domain.payments.model import Payment
from tallystick.domain.payments.till import Till
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tallystick.kernel.money import Money

from . import events, letters, views
from .actions import offered, rewatch
from .model import AutoReload, Reload, judge
from .views import q

_BLOCKED: Final = timedelta(days=1)
"""How long until a blocked account is looked at again."""
_ON_ITS_WAY: Final = ("pending", "processing")


class _OverCap(Exception):
    """The month's cap does not allow it: what was written of it is undone."""


async def begin(tx: Tx, head: Head, row: AutoReload, *, till: Till, now: datetime) -> bool:
    """Do what fell due of a setting; whether a reload began. The caller holds the account's head.

    ``now`` is the tenant's. All of it is as of the moment at which it fell due.
    """
    found = await watching.watched(tx, row.account, row.credit_type)
    running = await views.in_flight(tx, row.account, row.credit_type)
    last = await value(tx, q.last_wanted, {"account": row.account, "credit_type": row.credit_type})
    verdict = judge(row, available=found.available, in_flight=running is not None, last=last, now=now)
    row.due_at = verdict.at
    if verdict.buy and head.status == "blocked":
        row.due_at = now + _BLOCKED
    elif verdict.buy and head.status == "closed":
        row.due_at = None
    elif verdict.buy:
        assert verdict.at is not None
        return await _buy(tx, row, till=till, at=verdict.at)
    await _save(tx, row)
    return False


async def _buy(tx: Tx, row: AutoReload, *, till: Till, at: datetime) -> bool:
    spent, month_ends = await views.spent_in_month(tx, row, at)
    try:
        async with tx.transaction():
            made = await _issue(tx, row, spent, till=till, at=at)
    except _OverCap:
        await _capped(tx, row, at, month_ends)
        return False
    except (Conflict, Invalid, NotFound) as fact:
        message = f"No such {fact.what}." if isinstance(fact, NotFound) else fact.message
        await stop(tx, till, row, fact.code, message, at)
        return False
    row.due_at = row.capped_until = None
    await _save(tx, row)
    if made.status == "succeeded":
        await emit(tx, row.tenant, events.reloaded(made, at))
        await _go_on(tx, row, made, at)
    return True


async def _issue(tx: Tx, row: AutoReload, spent: int, *, till: Till, at: datetime) -> Reload:
    """The invoice, its charge and the reload's row. Raises _OverCap, and what stands in the way."""
    offer = await offered(tx, row.tenant, row.credit_type, row.amount, row.package)
    if offer.currency != row.currency:
        raise Conflict(
            "currency_changed", f"It is sold in {offer.currency} now, no longer in {row.currency}."
        )
    if _over(row, spent + offer.price):
        raise _OverCap
    invoice, bought = await purchases.issue(
        tx, row.tenant, row.account, offer, cause="reload", at=at, by=SYSTEM, rates=till.rates
    )
    if _over(row, spent + invoice.total):
        raise _OverCap
    payment: Payment | None = None
    if invoice.status == "open":
        payment = await charging.request_charge(
            tx, row.tenant, row.account, invoice=invoice.id, method=row.method, cause="reload", wanted_at=at,
            by=SYSTEM,
        )  # fmt: skip
    paid = invoice.status == "paid"
    made = Reload(
        account=row.account,
        account_uuid=row.account_uuid,
        invoice=invoice.id,
        tenant=row.tenant,
        credit_type=row.credit_type,
        payment=None if payment is None else payment.id,
        status="succeeded" if paid else "in_flight",
        credits=bought.credits + bought.bonus,
        amount=invoice.total,
        currency=invoice.currency,
        wanted_at=at,
        ended_at=at if paid else None,
        failure_code=None,
        failure_message=None,
    )
    names = (
        "account", "invoice", "tenant", "credit_type", "payment", "status", "credits", "amount", "currency",
        "wanted_at", "ended_at",
    )  # fmt: skip
    await run(tx, q.insert_reload, {name: getattr(made, name) for name in names})
    return made


def _over(row: AutoReload, minor: int) -> bool:
    return row.monthly_cap is not None and minor > row.monthly_cap


async def _capped(tx: Tx, row: AutoReload, at: datetime, month_ends: datetime) -> None:
    """Wait for the next month, and say so once in this one."""
    told = row.capped_until == month_ends
    row.due_at = row.capped_until = month_ends
    await _save(tx, row)
    if not told:
        cap = Money(row.monthly_cap or 0, row.currency)
        message = f"The monthly limit of {cap} {row.currency} is reached."
        one = events.failed(row, "monthly_cap", message, at, resumes_at=month_ends)
        await emit(tx, row.tenant, one)


async def look(tx: Tx, row: Reload, *, till: Till) -> bool:
    """See what became of a reload in flight; whether it came to its end. The caller holds the account's head."""
    assert row.payment is not None
    paid = await payments.payment(tx, row.tenant, row.payment)
    invoice = await invoices.invoice(tx, row.tenant, row.invoice)
    if paid.status in _ON_ITS_WAY:
        await run(tx, q.look_later, {"account": row.account, "invoice": row.invoice})
        return False
    at = paid.ended_at or await identity.now(tx, row.tenant)
    setting = await views.find(tx, row.tenant, row.account, row.credit_type)
    if invoice.status == "paid":
        await _end(tx, replace(row, status="succeeded", ended_at=at))
        await emit(tx, row.tenant, events.reloaded(row, at))
        if setting is not None:
            await _go_on(tx, setting, row, at)
        return True
    code, message = _why(paid)
    if invoice.status in ("open", "uncollectible"):
        await settling.void_invoice(
            tx,
            row.tenant,
            row.account,
            row.invoice,
            rates=till.rates,
            by=SYSTEM,
            reason="The reload did not succeed.",
        )
    ended = replace(row, status="failed", ended_at=at, failure_code=code, failure_message=message)
    await _end(tx, ended)
    if setting is not None:
        await stop(tx, till, setting, code, message, at, reload=ended)
    return True


async def stop(
    tx: Tx,
    till: Till,
    row: AutoReload,
    code: str,
    message: str,
    at: datetime,
    *,
    reload: Reload | None = None,
) -> None:
    """Buy nothing more until the setting is put again; the product and the customer are told."""
    if row.buys:
        row.stop_reason, row.stop_message, row.stopped_at, row.due_at = code, message, at, None
        await _save(tx, row)
        await rewatch(tx, row.tenant, row.account, row.credit_type, at)
    await emit(tx, row.tenant, events.failed(row, code, message, at, reload=reload))
    await letters.stopped(
        tx, till, row, at, credits=reload.credits if reload else row.amount, amount=reload.amount if reload else None,
        message=message,
    )  # fmt: skip


def _why(paid: Payment) -> tuple[str, str]:
    if paid.status == "requires_action":
        return "requires_action", "The bank asks the customer to confirm the payment."
    if paid.status == "succeeded":
        return "invoice_not_open", "The invoice was taken back before the money came."
    return paid.failure_code or "payment_failed", paid.failure_message or "The payment failed."


async def _go_on(tx: Tx, row: AutoReload, made: Reload, at: datetime) -> None:
    """What was bought may not be enough: looked at again after the cool-down."""
    found = await watching.watched(tx, row.account, row.credit_type)
    if row.buys and found.available < row.threshold:
        row.due_at = max(at, made.wanted_at + timedelta(seconds=row.cooldown))
        await _save(tx, row)


async def _end(tx: Tx, row: Reload) -> None:
    names = ("account", "invoice", "status", "ended_at", "failure_code", "failure_message")
    await run(tx, q.end_reload, {name: getattr(row, name) for name in names})


async def _save(tx: Tx, row: AutoReload) -> None:
    names = (
        "account", "credit_type", "stop_reason", "stop_message", "stopped_at", "capped_until", "due_at",
    )  # fmt: skip
    await run(tx, q.save_auto_reload, {name: getattr(row, name) for name in names})
