"""Checkouts: pages where a customer pays, and the portal where they see what they paid."""

from typing import Annotated

from fastapi import Query, Request, Response

from tallystick.dialects.native.auth import Anyone, Here, OwnAccount
from tallystick.dialects.native.names import account_id
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import Key, answered
from tallystick.dialects.native.plans.naming import package_named, plan_named
from tallystick.domain.identity import views as identity
from tallystick.domain.payments import history, portal, views
from tallystick.domain.payments.checkouts import (
    ForAmount,
    ForInvoice,
    ForMethod,
    ForPackage,
    ForPlan,
    Wanted,
    expire_checkout,
    open_checkout,
)
from tallystick.domain.payments.model import Checkout
from tallystick.http.hot import count_for
from tallystick.http.urls import check_url
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Forbidden, Invalid
from tallystick.kernel.ids import owner_of, typeid

from . import access, forms, shapes, site_shapes
from .steps import Inner, write_in_steps

_KINDS = ("plan", "package", "credits", "invoice", "method")


async def create_checkout(
    native: Here, actor: Anyone, request: Request, key: Key, body: forms.NewCheckout
) -> Response:
    """Open a page where a customer pays.

    For a plan (begun, or changed to, when the money came), a package or a free amount of credits, an open invoice, or
    to save a way to pay. Where nothing is to pay it is done at once. Owners and admins of the account may do so too,
    at the prices that all have.
    """
    account = await native.caller(actor.tenant).account(body.account)
    access.may_steer(actor, account)
    count_for(request.scope, (account,))
    wanted = await _wanted(native, actor, body)
    settings = native.system.settings
    success = check_url("success_url", body.success_url, actor.mode, settings.public_url)
    cancel = check_url("cancel_url", body.cancel_url, actor.mode, settings.public_url)

    async def act(inner: Inner) -> Checkout:
        return await open_checkout(
            native.system.till, actor.tenant, account, wanted, gateway=body.gateway, save_method=body.save_method,
            success_url=success, cancel_url=cancel, metadata=body.metadata, by=actor.name, key=inner,
        )  # fmt: skip

    return await write_in_steps(native, actor, request, key, body, act, shapes.checkout, status=201)


async def _wanted(native: Native, actor: Actor, body: forms.NewCheckout) -> Wanted:
    """What is to be had. Raises Invalid, NotFound, Forbidden."""
    given = [name for name in _KINDS if getattr(body, name) is not None]
    if len(given) != 1:
        raise Invalid(given[1] if given else "plan", f"must be given alone: one of {', '.join(_KINDS)}")
    if body.plan is None:
        for name in ("version", "overrides", "billing"):
            if getattr(body, name) is not None:
                raise Invalid(name, "must be given with a plan")
    elif not actor.whole_tenant and (body.version is not None or body.overrides is not None):
        raise Forbidden("Members of an account take plans as they are.")
    async with native.system.db.connection() as conn:
        if body.invoice is not None:
            return ForInvoice(access.id_of("inv", body.invoice, "invoice"))
        if body.package is not None:
            return ForPackage((await package_named(conn, actor.tenant, body.package)).id)
        if body.credits is not None:
            code = body.credits.credit_type
            if code is None:
                code = (await identity.tenant(conn, actor.tenant)).default_credit_type
            return ForAmount(code, body.credits.amount)
        if body.plan is None:
            return ForMethod()
        plan = await plan_named(conn, actor.tenant, body.plan)
    overrides = {} if body.overrides is None else body.overrides.inner(plan.terms.currency)
    return ForPlan(
        plan.id, body.version, overrides, body.billing or "anniversary", body.trial, body.metadata or {}
    )


async def list_checkouts(
    native: Here, actor: Anyone, query: Annotated[forms.CheckoutsQuery, Query()]
) -> Response:
    """List checkouts, the newest first."""
    account = await access.listed_of(native, actor, query.account)
    invoice = None if query.invoice is None else access.id_of("inv", query.invoice, "invoice")
    async with native.system.db.connection() as conn:
        page = await views.checkouts(
            conn, actor.tenant, account=account, invoice=invoice, kind=query.kind, status=query.status,
            limit=query.limit, before=query.before("co"),
        )  # fmt: skip
    cursor = None if page.next_id is None else typeid("co", page.next_id)
    return answered({"data": [_seen(actor, row) for row in page.rows], "next_cursor": cursor})


async def read_checkout(native: Here, actor: Anyone, checkout: access.OwnCheckout) -> Response:
    """Read a checkout."""
    async with native.system.db.connection() as conn:
        return answered(_seen(actor, await views.checkout(conn, actor.tenant, checkout)))


def _seen(actor: Actor, row: Checkout) -> shapes.Checkout:
    """As the actor may see it: the page's address is a credential, for those alone who may open one."""
    shown = shapes.checkout(row)
    if not access.steers(actor, row.account):
        shown.url = None
    return shown


async def expire_open_checkout(
    native: Here,
    actor: Anyone,
    request: Request,
    key: Key,
    checkout: access.OwnCheckout,
    body: forms.Expire = forms.EXPIRE,
) -> Response:
    """Take a checkout's page away.

    What was paid on it by then counts. An invoice that was issued for it is void. One that is over stays as it is.
    """
    access.may_steer(actor, owner_of(checkout), "checkout")

    async def act(inner: Inner) -> Checkout:
        return await expire_checkout(
            native.system.till, actor.tenant, owner_of(checkout), checkout, by=actor.name
        )

    return await write_in_steps(native, actor, request, key, body, act, shapes.checkout)


async def create_portal_session(
    native: Here, actor: Anyone, request: Request, body: forms.NewPortalSession
) -> Response:
    """Open a page where a customer sees payments and keeps ways to pay.

    Its address is a credential by itself, so it is made anew each time, and is not kept under a key.
    """
    account = await native.caller(actor.tenant).account(body.account)
    access.may_steer(actor, account)
    count_for(request.scope, (account,))
    back = check_url("return_url", body.return_url, actor.mode, native.system.settings.public_url)
    url = await portal.portal_url(native.system.till, actor.tenant, account, back, gateway=body.gateway)
    return answered(site_shapes.PortalSession(await _shown(native, actor, account), url), 201)


async def read_payment_history(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[forms.HistoryQuery, Query()]
) -> Response:
    """Read what the payment provider itself knows of a customer's payments, the newest first."""
    name, rows, more = await history.past_payments(
        native.system.till, actor.tenant, account, limit=query.limit, gateway=query.gateway
    )
    return answered(site_shapes.past_payments(await _shown(native, actor, account), name, rows, more))


async def _shown(native: Native, actor: Actor, account: int) -> str:
    async with native.system.db.connection() as conn:
        return account_id((await identity.account(conn, actor.tenant, account)).uuid)
