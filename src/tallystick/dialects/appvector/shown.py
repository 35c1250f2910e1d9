"""Subscriptions as this contract shows them. The end of a period is its last second."""

from datetime import datetime, timedelta
from typing import Any, Final

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.payments.upgrading import Upgraded
from tallystick.domain.subscriptions.model import Subscription
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.money import Money

_SECOND: Final = timedelta(seconds=1)
_PRICE: Final = ("plan", "proration")
"""The lines of an invoice that are a plan's price, or a part of it: usage is no part of what an upgrade costs."""


async def plan_of(conn: Tx, row: Subscription) -> dict[str, Any]:
    """Tier and name of the plan that is subscribed to; a plan without tier has none."""
    found = (await catalog.plans_of(conn, row.tenant, [row.plan])).get(row.plan)
    return {"tier": None if found is None else tier_name(found), "name": row.plan_name}


def tier_name(plan: Plan) -> str | None:
    return None if plan.tier is None else plan.tier.upper()


def status_of(row: Subscription) -> str:
    """One that is to end with its period counts as cancelled already."""
    return "CANCELLED" if row.cancel_at_period_end else row.status.upper()


def subscription(row: Subscription, plan: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "plan": plan,
        "status": status_of(row),
        "billing_cycle": row.terms.interval.upper(),
        "current_period_start": iso_seconds(row.period_start),
        "current_period_end": last_second(row.period_end),
        "auto_renew": not row.cancel_at_period_end,
        "trial_ends_at": last_second(row.trial_end) if row.status == "trialing" else None,
    }


def upgraded(done: Upgraded, plan: dict[str, Any]) -> dict[str, Any]:
    """``prorated_amount`` is the new price less what of the old one is not used: less than nothing is credited."""
    row, bill = done.subscription, done.invoice
    minor = 0 if bill is None else sum(line.amount for line in bill.lines if line.kind in _PRICE)
    return {
        "id": str(row.id),
        "plan": plan,
        "status": status_of(row),
        "upgrade_applied": True,
        "prorated_amount": str(Money(minor, row.terms.currency)),
    }


def downgraded(row: Subscription, plan: Plan) -> dict[str, Any]:
    return {
        "id": str(row.id),
        "plan": {"tier": tier_name(plan), "name": plan.name},
        "status": status_of(row),
        "downgrade_scheduled": True,
        "downgrade_effective_date": last_second(row.period_end),
    }


def cancelled(row: Subscription) -> dict[str, Any]:
    """One that never was paid, or has not begun, is over at once."""
    over = not row.cancel_at_period_end
    return {
        "id": str(row.id),
        "status": "CANCELLED",
        "cancel_at_period_end": not over,
        "period_end": last_second(row.ended_at if over else row.period_end),
    }


def last_second(end: datetime | None) -> str | None:
    """The last second before an exclusive end."""
    return None if end is None else iso_seconds(end - _SECOND)
