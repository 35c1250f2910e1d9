"""Payments as data. Money is minor units of the row's currency, credits are microcredits, times UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

CheckoutKind = Literal["invoice", "plan", "method"]
CheckoutStatus = Literal["open", "completed", "expired"]
Status = Literal["pending", "requires_action", "processing", "succeeded", "failed", "cancelled"]
DisputeStatus = Literal["open", "won", "lost"]
Cause = Literal["checkout", "request", "dunning", "reload"]

AUTOMATIC: tuple[Cause, ...] = ("dunning", "reload")
"""Payments that nobody asked for just now: a test clock counts them at the moment they were wanted for."""


@dataclass(slots=True, kw_only=True)
class GatewaySetting:
    """``hints`` are the last characters of each secret that is set. ``standard``: used when none is named."""

    tenant: int
    gateway: str
    enabled: bool
    standard: bool
    options: dict[str, Any]
    secrets: bytes | None = field(repr=False)
    hints: dict[str, str]
    updated_at: datetime


@dataclass(slots=True, kw_only=True)
class Method:
    """A saved way to pay. ``ref`` is the provider's id of it."""

    account: int
    id: UUID
    tenant: int
    gateway: str
    ref: str
    kind: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    standard: bool
    created_at: datetime
    removed_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Purchase:
    """Credits that an invoice buys. The grants are the ledger's, once it is paid."""

    account: int
    invoice: UUID
    tenant: int
    package: UUID | None
    cause: Literal["checkout", "reload", "request"]
    credit_type: str
    credits: int
    bonus: int
    expires_after_days: int | None
    grant_id: int | None
    bonus_grant_id: int | None
    fulfilled_at: datetime | None
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Checkout:
    """A page where a customer pays. ``url`` is None until the gateway has opened it."""

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    gateway: str
    kind: CheckoutKind
    status: CheckoutStatus
    invoice: UUID | None
    intent: dict[str, Any] | None
    own_invoice: bool
    payment: UUID | None
    amount: int
    currency: str
    save_method: bool
    success_url: str
    cancel_url: str
    url: str | None
    ref: str | None
    metadata: dict[str, Any]
    created_by: str
    created_at: datetime
    expires_at: datetime
    ended_at: datetime | None
    due_at: datetime | None
    retry_at: datetime | None
    attempts: int

    @property
    def at_once(self) -> bool:
        """Whether it has no page: a saved way to pay is charged for a higher plan (see `upgrading`)."""
        return self.intent is not None and self.intent.get("subscription") is not None


@dataclass(slots=True, kw_only=True)
class Payment:
    """Money on its way. Once it succeeded: amount = applied + to_credit + to_refund.

    ``dispute`` is the state of its last dispute.
    """

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    number: int
    gateway: str
    cause: Cause
    status: Status
    invoice: UUID | None
    checkout: UUID | None
    method: UUID | None
    amount: int
    currency: str
    applied: int
    to_credit: int
    to_refund: int
    refunded: int
    failure_code: str | None
    failure_message: str | None
    action_url: str | None
    ref: str | None
    reference: str
    created_by: str
    wanted_at: datetime
    created_at: datetime
    ended_at: datetime | None
    updated_at: datetime
    seen_at: datetime | None
    due_at: datetime | None
    retry_at: datetime | None
    attempts: int
    dispute: DisputeStatus | None


RefundStatus = Literal["pending", "succeeded", "failed"]
RefundCause = Literal["request", "duplicate", "credit_note", "provider"]
Take = Literal["unspent", "wallet", "keep"]


@dataclass(slots=True, kw_only=True)
class Refund:
    """Money on its way back. amount = ``from_invoice`` (a credit note says so) + ``from_credit`` (of the customer's
    credit) + ``surplus`` (nothing needed it); less where a provider sent back what could not be accounted for.

    ``taken`` are the credits that were taken back: rows of grant, entry, credit_type and amount (microcredits).
    ``worked``: credits, credit note and customer credit were seen to. A failed one may be ``retried_by`` another.
    """

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    payment: UUID
    gateway: str
    cause: RefundCause
    status: RefundStatus
    amount: int
    currency: str
    from_invoice: int
    from_credit: int
    surplus: int
    invoice: UUID | None
    credit_note: UUID | None
    take: Take
    taken: list[dict[str, Any]]
    reason: str
    ref: str | None
    failure: str | None
    worked: bool
    retried_by: UUID | None
    created_by: str
    created_at: datetime
    ended_at: datetime | None
    updated_at: datetime
    due_at: datetime | None
    retry_at: datetime | None
    attempts: int


@dataclass(slots=True, kw_only=True)
class Dispute:
    """A payment that a customer's bank takes back, or tries to. ``policy`` is what was done about it.

    ``was_status`` is the account's status before it was blocked. ``taken`` and ``returned`` are credits, as a refund's.
    """

    account: int
    account_uuid: UUID
    id: UUID
    tenant: int
    payment: UUID
    gateway: str
    ref: str
    status: DisputeStatus
    amount: int
    currency: str
    reason: str
    policy: Literal["freeze", "claw_back", "none"]
    was_status: str | None
    taken: list[dict[str, Any]]
    returned: list[dict[str, Any]]
    evidence_due_at: datetime | None
    opened_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    updated_at: datetime
