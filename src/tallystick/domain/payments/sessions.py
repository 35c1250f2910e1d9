"""What a checkout is called in the addresses that a customer goes back to. Pure."""

from typing import Final
from urllib.parse import quote
from uuid import UUID

from tallystick.kernel.ids import typeid

SESSION: Final = "{CHECKOUT_SESSION_ID}"
"""What a shop writes into its address where it wants the id of the checkout, or of the gateway's own session."""


def filled(address: str, id: str) -> str:
    """The address with the id in its place, however the braces were written."""
    return address.replace(SESSION, id).replace(quote(SESSION), id)


def session_id(checkout: UUID, ref: str | None, prefix: str) -> str:
    """The gateway's id of its session, where those begin like that; else one made of the checkout's."""
    return ref if ref is not None and ref.startswith(prefix + "_") else typeid(prefix, checkout)
