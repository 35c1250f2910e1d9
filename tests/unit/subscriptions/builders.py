"""Subscriptions for tests of what is pure: monthly, active, from 31 January 2027, 10:00 UTC."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.subscriptions.model import AllowancePeriod, Subscription

BEGIN = datetime(2027, 1, 31, 10, tzinfo=UTC)
ID = UUID(int=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def terms(*components: Component, interval: Any = "monthly", **more: Any) -> Terms:
    return Terms(interval=interval, currency="USD", components=components, **more)


def flat(amount: int, key: str = "base", **more: Any) -> Component:
    return Component(key=key, kind="flat", amount=amount, **more)


def subscription(**fields: Any) -> Subscription:
    made: dict[str, Any] = {
        "account": 1, "id": ID, "tenant": 1, "plan": ID, "version": 1, "plan_name": "Pro", "terms": terms(flat(999)),
        "overrides": {}, "recurring": True, "status": "active", "billing": "anniversary", "time_zone": "UTC",
        "anchor": BEGIN, "started_at": BEGIN, "waiting": False, "trial_end": None, "period_start": BEGIN,
        "period_end": at("2027-02-28T10:00"), "usage_since": BEGIN, "cancel_at_period_end": False,
        "cancel_reason": None, "cancelled_at": None, "ended_at": None, "scheduled": None, "paused_at": None,
        "resume_at": None, "past_due_since": None, "grace_until": None, "unpaid_until": None, "changes": 0,
        "due_at": None, "metadata": {}, "created_at": BEGIN, "updated_at": BEGIN,
    }  # fmt: skip
    return Subscription(**(made | fields))


def period(end: datetime | None, credit_type: str = "credits") -> AllowancePeriod:
    return AllowancePeriod(1, ID, credit_type, BEGIN, end, BEGIN, "monthly", 1)
