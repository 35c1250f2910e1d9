"""Settling invoices: one of a subscription by way of the subscription, whose state depends on it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from tallystick.db.pool import Tx
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing import actions, crediting
from tallystick.domain.invoicing.crediting import Refund
from tallystick.domain.invoicing.model import CreditNote, Invoice
from tallystick.domain.invoicing.notes import Part
from tallystick.domain.subscriptions import actions as subscriptions


async def pay(
    tx: Tx, row: Invoice, *, amount: int | None, at: datetime | None, reference: str, by: str
) -> Invoice:
    one = (tx, row.tenant, row.account, row.id)
    if row.subscription is None:
        return await actions.pay(*one, amount=amount, at=at, reference=reference, by=by)
    return await subscriptions.pay_invoice(
        *one, amount=amount, at=at, reference=reference, rates=rates_in_force, by=by
    )


async def credit(
    tx: Tx, row: Invoice, *, parts: Sequence[Part] | None, amount: int | None, refund: Refund, reason: str,
    metadata: Mapping[str, Any] | None, by: str,
) -> CreditNote:  # fmt: skip
    one = (tx, row.tenant, row.account, row.id)
    if row.subscription is None:
        return await crediting.create_credit_note(
            *one, parts=parts, amount=amount, refund=refund, reason=reason, metadata=metadata, by=by
        )
    return await subscriptions.credit_invoice(
        *one,
        parts=parts,
        amount=amount,
        refund=refund,
        reason=reason,
        metadata=metadata,
        rates=rates_in_force,
        by=by,
    )


async def void(tx: Tx, row: Invoice, *, reason: str, by: str) -> Invoice:
    one = (tx, row.tenant, row.account, row.id)
    if row.subscription is None:
        return await actions.void(*one, reason=reason, by=by)
    return await subscriptions.void_invoice(*one, reason=reason, rates=rates_in_force, by=by)


async def give_up(tx: Tx, row: Invoice, *, reason: str, by: str) -> Invoice:
    one = (tx, row.tenant, row.account, row.id)
    if row.subscription is None:
        return await actions.mark_uncollectible(*one, reason=reason, by=by)
    return await subscriptions.fail_invoice(*one, reason=reason, rates=rates_in_force, by=by)
