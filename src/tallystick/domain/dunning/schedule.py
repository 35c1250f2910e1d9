"""When an invoice is charged and when its customer is reminded of it. Pure; times are the tenant's, days 24 hours.

Charges are counted from the issue, reminders from the day it is due. Every function gives the first moment after
another, so an invoice needs to keep no more than the moment it has come to.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from tallystick.domain.payments.policy import Policy

DAY: Final = timedelta(days=1)

FINAL: Final[frozenset[str]] = frozenset(
    {
        "expired_card",
        "fraudulent",
        "incorrect_number",
        "invalid_account",
        "lost_card",
        "pickup_card",
        "restricted_card",
        "revocation_of_all_authorizations",
        "revocation_of_authorization",
        "security_violation",
        "stolen_card",
        "stop_payment_order",
        "transaction_not_allowed",
    }
)
"""Declines that no later try mends: that way to pay is charged no more (the codes of Stripe's list of declines)."""


def is_charged(policy: Policy, issued_at: datetime, at: datetime) -> bool:
    """Whether to charge at a moment at which an invoice is looked at: always, but when it was just issued and the
    policy charges later."""
    return at != issued_at or 0 in policy.retry_days


def next_charge(policy: Policy, issued_at: datetime, after: datetime) -> datetime | None:
    """When it is charged next after a moment; None: never by itself."""
    return _first(policy.retry_days, issued_at, after)


def reminded_day(policy: Policy, issued_at: datetime, due_at: datetime, at: datetime) -> int | None:
    """Which of the policy's days after it is due a moment is (negative before); None: none. Never before the issue."""
    for day in policy.reminder_days:
        if due_at + day * DAY == at and at >= issued_at:
            return day
    return None


def next_reminder(policy: Policy, issued_at: datetime, due_at: datetime, after: datetime) -> datetime | None:
    """When its customer is reminded next after a moment, which is not before the issue; None: no more."""
    return _first(policy.reminder_days, due_at, max(after, issued_at))


def _first(days: Iterable[int], base: datetime, after: datetime) -> datetime | None:
    return min((at for day in days if (at := base + day * DAY) > after), default=None)
