"""Features: what an account may use, and using it."""

from typing import Annotated

from fastapi import Query, Request, Response

from tallystick.dialects.native import errors
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, Writer, may_read
from tallystick.dialects.native.names import parse_account
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import Key, answered
from tallystick.dialects.native.queries import Listed
from tallystick.domain.catalog import views as catalog
from tallystick.domain.subscriptions import entitlements
from tallystick.domain.subscriptions.features import Used
from tallystick.http.framework import response_of
from tallystick.http.hot import count_for
from tallystick.http.paging import page_body
from tallystick.kernel.actor import Actor
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits, LimitReached

from . import feature_shapes as shapes
from . import forms


async def list_entitlements(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[Listed, Query()]
) -> Response:
    """List what an account may use: its state of every feature."""
    rows = await entitlements.all_of(native.system.db, actor.tenant, account)
    return answered(page_body(query.slice_of(rows).map(shapes.entitlement)))


async def read_entitlement(
    native: Here,
    actor: Anyone,
    account: OwnAccount,
    feature: str,
    query: Annotated[forms.EntitlementQuery, Query()],
) -> Response:
    """Read whether an account may use a feature, how much is left, and why."""
    found = await entitlements.check(
        native.system.db, actor.tenant, account, feature, query.amount or MICRO, scope=query.scope or ""
    )
    return answered(shapes.entitlement(found))


async def check_feature(native: Here, actor: Anyone, request: Request, body: forms.CheckFeature) -> Response:
    """Ask whether an account may use an amount of a feature; by default one unit. Nothing is used."""
    account = await native.caller(actor.tenant).account(body.account)
    may_read(actor, account)
    count_for(request.scope, (account,))
    found = await entitlements.check(
        native.system.db, actor.tenant, account, body.feature, body.amount or MICRO, scope=body.scope or ""
    )
    return answered(shapes.entitlement(found))


async def consume_feature(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.ConsumeFeature
) -> Response:
    """Use an amount of a feature.

    Units of a HARD_LIMIT stay in use until they are released. A CREDIT_BASED feature is a debit of its credit type,
    with the feature's key as the operation; ``scope`` and ``metadata`` stand on its entry. Says 402 when there is too
    little left, and then nothing is used.
    """
    account = await native.caller(actor.tenant).account(body.account)
    count_for(request.scope, (account,))
    try:
        return _used(await _consume(native, actor, account, key, body), account)
    except (LimitReached, InsufficientCredits, Conflict) as fact:
        return response_of(errors.reply(fact, client_key=key is not None))


async def release_feature(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.ReleaseFeature
) -> Response:
    """Give back units of a HARD_LIMIT that are no longer used, at most as many as are."""
    account = await native.caller(actor.tenant).account(body.account)
    count_for(request.scope, (account,))
    async with native.system.db.tx() as tx:
        used = await entitlements.release(
            tx, actor.tenant, account, body.feature, body.amount,
            scope=body.scope or "", op_key=key, by=actor.name,
        )  # fmt: skip
    return _used(used, account)


async def _consume(
    native: Native, actor: Actor, account: int, key: str | None, body: forms.ConsumeFeature
) -> Used:
    db, scope = native.system.db, body.scope or ""
    async with db.connection() as conn:
        feature = await catalog.feature(conn, actor.tenant, body.feature)
    if feature.type == "CREDIT_BASED":
        return await entitlements.spend(
            db, native.system.lanes, actor.tenant, account, feature, body.amount,
            scope=scope, op_key=key, metadata=body.metadata, by=actor.name,
            names=((account, parse_account(body.account) or body.account[4:]),),
        )  # fmt: skip
    async with db.tx() as tx:
        used = await entitlements.consume(
            tx,
            actor.tenant,
            account,
            body.feature,
            body.amount,
            scope=scope,
            op_key=key,
            metadata=body.metadata,
            by=actor.name,
        )
    if isinstance(used, Fact):
        raise used
    return used


def _used(used: Used, account: int) -> Response:
    return answered(shapes.feature_use(used, account), replayed=used.replayed)
