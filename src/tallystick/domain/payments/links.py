"""Links that are a credential by themselves, and that only this server can make. Pure.

One to the customer's portal is good for a while. One to an invoice stays good, and is good for that invoice alone.
"""

import base64
import binascii
from typing import NamedTuple
from uuid import UUID

from tallystick.domain.identity.vault import Vault
from tallystick.kernel.ids import typeid


class Portal(NamedTuple):
    """``until`` in seconds since 1970, by the machine's clock. ``return_url`` is '' where there is no way back."""

    until: int
    return_url: str


def portal_token(vault: Vault, account: str, until: int, return_url: str) -> str:
    """The token in a link to an account's portal (``acct_...``): what it says, and that we said so."""
    back = base64.urlsafe_b64encode(return_url.encode()).rstrip(b"=").decode()
    return f"{until}.{back}.{vault.token('portal', _about(account, until, return_url))}"


def read_portal_token(vault: Vault, account: str, token: str) -> Portal | None:
    """What a token says, None where we did not make it for this account. Whether it is too old, the caller looks."""
    parts = token.split(".")
    if len(parts) != 3 or not (parts[0].isascii() and parts[0].isdigit() and len(parts[0]) < 16):
        return None
    try:
        back = base64.b64decode(parts[1] + "=" * (-len(parts[1]) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        return None
    said = Portal(int(parts[0]), back)
    return said if vault.is_token(parts[2], "portal", _about(account, said.until, said.return_url)) else None


def invoice_url(vault: Vault, public_url: str, invoice: UUID) -> str:
    """The address of the page of an invoice; ``/pdf`` behind it is its document."""
    named = typeid("inv", invoice)
    return f"{public_url}/pay/invoice/{named}/{vault.token('invoice', named)}"


def is_invoice_token(vault: Vault, named: str, token: str) -> bool:
    """Whether we made the token for the invoice of this TypeID."""
    return vault.is_token(token, "invoice", named)


def _about(account: str, until: int, return_url: str) -> str:
    return f"{account}:{until}:{return_url}"
