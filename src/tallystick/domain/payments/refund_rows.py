"""Refunds' rows: made, written and changed, under the account's lock."""

from dataclasses import fields
from datetime import datetime
from typing import Any

import msgspec

from tallystick.db.pool import Tx, all_rows, run
from tallystick.domain.events.actions import emit
from tallystick.domain.identity import actions as identity_actions
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import actions as ledger
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import owned_uuid, typeid

from . import settings
from .model import Dispute, Payment, Refund, RefundCause, Take
from .refund_events import of_refund
from .refund_views import r
from .taking import Heads


async def locked(tx: Tx, tenant: int, account: int, what: str = "payment") -> Heads:
    """The account's head, locked. Raises NotFound for another tenant's."""
    heads = await ledger.lock(tx, [account])
    if account not in heads or heads[account].tenant != tenant:
        raise NotFound(what)
    return heads


async def standing(tx: Tx, row: Payment) -> list[Refund]:
    """The payment's refunds, the oldest first, without those that another took the place of."""
    return await all_rows(tx, Refund, r.refunds_of_payment, {"account": row.account, "payment": row.id})


async def disputed(tx: Tx, row: Payment) -> bool:
    """Whether the customer's bank took the payment back, or may."""
    found = await all_rows(tx, Dispute, r.disputes_of_account, {"account": row.account})
    return any(one.payment == row.id and one.status != "won" for one in found)


async def check_refundable(tx: Tx, row: Payment) -> None:
    """Raises Conflict("payment_state"), Conflict("payment_disputed")."""
    if row.status != "succeeded":
        raise Conflict("payment_state", f"The payment is {row.status}.", state=row.status)
    if await disputed(tx, row):
        raise Conflict("payment_disputed", "The customer's bank took the payment back, or may.")


async def new(
    tx: Tx, row: Payment, cause: RefundCause, amount: int, *, take: Take | None = None, reason: str, by: str
) -> Refund:
    """A refund that is not written yet, due now."""
    now = await identity.now(tx, row.tenant)
    if take is None:
        take = (await settings.policy(tx, row.tenant)).refunds
    return Refund(
        account=row.account, account_uuid=row.account_uuid, id=owned_uuid(row.account), tenant=row.tenant,
        payment=row.id, gateway=row.gateway, cause=cause, status="pending", amount=amount,
        currency=row.currency, from_invoice=0, from_credit=0, surplus=0, invoice=row.invoice,
        credit_note=None, take=take, taken=[], reason=reason, ref=None, failure=None, worked=False,
        retried_by=None, created_by=by, created_at=now, ended_at=None, updated_at=now, due_at=now,
        retry_at=None, attempts=0,
    )  # fmt: skip


async def write(tx: Tx, made: Refund) -> None:
    """Write a new refund, and tell of it."""
    await run(tx, r.insert_refund, _values(made))
    await move(tx, made, made.amount, made.created_at)
    await emit(tx, made.tenant, of_refund("refund.created", made))


async def move(tx: Tx, row: Refund, minor: int, now: datetime) -> None:
    """Count more or less of the payment as gone back."""
    values = {"account": row.account, "id": row.payment, "minor": minor, "now": now}
    await run(tx, r.move_refunded, values)


async def save(tx: Tx, row: Refund) -> None:
    """Write what changed."""
    await run(tx, r.update_refund, _values(row))


async def succeed(tx: Tx, row: Refund, now: datetime) -> None:
    """The money went back."""
    row.status, row.failure, row.due_at, row.ended_at, row.updated_at = "succeeded", None, None, now, now
    await save(tx, row)
    await emit(tx, row.tenant, of_refund("refund.succeeded", row))


async def fail(tx: Tx, row: Refund, now: datetime, why: str) -> None:
    """The money did not go back, and counts no more as gone."""
    row.status, row.failure, row.due_at, row.ended_at, row.updated_at = "failed", why, None, now, now
    await move(tx, row, -row.amount, now)
    await save(tx, row)
    await emit(tx, row.tenant, of_refund("refund.failed", row))


async def audit(tx: Tx, row: Refund, by: str, action: str, reason: str = "") -> None:
    """A manual act stands in the audit log."""
    details = {"payment": typeid("pay", row.payment), "amount": row.amount, "currency": row.currency}
    await identity_actions.audit(
        tx,
        row.tenant,
        actor=by,
        action=action,
        target=typeid("re", row.id),
        reason=reason or None,
        details=details,
    )


def _values(row: Refund) -> dict[str, Any]:
    shown = {one.name: getattr(row, one.name) for one in fields(row)}
    return shown | {"taken": msgspec.json.encode(row.taken).decode()}
