"""What receivers of webhooks are sent, as the OpenAPI document tells it: a body for each type of event.

The events themselves are made by the domains (``events.py`` of each); these structs only describe their data.
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.dialects.native.answers import Credits, Time
from tallystick.domain.events.model import TYPES
from tallystick.domain.invoicing import model as invoicing
from tallystick.domain.payments import model as payments
from tallystick.domain.subscriptions import model as subscriptions

Amount = Annotated[
    str, Meta(description="Money of `currency`, as a decimal string of its major unit.", examples=["49.00"])
]


class CustomerData(msgspec.Struct):
    """``id`` and ``account`` are the same."""

    id: str
    account: str
    number: int
    external_id: str | None
    status: str
    kind: str
    name: str
    email: str
    first_name: str
    last_name: str
    phone: str
    currency: str
    time_zone: str
    metadata: dict[str, Any]


class PlanData(msgspec.Struct):
    """``base_amount`` is what a period costs in advance."""

    id: str
    number: int
    key: str | None
    name: str
    description: str
    tier: str | None
    rank: int | None
    status: str
    version: int
    interval: str
    currency: str
    base_amount: Amount
    trial_days: int
    metadata: dict[str, Any]


class SubscriptionData(msgspec.Struct):
    id: str
    account: str
    status: subscriptions.Status
    plan: str
    plan_name: str
    plan_version: int
    started_at: Time
    trial_end: Time | None
    current_period_start: Time
    current_period_end: Time | None
    cancel_at_period_end: bool
    cancel_reason: str | None
    cancelled_at: Time | None
    ended_at: Time | None
    scheduled_plan: str | None
    scheduled_plan_version: int | None
    paused_at: Time | None
    resume_at: Time | None
    past_due_since: Time | None
    grace_until: Time | None
    unpaid_until: Time | None
    metadata: dict[str, Any]


class InvoiceData(msgspec.Struct):
    """Without its lines. ``days_overdue``, negative before it is due, is in `invoice.reminded` alone."""

    id: str
    account: str
    number: str | None
    status: invoicing.Status
    reason: invoicing.Reason
    subscription: str | None
    currency: str
    subtotal: Amount
    tax: Amount
    carried_to_credit: Amount
    total: Amount
    credit_applied: Amount
    credited: Amount
    amount_due: Amount
    amount_paid: Amount
    amount_remaining: Amount
    period_start: Time | None
    period_end: Time | None
    issued_at: Time | None
    due_at: Time | None
    paid_at: Time | None
    voided_at: Time | None
    metadata: dict[str, Any]
    days_overdue: int | UnsetType = UNSET


class CreditNoteData(msgspec.Struct):
    id: str
    account: str
    number: str
    invoice: str
    invoice_number: str
    reason: str
    currency: str
    subtotal: Amount
    tax: Amount
    total: Amount
    applied: Amount
    to_credit: Amount
    refund_due: Amount
    issued_at: Time
    metadata: dict[str, Any]


class CheckoutData(msgspec.Struct):
    id: str
    account: str
    kind: payments.CheckoutKind
    status: payments.CheckoutStatus
    gateway: str
    amount: Amount
    currency: str
    invoice: str | None
    payment: str | None
    metadata: dict[str, Any]


class PaymentData(msgspec.Struct):
    """`payment.succeeded` has ``applied``, ``credited`` and ``sent_back``; `payment.failed` the failure;
    `payment.requires_action` has ``action_url``, where the customer goes."""

    id: str
    account: str
    status: payments.Status
    cause: payments.Cause
    gateway: str
    amount: Amount
    currency: str
    invoice: str | None
    checkout: str | None
    payment_method: str | None
    applied: Amount | UnsetType = UNSET
    credited: Amount | UnsetType = UNSET
    sent_back: Amount | UnsetType = UNSET
    failure_code: str | UnsetType | None = UNSET
    failure_message: str | UnsetType | None = UNSET
    action_url: str | UnsetType | None = UNSET


class PaymentMethodData(msgspec.Struct):
    id: str
    account: str
    gateway: str
    kind: str
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    created_at: Time


class RefundData(msgspec.Struct):
    id: str
    payment: str
    account: str
    invoice: str | None
    credit_note: str | None
    status: payments.RefundStatus
    cause: payments.RefundCause
    amount: Amount
    currency: str
    reason: str
    failure: str | None
    credits_taken: Credits
    created_at: Time


class DisputeData(msgspec.Struct):
    id: str
    payment: str
    account: str
    status: payments.DisputeStatus
    amount: Amount
    currency: str
    reason: str
    policy: str
    credits_taken: Credits
    credits_returned: Credits
    evidence_due_at: Time | None
    opened_at: Time
    closed_at: Time | None


class GrantData(msgspec.Struct):
    """``balance`` and ``available`` are the wallet's after it."""

    id: str
    account: str
    credit_type: str
    amount: Credits
    source: str
    expires_at: Time | None
    balance: Credits
    available: Credits
    entry: str
    reference: str | None
    description: str | None


class LowBalanceData(msgspec.Struct):
    """``id`` is the alert's."""

    id: str
    account: str
    credit_type: str
    threshold: Credits
    available: Credits


class HoldData(msgspec.Struct):
    id: str
    account: str
    credit_type: str
    amount: Credits
    captured: Credits
    released: Credits
    expires_at: Time
    balance: Credits
    available: Credits
    reference: str | None
    description: str | None


class ReloadData(msgspec.Struct):
    account: str
    credit_type: str
    credits: Credits
    amount: Amount
    currency: str
    invoice: str
    payment: str | None


class ReloadFailedData(msgspec.Struct):
    """``stopped``: nothing more is bought until it is set again; else it goes on at ``resumes_at``.

    What was to be bought is there where it had been begun.
    """

    account: str
    credit_type: str
    threshold: Credits
    reason: str
    message: str
    stopped: bool
    resumes_at: Time | None
    credits: Credits | UnsetType = UNSET
    amount: Amount | UnsetType = UNSET
    currency: str | UnsetType = UNSET
    invoice: str | UnsetType = UNSET
    payment: str | UnsetType | None = UNSET


class DisabledEndpointData(msgspec.Struct):
    endpoint: str
    url: str
    reason: str
    failing_since: Time | None


class PingData(msgspec.Struct):
    endpoint: str
    message: str


DATA: Final[dict[str, type[msgspec.Struct]]] = {
    "customer": CustomerData,
    "plan": PlanData,
    "subscription": SubscriptionData,
    "invoice": InvoiceData,
    "credit_note": CreditNoteData,
    "checkout": CheckoutData,
    "payment": PaymentData,
    "payment_method": PaymentMethodData,
    "refund": RefundData,
    "dispute": DisputeData,
    "credits.granted": GrantData,
    "credits.low_balance": LowBalanceData,
    "credits.hold_expired": HoldData,
    "credits.reloaded": ReloadData,
    "credits.reload_failed": ReloadFailedData,
    "webhook_endpoint": DisabledEndpointData,
    "test": PingData,
}
"""The data of an event: by its type, or by its group."""

_HEADERS: Final = {
    "webhook-id": "The event's id: the same whenever the event is sent again.",
    "webhook-timestamp": "When this try was signed, in seconds since 1970.",
    "webhook-signature": "`v1,` and base64 of the HMAC-SHA256 of `id.timestamp.body`; one for each secret after a "
    "rotation.",
    "x-webhook-event": "The event's type.",
    "x-delivery-attempt": "The number of the try, from 1.",
}


def data_of(type: str) -> type[msgspec.Struct]:
    """The shape of the data of a type of event."""
    return DATA.get(type) or DATA[type.partition(".")[0]]


def webhooks(ref: str, tag: str) -> dict[str, Any]:
    """The document's ``webhooks``: each type of event as it is delivered. ``ref`` is where schemas are."""
    return {type: {"post": _operation(type, said, ref, tag)} for type, said in TYPES.items()}


def _operation(type: str, said: str, ref: str, tag: str) -> dict[str, Any]:
    body = {
        "type": "object",
        "required": ["event", "data", "timestamp", "app_id"],
        "properties": {
            "event": {"const": type},
            "data": {"$ref": ref + data_of(type).__name__},
            "timestamp": {
                "type": "string",
                "description": "When it happened, in the app's time: ISO 8601, in UTC.",
                "examples": ["2026-11-21T10:00:00Z"],
            },
            "app_id": {"type": "string", "description": "The app it happened in.", "examples": ["app_..."]},
        },
    }
    return {
        "tags": [tag],
        "operationId": "on_" + type.replace(".", "_"),
        "summary": said.rstrip("."),
        "description": "The event's id is the header `webhook-id`, not in the body. Money and credits are decimal "
        "strings here.",
        "security": [],
        "parameters": [
            {
                "name": name,
                "in": "header",
                "required": True,
                "schema": {"type": "string"},
                "description": what,
            }
            for name, what in _HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "2XX": {"description": "Received. Anything else, or none within 20 s, is tried again."}
        },
    }
