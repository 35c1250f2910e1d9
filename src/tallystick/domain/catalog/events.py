"""What others are told of plans. Pure."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Literal

from tallystick.domain.events.model import Event
from tallystick.kernel.ids import typeid
from tallystick.kernel.money import Money

from .model import Plan

Type = Literal["plan.created", "plan.updated", "plan.archived", "plan.deleted"]


def happened(type: Type, plan: Plan, at: datetime) -> Event:
    """What is told of a plan that stands as ``plan`` says."""
    return Event(type, at, plan_data(plan))


def changed(before: Plan, after: Plan) -> list[Event]:
    """What is told of a plan that changed: that it is archived, and whatever else of it is another now."""
    archived = after.status == "archived" != before.status
    told = [happened("plan.archived", after, after.updated_at)] if archived else []
    same = replace(after, status=before.status, updated_at=before.updated_at) == before
    if not same or not archived:
        told.insert(0, happened("plan.updated", after, after.updated_at))
    return told


def plan_data(plan: Plan) -> dict[str, Any]:
    """A plan as events show it, without its components; ``base_amount`` is what a period costs in advance."""
    return {
        "id": typeid("plan", plan.id),
        "number": plan.number,
        "key": plan.key,
        "name": plan.name,
        "description": plan.description,
        "tier": plan.tier,
        "rank": plan.rank,
        "status": plan.status,
        "version": plan.version,
        "interval": plan.terms.interval,
        "currency": plan.terms.currency,
        "base_amount": str(Money(plan.terms.base_amount, plan.terms.currency)),
        "trial_days": plan.terms.trial_days,
        "metadata": plan.metadata,
    }
