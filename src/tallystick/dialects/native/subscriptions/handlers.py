"""Subscriptions: what customers have, changing it, ending it, and what it will cost."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import Query, Request, Response
from pydantic import BaseModel

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, Writer, may_read
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.plans.naming import plan_named
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.subscriptions import actions, updates, views
from tallystick.domain.subscriptions.model import Outcome
from tallystick.http.hot import count_for
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import NotFound

from . import forms, shapes
from .access import Named, Steerable, Writable


async def create_subscription(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewSubscription
) -> Response:
    """Subscribe an account to a plan.

    Without a trial it is incomplete until its first invoice, which is answered too, is paid; where nothing is to pay
    it is active at once. An account has one subscription that renews, and one trial ever.
    """
    account = await native.caller(actor.tenant).account(body.account)
    count_for(request.scope, (account,))

    async def act(tx: Tx) -> Outcome:
        plan, overrides = await _offer(tx, actor, body)
        return await actions.subscribe(
            tx, actor.tenant, account, plan=plan.id, rates=rates_in_force, by=actor.name, version=body.version,
            start=body.start, trial=body.trial, billing=body.billing, overrides=overrides, metadata=body.metadata,
        )  # fmt: skip

    made = await _acted(native, actor, request, key, body, act, status=201)
    native.system.buckets.forget(account)
    return made


async def list_subscriptions(
    native: Here, actor: Anyone, query: Annotated[forms.SubscriptionsQuery, Query()]
) -> Response:
    """List subscriptions, the newest first.

    A member sees those of their own account: the one named, or else their home.
    """
    account = None if actor.whole_tenant else actor.home
    if query.account is not None:
        account = await native.caller(actor.tenant).account(query.account)
        may_read(actor, account)
    elif account is None and not actor.whole_tenant:
        raise NotFound("account")
    async with native.system.db.connection() as conn:
        plan = None if query.plan is None else (await plan_named(conn, actor.tenant, query.plan)).id
        page = await views.subscriptions(
            conn, actor.tenant, account=account, plan=plan, status=query.status, before=query.before,
            limit=query.limit,
        )  # fmt: skip
        shown = await shapes.subscriptions(conn, actor.tenant, page.rows)
    return answered({"data": shown, "next_cursor": forms.cursor_of(page.next_id)})


async def patch_subscription(
    native: Here, actor: Anyone, request: Request, subscription: Writable, body: forms.SubscriptionPatch
) -> Response:
    """Change a subscription's metadata, or what differs from the plan for this customer.

    What is absent stays; what is given replaces the whole. Overrides of features apply at once. Others are a change to
    the same plan as it stands now: what costs more applies now, else at the period's end.
    """
    given = body.model_fields_set
    async with native.system.db.tx() as tx:
        overrides = None
        if "overrides" in given:
            row = await views.subscription(tx, actor.tenant, subscription.id)
            overrides = body.overrides.inner(row.terms.currency)
        made = await updates.update(
            tx, actor.tenant, *subscription, rates=rates_in_force, by=actor.name, overrides=overrides,
            metadata=body.metadata if "metadata" in given else None,
        )  # fmt: skip
        shown = await shapes.changed(tx, made)
    _changed(native, request, subscription.account)
    return answered(shown)


async def change_subscription(
    native: Here, actor: Anyone, request: Request, key: Key, subscription: Writable, body: forms.ChangePlan
) -> Response:
    """Change to another plan.

    A higher one applies now: the unused part of the old price is credited, and the rest of the period charged at the
    new. A lower one, or the same at another interval, is scheduled for the period's end. Ranks tell which is higher,
    without them the price of a year.
    """

    async def act(tx: Tx) -> Outcome:
        plan, overrides = await _offer(tx, actor, body)
        return await actions.change(
            tx, actor.tenant, *subscription, plan=plan.id, rates=rates_in_force, by=actor.name,
            overrides=overrides,
        )  # fmt: skip

    return await _acted(native, actor, request, key, body, act, subscription)


async def revoke_change(native: Here, actor: Anyone, request: Request, subscription: Writable) -> Response:
    """Take back a change that is scheduled for the period's end."""
    return await _revoked(native, actor, request, subscription, actions.revoke_change)


async def preview_change(
    native: Here, actor: Anyone, request: Request, subscription: Writable, body: forms.ChangePlan
) -> Response:
    """Preview a change of plan: when it would apply, and the invoice it would issue. Nothing is written."""
    async with native.system.db.tx() as tx:
        plan, overrides = await _offer(tx, actor, body)
        found = await views.preview_change(tx, actor.tenant, *subscription, plan=plan.id, overrides=overrides)
    count_for(request.scope, (subscription.account,))
    return answered(shapes.preview(found))


async def cancel_subscription(
    native: Here,
    actor: Anyone,
    request: Request,
    key: Key,
    subscription: Steerable,
    body: forms.Cancel = forms.CANCEL,
) -> Response:
    """Cancel at the period's end, or now.

    Until the period's end it can be revoked. Now: what was used so far is invoiced, and what is left of the plan's
    credits expires. Owners and admins of the account may do so too.
    """

    async def act(tx: Tx) -> Outcome:
        return await actions.cancel(
            tx, actor.tenant, *subscription, at_period_end=body.at_period_end, rates=rates_in_force, by=actor.name,
            reason=body.reason or "",
        )  # fmt: skip

    return await _acted(native, actor, request, key, body, act, subscription)


async def revoke_cancel(native: Here, actor: Anyone, request: Request, subscription: Steerable) -> Response:
    """Take back a cancel that is scheduled for the period's end."""
    return await _revoked(native, actor, request, subscription, actions.revoke_cancel)


async def pause_subscription(
    native: Here,
    actor: Anyone,
    request: Request,
    key: Key,
    subscription: Writable,
    body: forms.Pause = forms.PAUSE,
) -> Response:
    """Pause: nothing renews and features are off; credits stay until they expire."""

    async def act(tx: Tx) -> Outcome:
        return await actions.pause(
            tx, actor.tenant, *subscription, rates=rates_in_force, by=actor.name, resume_at=body.resume_at
        )

    return await _acted(native, actor, request, key, body, act, subscription)


async def resume_subscription(
    native: Here,
    actor: Anyone,
    request: Request,
    key: Key,
    subscription: Steerable,
    body: forms.Resume = forms.RESUME,
) -> Response:
    """Resume: within the period it goes on; after it a new one begins now, with its invoice."""

    async def act(tx: Tx) -> Outcome:
        return await actions.resume(tx, actor.tenant, *subscription, rates=rates_in_force, by=actor.name)

    return await _acted(native, actor, request, key, body, act, subscription)


async def _offer(
    tx: Tx, actor: Actor, body: forms.NewSubscription | forms.ChangePlan
) -> tuple[Plan, dict[str, Any] | None]:
    """The plan that a body means, and the overrides in its currency."""
    plan = await plan_named(tx, actor.tenant, body.plan)
    return plan, None if body.overrides is None else body.overrides.inner(plan.terms.currency)


async def _acted(
    native: Native, actor: Actor, request: Request, key: str | None, body: BaseModel,
    act: Callable[[Tx], Awaitable[Outcome]], subscription: Named | None = None, *, status: int = 200,
) -> Response:  # fmt: skip
    async def shown(tx: Tx) -> tuple[int, Any]:
        return status, await shapes.changed(tx, await act(tx))

    made = await write_once(native, actor, request, key, body, shown)
    if subscription is not None:
        _changed(native, request, subscription.account)
    return made


async def _revoked(
    native: Native,
    actor: Actor,
    request: Request,
    subscription: Named,
    revoke: Callable[..., Awaitable[Outcome]],
) -> Response:
    async with native.system.db.tx() as tx:
        made = await revoke(tx, actor.tenant, *subscription, rates=rates_in_force, by=actor.name)
        shown = await shapes.changed(tx, made)
    _changed(native, request, subscription.account)
    return answered(shown)


def _changed(native: Native, request: Request, account: int) -> None:
    """The request counts for the account, and what was known of its plan is so no more."""
    count_for(request.scope, (account,))
    native.system.buckets.forget(account)
