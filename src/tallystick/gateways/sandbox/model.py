"""The sandbox's rows, and how the port sees them. Money is minor units. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from tallystick.domain.payments.port import (
    CheckoutSeen,
    DisputeSeen,
    MethodSeen,
    PaymentSeen,
    PaymentStatus,
    RefundSeen,
)
from tallystick.kernel.ids import parse_typeid, typeid

from .cards import EXP_MONTH, EXP_YEAR, card_of

# What its ids begin with: a reader must see that no provider outside has them.
CHECKOUT: Final = "sandbox_checkout"
PAYMENT: Final = "sandbox_payment"
METHOD: Final = "sandbox_card"
REFUND: Final = "sandbox_refund"
DISPUTE: Final = "sandbox_dispute"
CUSTOMER: Final = "sandbox_customer"


@dataclass(slots=True, kw_only=True)
class Page:
    """``step``: the customer was asked to approve the payment and has not answered."""

    tenant_id: int
    checkout_id: UUID
    payment_id: UUID | None
    customer_ref: str
    amount: int
    currency: str
    description: str
    save_method: bool
    status: Literal["open", "step", "completed", "expired"]
    card: str | None
    keep_card: bool
    method_id: UUID | None
    failure_code: str | None
    failure_message: str | None
    created_at: datetime
    expires_at: datetime


@dataclass(slots=True, kw_only=True)
class Charge:
    """A payment at the sandbox. ``method_id`` is the saved card that it was of, or that it left."""

    tenant_id: int
    payment_id: UUID
    customer_ref: str
    checkout_id: UUID | None
    method_id: UUID | None
    card: str
    amount: int
    currency: str
    description: str
    status: PaymentStatus
    final: bool
    failure_code: str | None
    failure_message: str | None
    succeeds_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class SavedCard:
    method_id: UUID
    customer_ref: str
    card: str
    removed_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Refund:
    refund_id: UUID
    payment_id: UUID
    amount: int
    currency: str
    status: Literal["succeeded", "failed"]
    failure: str | None
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Dispute:
    payment_id: UUID
    amount: int
    currency: str
    created_at: datetime
    evidence_due_at: datetime


def id_of(kind: str, ref: str) -> UUID | None:
    """The id in one of our refs, None for any other text."""
    return parse_typeid(kind, ref)


def method_seen(method: UUID, card: str, customer_ref: str, *, removed: bool = False) -> MethodSeen:
    return MethodSeen(
        ref=typeid(METHOD, method),
        kind="card",
        brand=card_of(card).brand,
        last4=card,
        exp_month=EXP_MONTH,
        exp_year=EXP_YEAR,
        customer_ref=customer_ref,
        removed=removed,
    )


def payment_seen(row: Charge, url: str | None = None) -> PaymentSeen:
    """``url`` is where the customer takes the further step."""
    method = None
    # of a page; a card that was saved before is known, and may have been removed since
    if row.checkout_id and row.method_id is not None and row.status in ("succeeded", "processing"):
        method = method_seen(row.method_id, row.card, row.customer_ref)
    return PaymentSeen(
        ref=typeid(PAYMENT, row.payment_id),
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        payment=row.payment_id,
        at=row.updated_at,
        final=row.final,
        failure_code=row.failure_code,
        failure_message=row.failure_message,
        url=url if row.status == "requires_action" else None,
        method=method,
        customer_ref=row.customer_ref,
    )


def checkout_seen(page: Page, payment: PaymentSeen | None) -> CheckoutSeen:
    """Of a page that is completed or expired."""
    assert page.status in ("completed", "expired")
    method = None
    if page.status == "completed" and page.method_id is not None and page.card is not None:
        method = method_seen(page.method_id, page.card, page.customer_ref)
    return CheckoutSeen(
        ref=typeid(CHECKOUT, page.checkout_id),
        status="completed" if page.status == "completed" else "expired",
        checkout=page.checkout_id,
        payment=payment,
        method=method,
        customer_ref=page.customer_ref,
    )


def refund_seen(row: Refund) -> RefundSeen:
    return RefundSeen(
        ref=typeid(REFUND, row.refund_id),
        payment_ref=typeid(PAYMENT, row.payment_id),
        status=row.status,
        amount=row.amount,
        currency=row.currency,
        refund=row.refund_id,
        at=row.created_at,
        failure=row.failure,
    )


def dispute_seen(row: Dispute) -> DisputeSeen:
    return DisputeSeen(
        ref=typeid(DISPUTE, row.payment_id),
        payment_ref=typeid(PAYMENT, row.payment_id),
        status="open",
        amount=row.amount,
        currency=row.currency,
        reason="fraudulent",
        at=row.created_at,
        evidence_due_at=row.evidence_due_at,
    )
