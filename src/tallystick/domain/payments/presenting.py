"""Buying a package with a card of which only the last four digits are said, at a gateway where that pays: no money
moves there. It is a page that is opened and paid in one request."""

from typing import Final
from uuid import UUID

from tallystick.domain.identity.request_keys import Inner
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, GatewayUnavailable

from . import settings, settling, views
from .checkouts import ForPackage, expire_checkout, open_checkout
from .model import Checkout
from .port import GatewayDown, GatewayRefused, TakesDigits
from .till import Till

DIGITS: Final = "card_last_four"
"""Where a checkout's metadata keep the digits."""


def takes_digits(till: Till, gateway: str) -> bool:
    return isinstance(till.gateways.get(gateway), TakesDigits)


async def buy_by_digits(
    till: Till, tenant: int, account: int, package: UUID, *, gateway: str, last4: str, by: str, key: Inner = None
) -> Checkout:  # fmt: skip
    """Buy a package at a gateway that takes digits; what the checkout is then: completed, expired by a decline, or open
    where the customer must take a further step on its page.

    Opens its own transactions, and none while it waits for the gateway. The same ``key`` buys once, and goes on where a
    crash stopped it; without one, nothing is left of a page that the gateway did not answer for. Raises what
    `open_checkout` raises.
    """
    row = await open_checkout(
        till, tenant, account, ForPackage(package), gateway=gateway, save_method=False, metadata={DIGITS: last4},
        by=by, key=key,
    )  # fmt: skip
    if row.status != "open":
        return row
    taker = till.gateways[row.gateway]
    assert isinstance(taker, TakesDigits), row.gateway
    async with till.db.connection() as conn:
        site = await settings.site(conn, till, tenant, row.gateway, even_disabled=True)
    try:
        seen = await taker.present(site, row.id, last4)
    except GatewayDown:
        if key is None:  # nobody can ask for it again
            await expire_checkout(till, tenant, account, row.id, by=SYSTEM)
        raise GatewayUnavailable("The payment gateway does not answer.", 5) from None
    except GatewayRefused as error:
        await expire_checkout(till, tenant, account, row.id, by=SYSTEM)
        raise Conflict("gateway_refused", f"The payment gateway refuses: {error}") from None
    async with till.db.tx() as tx:
        await settling.take(tx, till, tenant, row.gateway, seen, by=by)
        return await views.checkout(tx, tenant, row.id)


def digits_of(row: Checkout) -> str:
    """The digits of the card that was to pay on a page, '' where none were said."""
    said = row.metadata.get(DIGITS, "")
    return said if isinstance(said, str) and len(said) == 4 else ""
