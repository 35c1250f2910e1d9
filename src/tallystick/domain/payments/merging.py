"""How what a provider tells changes what we know of a payment. Pure.

A payment's facts are ordered: pending, declined (of a page on which the customer may try again), requires_action,
processing, cancelled, failed for good, succeeded; of two that mean as much, the later. `merge` takes the greater.
So it does not matter in which order facts come, or how often: in the end it is the greatest of them that stands.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from .model import CheckoutStatus, Payment, Status
from .port import PaymentSeen

_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)

_RANK: Final[dict[Status, int]] = {
    "pending": 0,
    "requires_action": 2,
    "processing": 3,
    "cancelled": 4,
    "failed": 5,
    "succeeded": 6,
}
_DECLINED: Final = 1
"""A try failed, and the page is open still."""

_CHECKOUT: Final[dict[CheckoutStatus, int]] = {"open": 0, "expired": 1, "completed": 2}


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a payment. ``final``: nothing more comes of it, but money that should not have come."""

    status: Status
    final: bool
    ref: str | None = None
    amount: int = 0
    failure_code: str | None = None
    failure_message: str | None = None
    action_url: str | None = None
    seen_at: datetime | None = None


def facts_of(row: Payment) -> Facts:
    """What our row says. A payment that failed and has not ended is one that was declined on an open page."""
    return Facts(
        row.status,
        row.ended_at is not None,
        row.ref,
        row.amount,
        row.failure_code,
        row.failure_message,
        row.action_url,
        row.seen_at,
    )


def facts_seen(seen: PaymentSeen) -> Facts:
    """What the provider tells, as far as it means something in that state."""
    failed = seen.status == "failed"
    return Facts(
        seen.status,
        seen.status in ("succeeded", "cancelled") or (failed and seen.final),
        seen.ref,
        seen.amount,
        seen.failure_code if failed else None,
        seen.failure_message if failed else None,
        seen.url if seen.status == "requires_action" else None,
        seen.at,
    )


def merge(ours: Facts, theirs: Facts) -> Facts:
    """The greater of the two."""
    return max(ours, theirs, key=_weight)


def merge_checkout(ours: CheckoutStatus, theirs: CheckoutStatus) -> CheckoutStatus:
    """A page that was completed after all is completed."""
    return max(ours, theirs, key=_CHECKOUT.__getitem__)


def _weight(facts: Facts) -> tuple[int, datetime, str, str, str, str, int]:
    rank = _RANK[facts.status]
    if facts.status == "failed" and not facts.final:
        rank = _DECLINED
    # what comes after the time only decides between two that are told of the same moment
    return (
        rank,
        facts.seen_at or _BEFORE_ALL,
        facts.ref or "",
        facts.failure_code or "",
        facts.failure_message or "",
        facts.action_url or "",
        facts.amount,
    )
