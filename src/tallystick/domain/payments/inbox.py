"""Taking a payment provider's events: whose secret signed one, and what it tells."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.identity import views as identity
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Conflict, NotFound

from . import settings, settling
from .port import BadSignature, Gateway, Notice, Site
from .till import Till

SIGNED: Final = "webhook_secret"
"""What a gateway that sends events needs in a tenant's settings."""


def sender(till: Till, provider: str) -> Gateway:
    """The gateway whose events these are. Raises NotFound where none of that name sends any."""
    gateway = till.gateways.get(provider)
    if gateway is None or SIGNED not in gateway.secret_names:
        raise NotFound("provider")
    return gateway


async def sites_of_app(conn: Tx, till: Till, provider: str, app: UUID) -> list[Site]:
    """An app's accounts at the provider: of live mode, then of test mode; those too that are switched off, which may
    still tell of money that is on its way. Raises NotFound without such an app."""
    found = []
    for mode in (Mode.LIVE, Mode.TEST):
        tenant = await identity.tenant_of(conn, app, mode)
        with contextlib.suppress(Conflict):  # this mode does not use the provider
            found.append(await settings.site(conn, till, tenant.id, provider, even_disabled=True))
    return found


async def take_event(
    till: Till, clock: Clock, provider: str, sites: Sequence[Site], headers: Mapping[str, str], body: bytes
) -> bool:
    """Take an event for the site whose secret signed it, once for its id; False where none did.

    Sites with the same secret share an account at the provider: each takes what is its own. Opens a transaction for
    each, which has all that follows. ``headers`` are by lower-case name. Raises NotFound as `sender` does.
    """
    gateway = sender(till, provider)
    for site in sites:
        notice = _read(gateway, site, headers, body, clock)
        if notice is not None:
            for one in sites:
                if one.secrets.get(SIGNED) == site.secrets.get(SIGNED):
                    async with till.db.tx() as tx:
                        await settling.notice(
                            tx, till, one.tenant, provider, notice, by=f"gateway:{provider}"
                        )
            return True
    return False


def _read(
    gateway: Gateway, site: Site, headers: Mapping[str, str], body: bytes, clock: Clock
) -> Notice | None:
    try:
        return gateway.read(site, headers, body, clock.now())
    except BadSignature:
        return None
