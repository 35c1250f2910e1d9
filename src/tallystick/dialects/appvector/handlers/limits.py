"""What a workspace's plan allows at most."""

from typing import Final

from tallystick.dialects.appvector import errors, shown
from tallystick.dialects.appvector.desk import Desk
from tallystick.domain.subscriptions.overview import overview
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply

_LIMITS: Final = (
    "max_projects",
    "max_keywords_per_project",
    "max_competitors_per_project",
    "max_team_members",
    "historical_data_days",
)
_CREDITS: Final = {"api_calls_per_month": "api_calls", "data_scrapes_per_month": "data_scrapes"}


async def read_limits(desk: Desk, ask: Ask) -> Reply:
    """Get all plan limits for a workspace; null where there is no limit, 0 where there is nothing."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    async with desk.system.db.connection() as conn:
        found = await overview(conn, who.tenant, who.account)
        row = found.subscription
        plan = None if row is None else await shown.plan_of(conn, row)
    limits = {key: found.limit(key) for key in _LIMITS}
    limits |= {name: found.a_month(code) for name, code in _CREDITS.items()}
    return errors.said(200, {"workspace_id": str(found.head.uuid), "plan": plan, "limits": limits})
