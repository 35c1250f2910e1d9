"""The plans on sale: for anybody to see."""

from typing import Any

from tallystick.db.pool import Tx
from tallystick.dialects.appvector import errors
from tallystick.dialects.appvector.desk import Desk
from tallystick.dialects.appvector.tiers import plan_id, plan_item
from tallystick.domain.catalog import tiers as catalog
from tallystick.domain.catalog import views as features
from tallystick.domain.catalog.tiers import Tier
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply


async def list_plans(desk: Desk, ask: Ask) -> Reply:
    """List all available subscription plans: one a tier, by rank."""
    tenant = await desk.tenant(ask)
    async with desk.system.db.connection() as conn:
        found = await catalog.tiers(conn, tenant.id, tenant.currency)
        shown = await _shown(conn, tenant.id, found)
    return errors.said(200, {"plans": shown})


async def get_plan(desk: Desk, ask: Ask) -> Reply:
    """Get a subscription plan by the id of any plan of its tier."""
    tenant = await desk.tenant(ask)
    async with desk.system.db.connection() as conn:
        id = plan_id(ask.params["id"])
        tier, _ = await catalog.tier_of(conn, tenant.id, tenant.currency, plan=id)
        [shown] = await _shown(conn, tenant.id, [tier])
    return errors.said(200, {"plan": shown})


async def _shown(conn: Tx, tenant: int, found: list[Tier]) -> list[dict[str, Any]]:
    keys = sorted({key for one in found for key in one.face.terms.features})
    named = await features.features_of(conn, tenant, keys)
    return [plan_item(one, named) for one in found]
