"""Features as this contract shows them, with what a workspace has of each."""

from collections.abc import Mapping
from typing import Any, Final

from tallystick.db.pool import Tx
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.model import Feature, Plan
from tallystick.domain.subscriptions.buckets import Bucket
from tallystick.domain.subscriptions.features import Entitlement

from .shown import last_second

_PAGE: Final = 500
_GIVEN: Final = ("ok", "limit_reached")
_MONTHLY: Final = "MONTHLY"


async def resets(conn: Tx, tenant: int) -> dict[str, str]:
    """How often each credit type's allowance begins anew, by the first plan on sale that gives one."""
    plans: list[Plan] = []
    before: int | None = None
    while True:
        page = await catalog.plans(conn, tenant, status="active", before=before, limit=_PAGE)
        plans += page.rows
        before = page.next_key
        if before is None:
            break
    found: dict[str, str] = {}
    for plan in reversed(plans):
        for one in plan.terms.allowances:
            found.setdefault(one.credit_type, one.reset.upper())
    return found


def feature_item(feature: Feature, resets: Mapping[str, str]) -> dict[str, Any]:
    item = {
        "id": str(feature.id),
        "key": feature.key,
        "name": feature.name,
        "description": feature.description,
        "feature_type": feature.type,
        "category": feature.category,
    }
    if feature.credit_type is not None:
        item["reset_period"] = resets.get(feature.credit_type, _MONTHLY)
    return item | {"unit": feature.unit}


def is_enabled(state: Entitlement) -> bool:
    """Whether the plan gives the feature now, used up as it may be."""
    return state.reason in _GIVEN and state.limit != 0


def of_state(state: Entitlement) -> dict[str, Any]:
    """Of a switch whether it is on; of a limit how much of it is used: None where there is no limit."""
    if state.feature.type == "BOOLEAN":
        return {"is_enabled": state.allowed}
    return {
        "limit_value": state.limit,
        "current_usage": state.used or 0,
        "available": state.available,
    }


def of_bucket(bucket: Bucket) -> dict[str, Any]:
    return {
        "allocated": bucket.allocated,
        "consumed": bucket.consumed,
        "available": bucket.available,
        "usage_percentage": bucket.usage_percentage,
        "period_end": last_second(bucket.period_end),
    }
