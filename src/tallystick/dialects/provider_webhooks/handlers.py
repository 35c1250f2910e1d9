"""Taking a provider's event: whose secret signed it, and what it tells, in one commit."""

from collections.abc import Mapping
from typing import Protocol
from uuid import UUID

import msgspec

from tallystick.db.pool import Database
from tallystick.domain.identity import views as identity
from tallystick.domain.payments import inbox
from tallystick.domain.payments.till import Till
from tallystick.http.hot import Reply
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid

from . import errors


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
    inbox.sender(system.till, provider)
    named = await _app(system, app, headers.get("x-app"))
    async with system.db.connection() as conn:
        sites = await inbox.sites_of_app(conn, system.till, provider, named)
    if await inbox.take_event(system.till, system.clock, provider, sites, headers, body):
        return Reply(200, msgspec.json.encode(Received()))
    return errors.error(400, "No secret of this app signed this event, or it was signed too long ago.")


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
