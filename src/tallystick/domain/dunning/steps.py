"""What is done with one invoice at one of its moments, under its account's head; each step leads on to the next."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, one_row, value
from tallystick.db.sql import Queries
from tallystick.domain.events.actions import emit
from tallystick.domain.invoicing import collecting
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.payments import charging
from tallystick.domain.payments import views as payments
from tallystick.domain.payments.policy import Policy
from tallystick.domain.payments.till import Till
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict

from . import letters
from .events import reminded
from .schedule import FINAL, is_charged, next_charge, next_reminder, reminded_day

q: Final = Queries("tallystick.domain.dunning")

UNDER_WAY: Final = ("pending", "requires_action", "processing")


@dataclass(slots=True)
class _Moments:
    status: str
    collect_at: datetime | None
    remind_at: datetime | None
    preceded: bool


@dataclass(slots=True)
class _Attempt:
    id: UUID
    status: str
    failure_code: str | None
    method: UUID | None


async def step(
    tx: Tx, till: Till, tenant: int, account: int, invoice: UUID, at: datetime, policy: Policy
) -> None:
    """Charge or remind, whichever was due at ``at``; of both the charge first.

    Nothing where that is done already, or where another invoice of the account comes first.
    """
    moments = await one_row(tx, _Moments, q.moments, {"account": account, "id": invoice, "at": at})
    if moments is None or moments.status != "open" or moments.preceded:
        return
    if moments.collect_at == at:
        await _charge(tx, tenant, await invoices.invoice(tx, tenant, invoice), at, policy)
    elif moments.remind_at == at:
        await _remind(tx, till, await invoices.invoice(tx, tenant, invoice), at, policy)


async def drop(tx: Tx, account: int, invoice: UUID) -> None:
    """A customer whose account is closed is neither charged nor reminded."""
    await collecting.schedule(tx, account, invoice, None)
    await collecting.remind(tx, account, invoice, None)


async def _charge(tx: Tx, tenant: int, row: Invoice, at: datetime, policy: Policy) -> None:
    """Charge the standard way to pay for the moment ``at``; once that has failed, lead on to the next charge."""
    assert row.issued_at is not None
    payer = await payments.standard_of(tx, row.account)
    if payer is None:
        await collecting.stop(tx, row.account)
        return
    of = {"account": row.account, "invoice": row.id}
    tried = await one_row(tx, _Attempt, q.attempt, of | {"at": at})
    if tried is not None and tried.status in UNDER_WAY:
        await collecting.wait(tx, row.account, row.id)
        return
    done = tried is not None and tried.method == payer.id
    if not done and is_charged(policy, row.issued_at, at) and not await value(tx, q.on_page, of | {"at": at}):
        last = await one_row(tx, _Attempt, q.attempt, of | {"at": None})
        if not _is_final(last, payer.id) and await _begun(tx, tenant, row, payer.id, at):
            await collecting.wait(tx, row.account, row.id)
            return
    last = await one_row(tx, _Attempt, q.attempt, of | {"at": None})
    then = None if _is_final(last, payer.id) else next_charge(policy, row.issued_at, at)
    await collecting.schedule(tx, row.account, row.id, then)


async def _begun(tx: Tx, tenant: int, row: Invoice, method: UUID, at: datetime) -> bool:
    """Whether there is a payment to wait for now: one that was begun here, or that was under way."""
    try:
        await charging.request_charge(
            tx, tenant, row.account, invoice=row.id, method=method, cause="dunning", wanted_at=at, by=SYSTEM
        )
    except Conflict as fact:
        return fact.code == "payment_in_flight"
    return True


def _is_final(tried: _Attempt | None, method: UUID) -> bool:
    """Whether a way to pay was declined for good."""
    return tried is not None and tried.method == method and tried.failure_code in FINAL


async def _remind(tx: Tx, till: Till, row: Invoice, at: datetime, policy: Policy) -> None:
    assert row.issued_at is not None
    assert row.due_at is not None
    day = reminded_day(policy, row.issued_at, row.due_at, at)
    if day is not None:
        await letters.remind(tx, till, row, day)
        await emit(tx, row.tenant, reminded(row, day, at))
    await collecting.remind(tx, row.account, row.id, next_reminder(policy, row.issued_at, row.due_at, at))
