"""Features: which there are, what a workspace may use of them, and using one."""

from collections.abc import Mapping
from typing import Any, Final

from tallystick.dialects.appvector import entitled, errors, shown
from tallystick.dialects.appvector.asking import asked
from tallystick.dialects.appvector.consuming import consume, scope_of
from tallystick.dialects.appvector.desk import Desk
from tallystick.dialects.appvector.naming import feature_named
from tallystick.domain.catalog import views as catalog
from tallystick.domain.catalog.named import Named
from tallystick.domain.identity.asking import Asker
from tallystick.domain.subscriptions import entitlements
from tallystick.domain.subscriptions.features import STOPPED
from tallystick.domain.subscriptions.overview import overview, states
from tallystick.http.contract import Ask
from tallystick.http.drf.fields import Char, Dict, Field, read
from tallystick.http.hot import Reply
from tallystick.http.idempotency import headers_of
from tallystick.kernel.actor import Role

_CHECK: Final[Mapping[str, Field]] = {
    "feature_key": Char(max_length=255),
    "metadata": Dict(required=False, null=True),
}


async def list_features(desk: Desk, ask: Ask) -> Reply:
    """List all available features in the system."""
    actor, named = await desk.actor(ask), ask.query.get("workspace_id")
    if actor.user is not None or named or ask.x_account:
        await desk.of(actor, ask, named)  # whose request it counts as; the features are the same for all
    async with desk.system.db.connection() as conn:
        found = await catalog.all_features(conn, actor.tenant)
        resets = await entitled.resets(conn, actor.tenant)
    rows = [entitled.feature_item(one, resets) for one in sorted(found, key=lambda one: one.number)]
    return errors.said(200, {"features": rows})


async def workspace_features(desk: Desk, ask: Ask) -> Reply:
    """Get all features for a specific workspace with usage information."""
    who = await desk.asker(ask, ask.query.get("workspace_id"))
    async with desk.system.db.connection() as conn:
        found = await overview(conn, who.tenant, who.account)
        row = found.subscription
        plan = None if row is None else await shown.plan_of(conn, row)
        rows = await states(conn, found)
    codes = sorted({one.credit_type for one, _ in rows if one.credit_type is not None})
    uuid, buckets = await desk.system.buckets.some(who.tenant, who.account, codes)
    by_code = {bucket.credit_type: bucket for bucket in buckets}
    features = [
        {"key": one.key, "name": one.name, "feature_type": one.type}
        | (
            entitled.of_state(state)
            if state is not None
            else entitled.of_bucket(by_code[one.credit_type or ""])
        )
        for one, state in rows
    ]
    return errors.said(200, {"workspace_id": str(uuid), "plan": plan, "features": features})


async def check_feature(desk: Desk, ask: Ask) -> Reply:
    """Check if a feature is available for a workspace: whether one of it is left."""
    who, said = await asked(desk, ask)
    who.must_be(Role.MEMBER)  # a key may check that only reads
    wanted = read(_CHECK, said)
    feature = await feature_named(desk, who, wanted["feature_key"])
    if feature.type == "CREDIT_BASED":
        available, details = await _of_credits(desk, who, feature)
    else:
        state = await entitlements.check(
            desk.system.db,
            who.tenant,
            who.account,
            feature.key,
            scope=scope_of(feature, wanted.get("metadata")),
        )
        available = state.allowed
        details = {"is_enabled": entitled.is_enabled(state)} | entitled.of_state(state)
    shown_as = {"feature_type": feature.type} | details
    return errors.said(200, {"feature_key": feature.key, "is_available": available, "details": shown_as})


async def consume_feature(desk: Desk, ask: Ask) -> Reply:
    """Consume feature usage (for CREDIT_BASED or HARD_LIMIT features)."""
    done = await consume(desk, ask)
    body = {
        "success": True,
        "feature_key": done.feature.key,
        "consumed": done.amount,
        "remaining": done.remaining,
    }
    return errors.said(200, body, headers_of(done.replayed))


async def _of_credits(desk: Desk, who: Asker, feature: Named) -> tuple[bool, dict[str, Any]]:
    """Whether a credit of it may be spent, and what there is."""
    assert feature.credit_type is not None, "a CREDIT_BASED feature names its credit type"
    async with desk.system.db.connection() as conn:
        found = await overview(conn, who.tenant, who.account)
    bucket = await desk.system.buckets.one(who.tenant, who.account, feature.credit_type)
    enabled = found.barred(feature.key) is None
    usable = enabled and bucket.available >= 1 and found.head.status not in STOPPED
    return usable, {"is_enabled": enabled} | entitled.of_bucket(bucket)
