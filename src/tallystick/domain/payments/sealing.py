"""Secrets of gateways: what is kept of those that are said, sealed for one tenant and gateway, and hinted at. Pure."""

from collections.abc import Mapping
from typing import Final

import msgspec

from tallystick.domain.identity.vault import Vault
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Invalid

from .model import GatewaySetting
from .port import Gateway

MAX_SECRET: Final = 500
"""Characters."""
_HINT_FROM: Final = 12
"""Characters that a secret must have for its last four to be shown."""


def merged(
    gateway: Gateway, kept: Mapping[str, str], said: Mapping[str, str] | None, mode: Mode
) -> dict[str, str]:
    """Those kept with those said; of these an empty one is taken away. Raises Invalid."""
    found = dict(kept)
    for name, text in (said or {}).items():
        if name not in gateway.secret_names:
            raise Invalid(f"secrets.{name[:63]}", "is not a secret of this gateway")
        if len(text) > MAX_SECRET or not (text.isascii() and text.isprintable()) or " " in text:
            raise Invalid(f"secrets.{name}", f"must be at most {MAX_SECRET} characters without spaces")
        if text:
            gateway.check_secret(name, text, mode)
            found[name] = text
        else:
            found.pop(name, None)
    return found


def sealed(vault: Vault, tenant: int, gateway: str, secrets: Mapping[str, str]) -> bytes | None:
    """What is stored; None where there are none."""
    return vault.seal(msgspec.json.encode(secrets).decode(), _context(tenant, gateway)) if secrets else None


def opened(vault: Vault, row: GatewaySetting) -> dict[str, str]:
    """Those of a row that has some. Raises Conflict("sealed_elsewhere")."""
    assert row.secrets is not None
    return msgspec.json.decode(
        vault.open(row.secrets, _context(row.tenant, row.gateway)), type=dict[str, str]
    )


def hints(secrets: Mapping[str, str]) -> dict[str, str]:
    """What of each may be shown, by name."""
    return {name: one[-4:] if len(one) >= _HINT_FROM else "" for name, one in sorted(secrets.items())}


def _context(tenant: int, gateway: str) -> str:
    return f"gateway:{tenant}:{gateway}"
