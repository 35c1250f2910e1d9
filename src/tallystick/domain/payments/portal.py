"""The page where a customer sees payments and keeps ways to pay: the gateway's own, or ours."""

import time
from typing import Final

from tallystick.kernel.errors import Conflict, GatewayUnavailable
from tallystick.kernel.ids import typeid

from . import customers, settings
from .links import portal_token
from .port import GatewayDown, GatewayRefused
from .till import Till

OPEN_FOR: Final = 24 * 3600
"""Seconds for which the address holds: it is a credential by itself."""


async def portal_url(
    till: Till, tenant: int, account: int, return_url: str, *, gateway: str | None = None
) -> str:
    """The address of the customer's page at a gateway, by default the tenant's standard one.

    Opens its own transactions. Raises NotFound, Conflict("gateway_disabled"), Conflict("gateway_not_set_up"),
    Conflict("gateway_refused"), GatewayUnavailable.
    """
    async with till.db.connection() as conn:
        name = gateway or await settings.standard_gateway(conn, till, tenant)
        await settings.site(conn, till, tenant, name)
    taker = till.gateways[name]
    if "portal" not in taker.features:
        raise Conflict("gateway_unsupported", f"The gateway {name} has no page for customers.")
    try:
        site, who = await customers.customer(till, tenant, account, name)
        until = int(time.time()) + OPEN_FOR
        token = portal_token(till.vault, typeid("acct", who.uuid), until, return_url)
        return await taker.portal(site, who, return_url, token)
    except GatewayDown:
        raise GatewayUnavailable("The payment gateway does not answer.", 5) from None
    except GatewayRefused as error:
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None
