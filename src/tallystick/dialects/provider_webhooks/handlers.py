"""Taking a provider's event: whose secret signed it, and what it tells, in one commit."""

from collections.abc import Mapping
from typing import Final, Protocol
from uuid import UUID

import msgspec

from tallystick.db.pool import Database
from tallystick.domain.identity import views as identity
from tallystick.domain.payments import settings, settling
from tallystick.domain.payments.port import BadSignature, Gateway, Notice, Site
from tallystick.domain.payments.till import Till
from tallystick.http.hot import Reply
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import parse_typeid

from . import errors

SIGNED: Final = "webhook_secret"
"""What a gateway that sends webhooks needs in a tenant's settings."""


class System(Protocol):
    """What is used of the running system."""

    @property
    def db(self) -> Database: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def till(self) -> Till: ...


class Received(msgspec.Struct, frozen=True):
    received: bool = True


async def receive_event(
    system: System, provider: str, app: str | None, headers: Mapping[str, str], body: bytes
) -> Reply:
    """Take an event of a payment provider.

    It belongs to the app's mode whose secret signed it, and is answered once everything that follows from it is
    committed. The same event again changes nothing; events may come in any order, and days late.
    """
    gateway = system.till.gateways.get(provider)
    if gateway is None or SIGNED not in gateway.secret_names:
        raise NotFound("provider")
    sites = await _sites(system, provider, await _app(system, app, headers.get("x-app")))
    for site in sites:
        notice = _read(gateway, site, headers, body, system.clock)
        if notice is not None:
            async with system.db.tx() as tx:
                await settling.notice(
                    tx, system.till, site.tenant, provider, notice, by=f"gateway:{provider}"
                )
            return Reply(200, msgspec.json.encode(Received()))
    return errors.error(400, "No secret of this app signed this event, or it was signed too long ago.")


async def _sites(system: System, provider: str, app: UUID) -> list[Site]:
    """The app's accounts at the provider: of live mode, then of test mode. Raises NotFound without such an app."""
    found = []
    async with system.db.connection() as conn:
        for mode in (Mode.LIVE, Mode.TEST):
            tenant = await identity.tenant_of(conn, app, mode)
            try:
                # switched off meanwhile, it may still tell of money that is on its way
                found.append(await settings.site(conn, system.till, tenant.id, provider, even_disabled=True))
            except Conflict:  # this mode does not use the provider
                continue
    return found


def _read(
    gateway: Gateway, site: Site, headers: Mapping[str, str], body: bytes, clock: Clock
) -> Notice | None:
    try:
        return gateway.read(site, headers, body, clock.now())
    except BadSignature:
        return None


async def _app(system: System, named: str | None, header: str | None) -> UUID:
    """The app of the address, else of ``X-App`` (``app_...``, perhaps with a mode after a colon), else the first."""
    text = named or (header or "").partition(":")[0]
    if text:
        return _id(text)
    async with system.db.connection() as conn:
        first = await identity.first_app(conn)
    if first is None:
        raise NotFound("app")
    return first.app_id


def _id(text: str) -> UUID:
    found = parse_typeid("app", text)
    if found is not None:
        return found
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("app") from None
