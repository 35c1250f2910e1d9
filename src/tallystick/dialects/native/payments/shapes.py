"""How checkouts, payments, ways to pay, refunds and disputes are shown."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import msgspec

from tallystick.dialects.native.answers import Credits, Money, Time
from tallystick.dialects.native.names import account_id, actor_id, entry_id
from tallystick.domain.payments import model
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid


class Checkout(msgspec.Struct):
    """``url`` is where the customer pays: whoever has it may. None where the page is not open yet, and for readers."""

    id: str
    account: str
    kind: model.CheckoutKind
    status: model.CheckoutStatus
    gateway: str
    amount: Money
    invoice: str | None
    plan: str | None
    payment: str | None
    save_method: bool
    url: str | None
    success_url: str | None
    cancel_url: str | None
    metadata: dict[str, Any]
    created_at: Time
    expires_at: Time
    ended_at: Time | None


class Failure(msgspec.Struct):
    code: str
    message: str


class Payment(msgspec.Struct):
    """Once it succeeded, ``amount`` = ``applied`` to the invoice + ``to_credit`` of the customer + ``to_refund``.

    ``refunded`` counts what went back or is about to. ``action_url``: where the customer takes a further step.
    ``dispute`` says how a dispute of it stands, if there is one.
    ``gateway_reference`` is the provider's name of it, ``reference`` what staff said of a transfer.
    """

    id: str
    account: str
    gateway: str
    cause: model.Cause
    status: model.Status
    amount: Money
    applied: Money
    to_credit: Money
    to_refund: Money
    refunded: Money
    dispute: model.DisputeStatus | None
    invoice: str | None
    checkout: str | None
    method: str | None
    failure: Failure | None
    action_url: str | None
    gateway_reference: str | None
    reference: str
    created_at: Time
    ended_at: Time | None


class PaymentMethod(msgspec.Struct):
    """A saved way to pay. ``default``: the one that is charged where none is named."""

    id: str
    account: str
    gateway: str
    kind: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    default: bool
    created_at: Time
    removed_at: Time | None


class TakenCredits(msgspec.Struct):
    entry: str
    credit_type: str
    amount: Credits


class Refund(msgspec.Struct):
    """``amount`` = ``from_invoice`` (see the credit note) + ``from_credit`` of the customer + ``surplus``.

    ``credits`` is the rule by which ``credits_taken`` were. ``by_hand``: it waits until staff say that it was paid.
    A failed one that was tried again is ``retried_by`` another.
    """

    id: str
    account: str
    payment: str
    gateway: str
    cause: model.RefundCause
    status: model.RefundStatus
    amount: Money
    from_invoice: Money
    from_credit: Money
    surplus: Money
    invoice: str | None
    credit_note: str | None
    credits: model.Take
    credits_taken: list[TakenCredits]
    reason: str
    failure: str | None
    by_hand: bool
    retried_by: str | None
    gateway_reference: str | None
    actor: str
    created_at: Time
    ended_at: Time | None


class Dispute(msgspec.Struct):
    """``policy`` is what was done about it; ``credits_returned`` were given again when it was won."""

    id: str
    account: str
    payment: str
    gateway: str
    status: model.DisputeStatus
    amount: Money
    reason: str
    policy: Literal["freeze", "claw_back", "none"]
    credits_taken: list[TakenCredits]
    credits_returned: list[TakenCredits]
    gateway_reference: str
    evidence_due_at: Time | None
    opened_at: Time
    closed_at: Time | None


def checkout(row: model.Checkout) -> Checkout:
    return Checkout(
        id=typeid("co", row.id),
        account=account_id(row.account_uuid),
        kind=row.kind,
        status=row.status,
        gateway=row.gateway,
        amount=Money(row.amount, row.currency),
        invoice=_id("inv", row.invoice),
        plan=None if row.intent is None else typeid("plan", UUID(row.intent["plan"])),
        payment=_id("pay", row.payment),
        save_method=row.save_method,
        url=row.url,
        success_url=row.success_url or None,
        cancel_url=row.cancel_url or None,
        metadata=row.metadata,
        created_at=iso(row.created_at),
        expires_at=iso(row.expires_at),
        ended_at=_when(row.ended_at),
    )


def payment(row: model.Payment) -> Payment:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    failure = None
    if row.failure_code is not None:
        failure = Failure(row.failure_code, row.failure_message or "")
    return Payment(
        id=typeid("pay", row.id),
        account=account_id(row.account_uuid),
        gateway=row.gateway,
        cause=row.cause,
        status=row.status,
        amount=money(row.amount),
        applied=money(row.applied),
        to_credit=money(row.to_credit),
        to_refund=money(row.to_refund),
        refunded=money(row.refunded),
        dispute=row.dispute,
        invoice=_id("inv", row.invoice),
        checkout=_id("co", row.checkout),
        method=_id("pm", row.method),
        failure=failure,
        action_url=row.action_url,
        gateway_reference=row.ref,
        reference=row.reference,
        created_at=iso(row.created_at),
        ended_at=_when(row.ended_at),
    )


def payment_method(row: model.Method, account: UUID) -> PaymentMethod:
    return PaymentMethod(
        typeid("pm", row.id),
        account_id(account),
        row.gateway,
        row.kind,
        row.brand,
        row.last4,
        row.exp_month,
        row.exp_year,
        row.standard,
        iso(row.created_at),
        _when(row.removed_at),
    )


def refund(row: model.Refund) -> Refund:
    def money(minor: int) -> Money:
        return Money(minor, row.currency)

    return Refund(
        id=typeid("re", row.id),
        account=account_id(row.account_uuid),
        payment=typeid("pay", row.payment),
        gateway=row.gateway,
        cause=row.cause,
        status=row.status,
        amount=money(row.amount),
        from_invoice=money(row.from_invoice),
        from_credit=money(row.from_credit),
        surplus=money(row.surplus),
        invoice=_id("inv", row.invoice),
        credit_note=_id("cn", row.credit_note),
        credits=row.take,
        credits_taken=_taken(row.account, row.taken),
        reason=row.reason,
        failure=row.failure,
        by_hand=row.status == "pending" and row.due_at is None and row.cause != "provider",
        retried_by=_id("re", row.retried_by),
        gateway_reference=row.ref,
        actor=actor_id(row.created_by),
        created_at=iso(row.created_at),
        ended_at=_when(row.ended_at),
    )


def dispute(row: model.Dispute) -> Dispute:
    return Dispute(
        id=typeid("dp", row.id),
        account=account_id(row.account_uuid),
        payment=typeid("pay", row.payment),
        gateway=row.gateway,
        status=row.status,
        amount=Money(row.amount, row.currency),
        reason=row.reason,
        policy=row.policy,
        credits_taken=_taken(row.account, row.taken),
        credits_returned=_taken(row.account, row.returned),
        gateway_reference=row.ref,
        evidence_due_at=_when(row.evidence_due_at),
        opened_at=iso(row.opened_at),
        closed_at=_when(row.closed_at),
    )


def _taken(account: int, rows: list[dict[str, Any]]) -> list[TakenCredits]:
    return [
        TakenCredits(entry_id(account, one["entry"]), one["credit_type"], format_credits(one["amount"]))
        for one in rows
    ]


def _id(prefix: str, uuid: UUID | None) -> str | None:
    return None if uuid is None else typeid(prefix, uuid)


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
