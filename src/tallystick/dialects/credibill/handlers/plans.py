"""Plans."""

from typing import Any

from tallystick.db.pool import Tx
from tallystick.dialects.credibill import names, terms
from tallystick.dialects.credibill.bodies import NewPlan, PlanPatch
from tallystick.dialects.credibill.call import Call, write
from tallystick.dialects.credibill.errors import missing
from tallystick.dialects.credibill.lists import page_of
from tallystick.dialects.credibill.shapes import encode
from tallystick.dialects.credibill.shelf import Shelf
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Plan, PlanChanges
from tallystick.domain.metering import actions as metering
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.http.hot import Reply
from tallystick.kernel.errors import Conflict, Invalid
from tallystick.kernel.page import Page


async def create_plan(call: Call) -> Reply:
    """Create Plan."""
    body: NewPlan = call.body
    mode = call.actor.mode.value
    if body.mode not in (None, mode):
        raise Invalid("mode", f"must be {mode}, which is the API key's")
    wanted = terms.terms_of(body)

    async def act(tx: Tx) -> dict[str, Any]:
        for metric in sorted(wanted.meters()):
            await metering.ensure_meter(tx, call.tenant, metric, by=call.actor.name)
        made = await actions.create_plan(
            tx,
            call.tenant,
            name=body.name,
            description=body.description or "",
            terms=wanted,
            status=body.status or "active",
            by=call.actor.name,
        )
        return {"planId": names.plan_id(made.id)}

    return await write(call, 201, act)


async def get_plans(call: Call) -> Reply:
    """List Plans."""
    async with call.system.db.connection() as conn:

        async def read(before: int | None, limit: int) -> Page[Plan]:
            return await views.plans(conn, call.tenant, before=before, limit=limit)

        rows, more = await page_of(call.query, read)
        shown = await Shelf(conn, call.actor).plans(rows)
    return Reply(200, encode({"plans": shown, **more}))


async def update_plan(call: Call) -> Reply:
    """Update Plan."""
    body: PlanPatch = call.body

    async def act(tx: Tx) -> dict[str, Any]:
        plan = await actions.lock_plan(tx, call.tenant, names.parse_plan(body.plan_id))
        changes: PlanChanges = {"terms": terms.changed(plan.terms, body)}
        if body.name is not None:
            changes["name"] = body.name
        if body.description is not None:
            changes["description"] = body.description
        if body.status is not None:
            changes["status"] = body.status
        await actions.update_plan(tx, call.tenant, plan.id, by=call.actor.name, **changes)
        return {"message": "Plan updated"}

    return await write(call, 200, act)


async def delete_plan(call: Call) -> Reply:
    """Delete Plan."""
    given = call.query.get("planId")
    if not given:
        raise missing("planId")
    plan = names.parse_plan(given)

    async def act(tx: Tx) -> dict[str, Any]:
        try:
            await subscriptions.delete_plan(tx, call.tenant, plan, by=call.actor.name)
        except Conflict as fact:
            raise Conflict(
                fact.code, "Cannot delete plans with active subscriptions; archive them instead"
            ) from None
        return {"message": "Plan deleted"}

    return await write(call, 200, act)
