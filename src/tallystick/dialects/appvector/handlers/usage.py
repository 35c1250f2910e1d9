"""How much of what a workspace may use it has used: the contract's three figures."""

from typing import Any, Final

from tallystick.dialects.appvector import errors
from tallystick.dialects.appvector.desk import Desk
from tallystick.dialects.appvector.shown import last_second
from tallystick.domain.subscriptions import entitlements
from tallystick.domain.subscriptions.buckets import Bucket, percentage
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.errors import NotFound

_CREDITS: Final = ("api_calls", "data_scrapes")
_PROJECTS: Final = "max_projects"


async def read_usage(desk: Desk, ask: Ask) -> Reply:
    """Get usage statistics for a workspace: its projects, and the two credit types of this period."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    uuid, found = await desk.system.buckets.some(who.tenant, who.account, _CREDITS)
    usage = {"projects": await _projects(desk, who.tenant, who.account)}
    usage |= {one.credit_type: _credits(one) for one in found}
    shown = {
        "workspace_id": str(uuid),
        "period_start": iso_seconds(found[0].period_start),
        "period_end": last_second(found[0].period_end),
        "usage": usage,
    }
    return errors.said(200, shown)


async def _projects(desk: Desk, tenant: int, account: int) -> dict[str, Any]:
    """Of the limit on projects; none where the tenant has no such feature."""
    try:
        state = await entitlements.check(desk.system.db, tenant, account, _PROJECTS)
    except NotFound:
        return {"current": 0, "limit": 0, "percentage": 0.0}
    current, limit = state.used or 0, state.limit
    return {"current": current, "limit": limit, "percentage": percentage(current, limit or 0)}


def _credits(bucket: Bucket) -> dict[str, Any]:
    return {
        "consumed": bucket.consumed,
        "allocated": bucket.allocated,
        "percentage": bucket.usage_percentage,
    }
