"""Who a customer is at a gateway."""

from dataclasses import replace

from tallystick.db.pool import run, value
from tallystick.domain.identity import views as identity

from . import settings
from .port import Customer, Site
from .till import Till
from .views import q


async def customer(till: Till, tenant: int, account: int, gateway: str) -> tuple[Site, Customer]:
    """The tenant's account at the gateway and who the customer is there, made when there is none.

    Raises GatewayDown, GatewayRefused, and what `known_customer` raises.
    """
    site, who = await known_customer(till, tenant, account, gateway)
    if who.ref is not None:
        return site, who
    ref = await till.gateways[gateway].customer(site, who)
    async with till.db.tx() as tx:
        values = {"account": account, "gateway": gateway, "tenant": tenant, "ref": ref}
        await run(tx, q.put_customer, values)
    return site, replace(who, ref=ref)


async def known_customer(till: Till, tenant: int, account: int, gateway: str) -> tuple[Site, Customer]:
    """As `customer`, without asking the gateway: ``ref`` is None for who never paid with it.

    Raises NotFound, Conflict("gateway_disabled"), Conflict("gateway_not_set_up").
    """
    async with till.db.connection() as conn:
        site = await settings.site(conn, till, tenant, gateway)
        who = await identity.account(conn, tenant, account)
        ref: str | None = await value(conn, q.customer_ref, {"account": account, "gateway": gateway})
        address = who.email or next(iter(await identity.recipients(conn, tenant, account)), "")
    return site, Customer(account, who.uuid, who.name, address, ref)
