"""Where Stripe sends its events when it was given this contract's address."""

from tallystick.dialects.appvector import errors
from tallystick.dialects.appvector.desk import Desk
from tallystick.domain.payments import inbox, settings
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply

_STRIPE = "stripe"
_SIGNATURE = "stripe-signature"


async def stripe(desk: Desk, ask: Ask) -> Reply:
    """Take an event of Stripe, for the tenant and mode whose secret signed it, once for its id."""
    till = desk.system.till
    if _SIGNATURE in ask.headers:
        async with till.db.connection() as conn:
            sites = await settings.every_site(conn, till, _STRIPE)
        if await inbox.take_event(till, desk.system.clock, _STRIPE, sites, ask.headers, ask.body):
            return errors.said(200, {"received": True})
    return errors.said(400, {"error": "Invalid signature"})
