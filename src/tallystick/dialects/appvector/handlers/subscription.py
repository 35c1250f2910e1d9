"""The workspace's subscription, and changing it: upward now and paid now, all else at the period's end."""

from typing import Any, Final

from tallystick.db.pool import Tx
from tallystick.dialects.appvector import errors, shown
from tallystick.dialects.appvector.asking import asked, once_for
from tallystick.dialects.appvector.desk import Desk, must_be
from tallystick.dialects.appvector.tiers import FIELDS, wanted_plan
from tallystick.domain.catalog.model import Plan
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.request_keys import Inner, in_steps, key_of
from tallystick.domain.payments.upgrading import upgrade as upgrade_now
from tallystick.domain.subscriptions import actions, views
from tallystick.domain.subscriptions.holdings import lead_on
from tallystick.domain.subscriptions.model import Subscription
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, read
from tallystick.http.hot import Reply
from tallystick.http.idempotency import check_key, headers_of
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, NotFound

_CANCEL: Final = {"reason": Char(required=False, null=True, blank=True, max_length=500)}
_NOTHING: Final = "subscription"
_DECLINED: Final = "Payment declined"


async def get_subscription(desk: Desk, ask: Ask) -> Reply:
    """Get current workspace subscription details; null without one."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    await lead_on(desk.system.db, who.tenant, [who.account])
    async with desk.system.db.connection() as conn:
        row = await views.current(conn, who.tenant, who.account)
        data = None if row is None else shown.subscription(row, await shown.plan_of(conn, row))
    return errors.said(200, {"subscription": data})


async def upgrade(desk: Desk, ask: Ask) -> Reply:
    """Upgrade to a higher plan tier: now, and what it costs now is charged to the saved way to pay."""
    who, said = await asked(desk, ask)
    must_be(who, Role.ADMIN)
    wanted, key = read(FIELDS, said), key_of("appvector", who.account, check_key(ask.key))

    async def act(inner: Inner) -> tuple[int, Any]:
        async with desk.system.db.connection() as conn:
            row, plan = await _meant(conn, who, wanted, "plan_tier")
        done = await upgrade_now(
            desk.system.till, who.tenant, who.account, row.id, plan.id, by=who.actor.name, key=inner
        )
        if done.declined is not None:
            return 402, {"error": _DECLINED, "detail": done.declined}
        async with desk.system.db.connection() as conn:
            return 200, {"subscription": shown.upgraded(done, await shown.plan_of(conn, done.subscription))}

    try:
        done = await in_steps(desk.system.db, who.tenant, key, ask.digest(wanted), act, lambda answer: answer)
    except NotFound as fact:
        return _none(fact)
    except Conflict as fact:
        if fact.code != "no_payment_method":
            raise
        return errors.failed(402, "Payment required", fact.message)
    desk.system.buckets.forget(who.account)
    return errors.said(done.status, done.body, headers_of(done.replayed))


async def downgrade(desk: Desk, ask: Ask) -> Reply:
    """Downgrade to a lower plan tier, or change the billing cycle, at the end of the current billing period."""
    who, said = await asked(desk, ask)
    must_be(who, Role.ADMIN)
    wanted = read(FIELDS, said)

    async def act(tx: Tx) -> tuple[int, Any]:
        row, plan = await _meant(tx, who, wanted, "plan_id")
        made = await actions.change(
            tx, who.tenant, who.account, row.id, plan=plan.id, rates=desk.system.till.rates, by=who.actor.name
        )
        if made.change == "applied":
            raise Conflict("not_a_downgrade", "That is a higher plan: upgrade to it.")
        return 200, {"subscription": shown.downgraded(made.subscription, plan)}

    try:
        done = await once_for(desk, who, ask, wanted, act)
    except NotFound as fact:
        return _none(fact)
    desk.system.buckets.forget(who.account)
    return errors.said(done.status, done.body, headers_of(done.replayed))


async def cancel(desk: Desk, ask: Ask) -> Reply:
    """Cancel subscription at the end of the current billing period."""
    who, said = await asked(desk, ask)
    must_be(who, Role.ADMIN)
    wanted = read(_CANCEL, {} if said is None else said)

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await _held(tx, who)
        made = await actions.cancel(
            tx, who.tenant, who.account, row.id, at_period_end=True, reason=wanted.get("reason") or "",
            rates=desk.system.till.rates, by=who.actor.name,
        )  # fmt: skip
        return 200, {"subscription": shown.cancelled(made.subscription)}

    try:
        done = await once_for(desk, who, ask, wanted, act)
    except NotFound as fact:
        return _none(fact)
    desk.system.buckets.forget(who.account)
    return errors.said(done.status, done.body, headers_of(done.replayed))


async def _meant(conn: Tx, who: Asker, wanted: dict[str, Any], usual: str) -> tuple[Subscription, Plan]:
    """The subscription, and the plan it is to be changed to: ``usual`` is the field that the document names it by.

    Raises NotFound, ValidationFailed."""
    row = await _held(conn, who)
    return row, await wanted_plan(
        conn, who.tenant, row.terms.currency, wanted, row.terms.interval, usual=usual
    )


async def _held(conn: Tx, who: Asker) -> Subscription:
    row = await views.current(conn, who.tenant, who.account)
    if row is None:
        raise NotFound(_NOTHING)
    return row


def _none(fact: NotFound) -> Reply:
    """404: of the framework's words for an id, of more for a workspace that has no subscription."""
    if fact.what != _NOTHING:
        raise fact
    return errors.detail(404, "No active subscription.")
