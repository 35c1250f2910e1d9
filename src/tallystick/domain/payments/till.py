"""What taking money needs of a process: the database, the gateways, and what opens their secrets."""

from collections.abc import Mapping
from dataclasses import dataclass

from tallystick.db.pool import Database
from tallystick.domain.identity.vault import Vault
from tallystick.domain.ledger.port import Rates

from .port import Gateway


@dataclass(frozen=True, slots=True, eq=False)
class Till:
    """``gateways`` by name. ``public_url`` is where this server is reached, without a slash at the end.

    ``defaults`` are secrets and options of the first app's live tenant, by gateway, where its settings say nothing.
    """

    db: Database
    vault: Vault
    gateways: Mapping[str, Gateway]
    rates: Rates
    public_url: str
    defaults: Mapping[str, Mapping[str, str]]
