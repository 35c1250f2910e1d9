"""What a customer paid before, as their provider tells it."""

from tallystick.kernel.errors import Conflict, Unavailable

from . import charging, settings
from .port import GatewayDown, GatewayRefused, Past
from .till import Till


async def past_payments(
    till: Till, tenant: int, account: int, *, limit: int, gateway: str | None = None
) -> tuple[str, list[Past], bool]:
    """The gateway asked (by default the tenant's standard one), its newest payments, and whether there are more.

    Opens its own transactions. Raises NotFound, Conflict("gateway_disabled"), Conflict("gateway_not_set_up"),
    Conflict("gateway_refused"), Unavailable.
    """
    async with till.db.connection() as conn:
        name = gateway or await settings.standard_gateway(conn, till, tenant)
        await settings.site(conn, till, tenant, name)
    taker = till.gateways[name]
    if "history" not in taker.features:
        raise Conflict("gateway_unsupported", f"The gateway {name} keeps no history.")
    try:
        site, who = await charging.customer(till, tenant, account, name)
        rows, more = await taker.history(site, who, limit)
    except GatewayDown:
        raise Unavailable("The payment gateway does not answer.", 5) from None
    except GatewayRefused as error:
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None
    return name, rows, more
