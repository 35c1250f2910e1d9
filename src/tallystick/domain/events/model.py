"""Events, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from uuid import UUID

TYPES: Final[Mapping[str, str]] = {
    "customer.created": "A customer was created.",
    "customer.updated": "A customer's data or status changed.",
    "plan.created": "A plan was created.",
    "plan.updated": "A plan changed or has a new version.",
    "plan.archived": "A plan is no longer sold.",
    "plan.deleted": "A plan that nobody held was deleted.",
    "subscription.created": "A customer was subscribed.",
    "subscription.activated": "A subscription became active: paid, restored, or nothing was to pay.",
    "subscription.updated": "A subscription changed in any way.",
    "subscription.renewed": "A period ended and the next began.",
    "subscription.plan_changed": "A subscription is on another plan now.",
    "subscription.change_scheduled": "A change of plan waits for the period's end.",
    "subscription.cancel_scheduled": "A cancel waits for the period's end.",
    "subscription.trial_ended": "A trial ended, and the first paid period began.",
    "subscription.past_due": "A subscription was not paid within the grace.",
    "subscription.paused": "A subscription was paused.",
    "subscription.resumed": "A subscription goes on.",
    "subscription.cancelled": "A subscription was cancelled and is over.",
    "subscription.ended": "A subscription came to its end.",
    "invoice.created": "An invoice was issued.",
    "invoice.paid": "An invoice was paid whole.",
    "invoice.voided": "An invoice was taken back.",
    "invoice.failed": "An invoice was given up as uncollectible.",
    "invoice.reminded": "A customer was reminded of an invoice.",
    "credit_note.created": "A credit note was issued.",
    "checkout.completed": "A checkout did what it was opened for.",
    "checkout.expired": "A checkout was not completed in time.",
    "payment.succeeded": "Money came in.",
    "payment.failed": "A payment was declined, or rejected by staff.",
    "payment.requires_action": "A payment needs a step of the customer's.",
    "payment_method.saved": "A customer saved a way to pay.",
    "payment_method.removed": "A customer's way to pay is gone.",
    "refund.created": "Money is to go back to a customer.",
    "refund.succeeded": "Money went back to a customer.",
    "refund.failed": "The gateway could not give money back.",
    "dispute.opened": "A customer disputes a payment with their bank.",
    "dispute.closed": "A dispute was won or lost.",
    "credits.granted": "Credits were given.",
    "credits.low_balance": "A wallet fell below a threshold.",
    "credits.hold_expired": "A hold was not captured in time.",
    "credits.reloaded": "Credits were bought automatically.",
    "credits.reload_failed": "Credits could not be bought automatically.",
    "webhook_endpoint.disabled": "An endpoint failed for so long that it was switched off.",
    "test.ping": "Somebody tried an endpoint out.",
}
"""Every event there is, and when it comes."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, as receivers are told.

    ``data`` is JSON: ids are TypeIDs, money and credits decimal strings, times ISO 8601 in UTC. ``account`` is the
    internal number, None for what is of no account. ``at`` is the tenant's time.
    """

    type: str
    at: datetime
    data: Mapping[str, Any] = field(default_factory=dict)
    account: int | None = None

    def __post_init__(self) -> None:
        assert self.type in TYPES, self.type


@dataclass(slots=True)
class Recorded:
    """An event as it is kept. ``place`` orders a tenant's events; ``created_at`` is the machine's time."""

    tenant: int
    place: int
    id: UUID
    type: str
    account: int | None
    at: datetime
    data: Mapping[str, Any]
    created_at: datetime
