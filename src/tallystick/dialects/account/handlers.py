"""What each endpoint does: ask the domains, one after the other, and render.

No connection is held while another is asked for: the pool is small and these are many.
"""

import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.model import Account
from tallystick.domain.ledger import views as ledger_views
from tallystick.domain.ledger.views import Span
from tallystick.domain.metering import views as metering
from tallystick.domain.reloads import views as reloads
from tallystick.domain.subscriptions import views as subscriptions

from . import bodies
from .auth import System

KEEP: Final = 1.0
"""Seconds for which an account's currency is not read again, like a credential: balances are always read."""
_MOST: Final = 10_000


class _Profile(NamedTuple):
    currency: str
    created_at: datetime
    reload: bodies.AutoReload
    until: float


class Desk:
    """What the handlers share: the system, and what a balance shows of accounts beside their wallets."""

    def __init__(self, system: System, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.system = system
        self._monotonic = monotonic
        self._profiles: dict[int, _Profile] = {}

    async def profile(self, caller: Asker) -> _Profile:
        """The account's currency and beginning, at most a second old. Raises NotFound."""
        known, now = self._profiles.get(caller.account), self._monotonic()
        if known is not None and now < known.until:
            return known
        account = await _account(self.system, caller)
        reload = await _reload(self.system, caller)
        if len(self._profiles) >= _MOST:
            self._profiles.clear()
        found = _Profile(account.currency, account.created_at, reload, now + KEEP)
        self._profiles[caller.account] = found
        return found


async def usage(desk: Desk, caller: Asker, query: Mapping[str, str]) -> bodies.UsageStats:
    """Account usage."""
    async with desk.system.db.connection() as conn:
        account = await identity.account(conn, caller.tenant, caller.account)
        now = await identity.now(conn, caller.tenant)
    return await _usage(desk.system, caller, bodies.usage_query(query, now, account.time_zone))


async def credits(desk: Desk, caller: Asker, query: Mapping[str, str]) -> bodies.CreditBalance:
    """Credit balance."""
    profile = await desk.profile(caller)
    return await _credits(desk.system, caller, profile.currency, profile.created_at, profile.reload)


async def ledger(desk: Desk, caller: Asker, query: Mapping[str, str]) -> bodies.CreditLedger:
    """Credit ledger, newest first."""
    system = desk.system
    asked = bodies.ledger_query(query, (await _account(system, caller)).time_zone)
    span = Span(asked.start, asked.end, await _credit_type(system, caller))
    found = await ledger_views.history(
        system.db,
        caller.tenant,
        caller.account,
        span,
        asked.kinds,
        limit=asked.limit,
        offset=asked.offset,
    )
    return bodies.ledger(caller.actor.user_number, asked, found)


async def summary(desk: Desk, caller: Asker, query: Mapping[str, str]) -> bodies.AccountSummary:
    """Account summary: balance, subscription and usage together."""
    system = desk.system
    async with system.db.connection() as conn:
        user = await identity.user(conn, caller.tenant, caller.user)
        account = await identity.account(conn, caller.tenant, caller.account)
        total = await metering.total(conn, caller.tenant, caller.account)
        held = await subscriptions.current(conn, caller.tenant, caller.account)
        now = await identity.now(conn, caller.tenant)
    month = bodies.usage_query({}, now, account.time_zone)
    balance = await _credits(
        system, caller, account.currency, account.created_at, await _reload(system, caller)
    )
    return bodies.summary(user, account, balance, held, await _usage(system, caller, month), total)


async def _account(system: System, caller: Asker) -> Account:
    async with system.db.connection() as conn:
        return await identity.account(conn, caller.tenant, caller.account)


async def _credit_type(system: System, caller: Asker) -> str:
    return await system.credit_types.resolve(caller.tenant, None)


async def _credits(
    system: System, caller: Asker, currency: str, created_at: datetime, reload: bodies.AutoReload
) -> bodies.CreditBalance:
    credit_type = await _credit_type(system, caller)
    found = await system.balances.balances(caller.tenant, caller.account)
    wallet = next((one for one in found.wallets if one.credit_type == credit_type), None)
    # one that buys is watched: what was known a second ago is told of no other
    watched = wallet is not None and wallet.watches is not None
    reload = await _reload(system, caller) if watched else reload._replace(enabled=False)
    return bodies.credit_balance(caller.actor.user_number, wallet, currency, created_at, reload)


async def _reload(system: System, caller: Asker) -> bodies.AutoReload:
    credit_type = await _credit_type(system, caller)
    async with system.db.connection() as conn:
        row = await reloads.find(conn, caller.tenant, caller.account, credit_type)
        if row is None:
            return bodies.NO_RELOAD
        return bodies.AutoReload(row.buys, row.threshold, await reloads.credits_of(conn, row))


async def _usage(system: System, caller: Asker, asked: bodies.UsageQuery) -> bodies.UsageStats:
    consumed = await ledger_views.usage_total(
        system.db,
        caller.tenant,
        caller.account,
        await _credit_type(system, caller),
        asked.start,
        asked.end,
    )
    async with system.db.connection() as conn:
        # requests are counted by the server's clock: an app whose own is ahead sees them as far ahead
        ahead = (await identity.tenant(conn, caller.tenant)).clock_ahead
        start, end = _before(asked.start, ahead), _before(asked.end, ahead)
        requests = await metering.usage(conn, caller.tenant, caller.account, start, end)
    return bodies.usage_stats(caller.actor.user_number, asked, requests, consumed)


def _before(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment - by
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
