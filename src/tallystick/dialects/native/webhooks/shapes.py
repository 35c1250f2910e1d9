"""How events, webhook endpoints, deliveries and e-mail are shown."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from tallystick.dialects.native.answers import Time
from tallystick.dialects.native.names import account_id
from tallystick.domain.events.model import Recorded
from tallystick.domain.mail import model as mail
from tallystick.domain.webhooks import model
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid


class Event(msgspec.Struct):
    """``timestamp`` is the app's time of what happened, ``created_at`` when it was recorded."""

    id: str
    type: str
    account: str | None
    data: dict[str, Any]
    timestamp: Time
    created_at: Time


class EventKind(msgspec.Struct):
    type: str
    description: str


class WebhookEndpoint(msgspec.Struct):
    """``secret`` is in the answer that made it, and nowhere else.

    ``failing_since``: nothing but failures came back since then, ``failures`` of them. ``disabled_reason`` is manual,
    failing (for more than three days) or gone (the receiver answered 410).
    """

    id: str
    url: str
    description: str
    types: list[str]
    ordered: bool
    enabled: bool
    previous_secret_until: Time | None
    failing_since: Time | None
    failures: int
    disabled_at: Time | None
    disabled_reason: model.DisabledReason | None
    created_at: Time
    updated_at: Time
    secret: str | UnsetType = UNSET


class DeletedWebhookEndpoint(msgspec.Struct):
    id: str
    deleted: bool


class WebhookDelivery(msgspec.Struct):
    """``status`` is pending, succeeded, failed (given up after three days) or cancelled (the endpoint was deleted).

    ``next_attempt_at`` is null while it is being sent, or waits for an earlier one of its customer.
    """

    id: str
    endpoint: str
    event: str
    type: str
    status: model.Status
    attempts: int
    last_status: int | None
    last_error: str | None
    next_attempt_at: Time | None
    created_at: Time
    ended_at: Time | None


class WebhookRequest(msgspec.Struct):
    """The body is the event's, the same each time. What is secret is hidden."""

    url: str
    headers: list[list[str]]


class WebhookResponse(msgspec.Struct):
    """``body`` is the beginning of it."""

    status: int
    headers: list[list[str]]
    body: str


class WebhookAttempt(msgspec.Struct):
    """``error`` is http_error for an answer that is no success, else why there was no answer."""

    number: int
    at: Time
    duration_ms: int
    request: WebhookRequest
    response: WebhookResponse | None
    error: str | None
    detail: str


class WebhookDeliveryWithLog(WebhookDelivery, kw_only=True):
    log: list[WebhookAttempt]


class Replayed(msgspec.Struct):
    """How many deliveries are on their way by it."""

    replayed: int


class Email(msgspec.Struct):
    """``sender`` null: the server's own. ``next_attempt_at`` is null once it is sent or failed."""

    id: str
    kind: str
    account: str | None
    sender: str | None
    recipient: str
    subject: str
    body: str
    status: mail.Status
    attempts: int
    error: str | None
    next_attempt_at: Time | None
    created_at: Time
    sent_at: Time | None


def event(row: Recorded, account: UUID | None) -> Event:
    """``account`` is that of the event, as it is shown."""
    return Event(
        typeid("evt", row.id),
        row.type,
        None if account is None else account_id(account),
        dict(row.data),
        iso(row.at),
        iso(row.created_at),
    )


def endpoint(row: model.Endpoint) -> WebhookEndpoint:
    return WebhookEndpoint(
        id=typeid("we", row.id),
        url=row.url,
        description=row.description,
        types=row.types,
        ordered=row.ordered,
        enabled=row.enabled,
        previous_secret_until=_when(row.previous_until),
        failing_since=_when(row.failing_since),
        failures=row.failures,
        disabled_at=_when(row.disabled_at),
        disabled_reason=row.disabled_reason,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def delivery(row: model.Delivery) -> WebhookDelivery:
    return WebhookDelivery(**_delivery(row))


def delivery_with_log(row: model.Delivery, attempts: list[model.Attempt]) -> WebhookDeliveryWithLog:
    return WebhookDeliveryWithLog(**_delivery(row), log=[_attempt(one) for one in attempts])


def email(row: mail.Mail) -> Email:
    return Email(
        id=typeid("mail", row.id),
        kind=row.kind,
        account=None if row.account_uuid is None else account_id(row.account_uuid),
        sender=row.sender or None,
        recipient=row.recipient,
        subject=row.subject,
        body=row.body,
        status=row.status,
        attempts=row.attempts,
        error=row.error,
        next_attempt_at=_when(row.due_at),
        created_at=iso(row.created_at),
        sent_at=_when(row.sent_at),
    )


def _delivery(row: model.Delivery) -> dict[str, Any]:
    return {
        "id": typeid("wd", row.id),
        "endpoint": typeid("we", row.endpoint),
        "event": typeid("evt", row.event),
        "type": row.event_type,
        "status": row.status,
        "attempts": row.attempts,
        "last_status": row.last_status,
        "last_error": row.last_error,
        "next_attempt_at": _when(row.next_at),
        "created_at": iso(row.created_at),
        "ended_at": _when(row.ended_at),
    }


def _attempt(one: model.Attempt) -> WebhookAttempt:
    answer = None
    if one.status is not None:
        answer = WebhookResponse(one.status, one.response_headers, one.response_body)
    return WebhookAttempt(
        one.number,
        iso(one.at),
        one.duration_ms,
        WebhookRequest(one.url, one.request_headers),
        answer,
        one.error,
        one.detail,
    )


def _when(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
