"""Buying credits automatically, and alerts of low balances. Owners and admins of an account may set their own."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, may_patch
from tallystick.dialects.native.invoices.reading import minor
from tallystick.dialects.native.names import account_id
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.plans.naming import package_named
from tallystick.dialects.native.queries import Listed
from tallystick.domain.identity import views as identity
from tallystick.domain.reloads import actions, views
from tallystick.http.paging import page_body
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid

from . import forms, shapes


async def _set_by(actor: Anyone, account: OwnAccount) -> int:
    may_patch(actor, account)
    return account


Settable = Annotated[int, Depends(_set_by)]
"""The account that the path names, whose settings the actor may change."""


async def list_auto_reloads(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[Listed, Query()]
) -> Response:
    """List what is bought automatically for an account, by credit type."""
    async with native.system.db.connection() as conn:
        await identity.account(conn, actor.tenant, account)
        page = query.slice_of(await views.auto_reloads(conn, actor.tenant, account))
        shown = [await views.standing(conn, row) for row in page.rows]
    return answered(page_body(page) | {"data": [shapes.auto_reload(row) for row in shown]})


async def read_auto_reload(native: Here, actor: Anyone, account: OwnAccount, credit_type: str) -> Response:
    """Read what is bought automatically for a wallet, and how that stands."""
    async with native.system.db.connection() as conn:
        row = await views.auto_reload(conn, actor.tenant, account, credit_type)
        return answered(shapes.auto_reload(await views.standing(conn, row)))


async def put_auto_reload(
    native: Here, actor: Anyone, request: Request, key: Key, account: Settable, credit_type: str,
    body: forms.PutAutoReload,
) -> Response:  # fmt: skip
    """Have credits bought when a wallet falls below a threshold.

    One purchase is in flight at a time. A decline stops it, until it is set again; a month's cap makes it wait for the
    next month. A wallet that is below the threshold already buys at once.
    """

    async def act(tx: Tx) -> tuple[int, Any]:
        cap, package = None, await _package(tx, actor.tenant, body.package)
        if body.monthly_cap is not None:
            offer = await actions.offered(tx, actor.tenant, credit_type, body.amount, package)
            cap = minor("monthly_cap", body.monthly_cap, offer.currency)
        made = await actions.put_auto_reload(
            tx, actor.tenant, account, credit_type, threshold=body.threshold, amount=body.amount, package=package,
            method=_method(body.payment_method), cooldown=body.cooldown_seconds, monthly_cap=cap,
            enabled=body.enabled, by=actor.name,
        )  # fmt: skip
        return 200, shapes.auto_reload(await views.standing(tx, made))

    return await write_once(native, actor, request, key, body, act)


async def delete_auto_reload(native: Here, actor: Anyone, account: Settable, credit_type: str) -> Response:
    """Buy nothing more automatically for a wallet. What is in flight is carried through."""
    async with native.system.db.tx() as tx:
        row = await actions.remove_auto_reload(tx, actor.tenant, account, credit_type, by=actor.name)
    shown = account_id(row.account_uuid)
    return answered(shapes.DeletedAutoReload(shown, row.credit_type, True))


async def list_alerts(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[forms.AlertsQuery, Query()]
) -> Response:
    """List an account's alerts of low balances: by credit type, the highest threshold first."""
    async with native.system.db.connection() as conn:
        await identity.account(conn, actor.tenant, account)
        rows = await views.alerts(conn, actor.tenant, account, credit_type=query.credit_type)
    return answered(page_body(query.slice_of(rows).map(shapes.alert)))


async def create_alert(
    native: Here, actor: Anyone, request: Request, key: Key, account: Settable, body: forms.NewAlert
) -> Response:
    """Tell of each fall of a wallet below a threshold, by the event `credits.low_balance`, and by e-mail if asked.

    It tells again after the wallet was at the threshold or above. Of one that is below already it tells at once.
    """
    credit_type = body.credit_type or await native.system.credit_types.resolve(actor.tenant, None)

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.add_alert(
            tx, actor.tenant, account, credit_type, threshold=body.threshold, email=body.email, by=actor.name
        )
        return 201, shapes.alert(made)

    return await write_once(native, actor, request, key, body, act)


async def delete_alert(native: Here, actor: Anyone, account: Settable, alert: str) -> Response:
    """Delete an alert."""
    uuid = parse_typeid("alert", alert)
    if uuid is None or owner_of(uuid) != account:
        raise NotFound("alert")
    async with native.system.db.tx() as tx:
        await actions.remove_alert(tx, actor.tenant, uuid, by=actor.name)
    return answered(shapes.DeletedAlert(alert, True))


async def _package(tx: Tx, tenant: int, name: str | None) -> UUID | None:
    return None if name is None else (await package_named(tx, tenant, name)).id


def _method(text: str | None) -> UUID | None:
    uuid = None if text is None else parse_typeid("pm", text)
    if text is not None and uuid is None:
        raise NotFound("payment method")
    return uuid
