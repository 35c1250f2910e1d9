"""How the tenant takes money: its gateways' settings and its payment policy."""

from typing import Annotated

from fastapi import Query, Response

from tallystick.dialects.native.auth import Admin, Here, Reader
from tallystick.dialects.native.native import Native
from tallystick.dialects.native.once import answered
from tallystick.dialects.native.queries import Listed
from tallystick.domain.payments import settings
from tallystick.domain.payments.model import GatewaySetting
from tallystick.domain.payments.policy import Policy
from tallystick.http.paging import page_body
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import typeid

from . import forms, site_shapes


async def list_gateways(native: Here, actor: Admin, query: Annotated[Listed, Query()]) -> Response:
    """List the payment gateways and how they are used.

    Secrets are never shown.
    """
    async with native.system.db.connection() as conn:
        rows = await settings.gateways(conn, native.system.till, actor.tenant)
    return answered(page_body(query.slice_of(rows).map(lambda row: _shown(native, actor, row))))


async def read_gateway(native: Here, actor: Admin, gateway: str) -> Response:
    """Read how a payment gateway is used."""
    async with native.system.db.connection() as conn:
        row = await settings.gateway(conn, native.system.till, actor.tenant, gateway)
    return answered(_shown(native, actor, row))


async def put_gateway(native: Here, actor: Admin, gateway: str, body: forms.PutGateway) -> Response:
    """Say how a payment gateway is used.

    Secrets are sealed and never shown again. They stay where they are not named; an empty one is taken away.
    """
    till = native.system.till
    if gateway not in till.gateways:
        raise NotFound("gateway")
    async with native.system.db.tx() as tx:
        await settings.put_gateway(
            tx, till, actor.tenant, gateway, enabled=body.enabled, standard=body.standard, options=body.options,
            secrets=body.secrets, by=actor.name,
        )  # fmt: skip
        row = await settings.gateway(tx, till, actor.tenant, gateway)
    return answered(_shown(native, actor, row))


async def read_payment_policy(native: Here, actor: Reader) -> Response:
    """Read what is done with money that is too much, refunded or disputed, and when invoices are collected."""
    async with native.system.db.connection() as conn:
        return answered(site_shapes.payment_policy(await settings.policy(conn, actor.tenant)))


async def put_payment_policy(native: Here, actor: Admin, body: forms.PutPolicy) -> Response:
    """Replace the payment policy, for what happens from now on.

    What is absent becomes the default.
    """
    wanted = Policy(
        duplicates=body.duplicates,
        refunds=body.refunds,
        disputes=body.disputes,
        retry_days=tuple(body.retry_days),
        reminder_days=tuple(body.reminder_days),
    )
    async with native.system.db.tx() as tx:
        made = await settings.put_policy(tx, actor.tenant, wanted, by=actor.name)
    return answered(site_shapes.payment_policy(made))


def _shown(native: Native, actor: Actor, row: GatewaySetting) -> site_shapes.Gateway:
    till = native.system.till
    address = f"{till.public_url}/webhooks/{row.gateway}/{typeid('app', actor.app)}"
    return site_shapes.gateway(row, till.gateways[row.gateway], address)
