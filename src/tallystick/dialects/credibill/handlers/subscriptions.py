"""Subscriptions."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.dialects.credibill import names, numbers
from tallystick.dialects.credibill.bodies import NewSubscription
from tallystick.dialects.credibill.call import Call, write
from tallystick.dialects.credibill.errors import missing
from tallystick.dialects.credibill.lists import alone, chosen, limit_of, uuid_cursor
from tallystick.dialects.credibill.shapes import encode
from tallystick.dialects.credibill.shelf import SUBSCRIPTION, Shelf
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.metering import views as metering
from tallystick.domain.subscriptions import actions, views
from tallystick.domain.subscriptions.model import Subscription
from tallystick.http.hot import Reply

from .customers import find

SHOWN: Final = 100
"""Invoices and usage events that stand in a subscription."""

_STATUS: Final = {
    word: tuple(state for state, said in SUBSCRIPTION.items() if said == word)
    for word in SUBSCRIPTION.values()
}
_ENDS: Final = {"true": True, "false": False}


async def create_subscription(call: Call) -> Reply:
    """Create Subscription."""
    body: NewSubscription = call.body
    plan = names.parse_plan(body.plan_id)
    start = numbers.moment("startDate", body.start_date) if numbers.given(body.start_date) else None

    async def act(tx: Tx) -> dict[str, Any]:
        account = await find(tx, call, body.customer_id)
        made = await actions.subscribe(
            tx,
            call.tenant,
            account.account_id,
            plan=plan,
            start=start,
            rates=rates_in_force,
            by=call.actor.name,
        )
        return {"subscriptionId": names.subscription_id(made.subscription.id)}

    return await write(call, 201, act)


async def get_subscriptions(call: Call) -> Reply:
    """List Subscriptions, or Get Subscription."""
    one = alone(call.query, "subscriptionId")
    async with call.system.db.connection() as conn:
        if one is not None:
            return await _get(conn, call, names.parse_subscription(one))
        query = call.query
        account = await find(conn, call, query["customerId"]) if "customerId" in query else None
        plan = names.parse_plan(query["planId"]) if "planId" in query else None
        if plan is not None:
            await catalog.plan(conn, call.tenant, plan)
        status: Sequence[str | None] = chosen(query, "status", _STATUS) or (None,)

        before, limit = uuid_cursor(query), limit_of(query)
        rows: list[Subscription] = []
        for state in status:
            found = await views.subscriptions(
                conn,
                call.tenant,
                account=None if account is None else account.account_id,
                plan=plan,
                status=state,
                before=before,
                limit=limit + 1,
            )
            rows += found.rows
        rows.sort(key=lambda row: row.id, reverse=True)
        more = {"nextCursor": rows[limit - 1].id.hex} if len(rows) > limit else {}
        del rows[limit:]
        shown = await Shelf(conn, call.actor).listed_subscriptions(rows)
    return Reply(200, encode({"subscriptions": shown, **more}))


async def _get(conn: Tx, call: Call, id: UUID) -> Reply:
    found = await views.subscription(conn, call.tenant, id)
    call.accounts.add(found.account)
    invoices = await invoicing.invoices(
        conn, call.tenant, account=found.account, subscription=id, limit=SHOWN
    )
    events = await metering.events(conn, call.tenant, found.account, subscription=id, limit=SHOWN)
    shown = await Shelf(conn, call.actor).whole_subscription(found, invoices.rows, events)
    return Reply(200, encode({"subscription": shown}))


async def cancel_subscription(call: Call) -> Reply:
    """Cancel Subscription."""
    given = call.query.get("subscriptionId")
    if not given:
        raise missing("subscriptionId")
    id = names.parse_subscription(given)
    at_period_end = bool(chosen(call.query, "cancelAtPeriodEnd", _ENDS))

    async def act(tx: Tx) -> dict[str, Any]:
        found = await views.subscription(tx, call.tenant, id)
        call.accounts.add(found.account)
        await actions.cancel(
            tx,
            call.tenant,
            found.account,
            id,
            at_period_end=at_period_end,
            rates=rates_in_force,
            by=call.actor.name,
        )
        return {"message": "Subscription cancelled"}

    return await write(call, 200, act)
