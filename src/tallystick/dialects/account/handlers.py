"""What each endpoint does: ask the domains, one after the other, and render.

No connection is held while another is asked for: the pool is small and these are many.
"""

from datetime import UTC, datetime, timedelta

import msgspec

from tallystick.domain.identity import views as identity
from tallystick.domain.identity.asking import Asker
from tallystick.domain.identity.model import Account
from tallystick.domain.ledger import views as ledger_views
from tallystick.domain.ledger.views import Span
from tallystick.domain.metering import views as metering
from tallystick.domain.reloads import views as reloads
from tallystick.domain.subscriptions import views as subscriptions
from tallystick.http.contract import Ask
from tallystick.http.hot import Reply

from . import bodies
from .desk import Desk, Profile, System, asker


async def usage(desk: Desk, ask: Ask) -> Reply:
    """Account usage."""
    system = desk.system
    who = await asker(system, ask)
    async with system.db.connection() as conn:
        account = await identity.account(conn, who.tenant, who.account)
        now = await identity.now(conn, who.tenant)
    return _answer(await _usage(system, who, bodies.usage_query(ask.query, now, account.time_zone)))


async def credits(desk: Desk, ask: Ask) -> Reply:
    """Credit balance."""
    who = await asker(desk.system, ask)
    return _answer(await _credits(desk.system, who, await _profile(desk, who)))


async def ledger(desk: Desk, ask: Ask) -> Reply:
    """Credit ledger, newest first."""
    system = desk.system
    who = await asker(system, ask)
    asked = bodies.ledger_query(ask.query, (await _account(system, who)).time_zone)
    span = Span(asked.start, asked.end, await _credit_type(system, who))
    found = await ledger_views.history(
        system.db,
        who.tenant,
        who.account,
        span,
        asked.kinds,
        limit=asked.limit,
        offset=asked.offset,
    )
    return _answer(bodies.ledger(who.actor.user_number, asked, found))


async def summary(desk: Desk, ask: Ask) -> Reply:
    """Account summary: balance, subscription and usage together."""
    system = desk.system
    who = await asker(system, ask)
    async with system.db.connection() as conn:
        user = await identity.user(conn, who.tenant, who.user)
        account = await identity.account(conn, who.tenant, who.account)
        total = await metering.total(conn, who.tenant, who.account)
        held = await subscriptions.current(conn, who.tenant, who.account)
        now = await identity.now(conn, who.tenant)
    month = bodies.usage_query({}, now, account.time_zone)
    profile = Profile(account.currency, account.created_at, await _reload(system, who))
    balance = await _credits(system, who, profile)
    return _answer(bodies.summary(user, account, balance, held, await _usage(system, who, month), total))


def _answer(body: msgspec.Struct) -> Reply:
    return Reply(200, bodies.encode(body))


async def _profile(desk: Desk, who: Asker) -> Profile:
    """What a balance shows beside the wallet, at most a second old. Raises NotFound."""
    known = desk.known(who.account)
    if known is None:
        account = await _account(desk.system, who)
        known = Profile(account.currency, account.created_at, await _reload(desk.system, who))
        desk.keep(who.account, known)
    return known


async def _account(system: System, who: Asker) -> Account:
    async with system.db.connection() as conn:
        return await identity.account(conn, who.tenant, who.account)


async def _credit_type(system: System, who: Asker) -> str:
    return await system.credit_types.resolve(who.tenant, None)


async def _credits(system: System, who: Asker, profile: Profile) -> bodies.CreditBalance:
    credit_type = await _credit_type(system, who)
    found = await system.balances.balances(who.tenant, who.account)
    wallet = found.wallet(credit_type)
    # one that buys is watched: what was known a second ago is told of no other
    watched = wallet is not None and wallet.watches is not None
    reload = await _reload(system, who) if watched else profile.reload._replace(enabled=False)
    return bodies.credit_balance(who.actor.user_number, wallet, profile.currency, profile.created_at, reload)


async def _reload(system: System, who: Asker) -> bodies.AutoReload:
    credit_type = await _credit_type(system, who)
    async with system.db.connection() as conn:
        row = await reloads.find(conn, who.tenant, who.account, credit_type)
        if row is None:
            return bodies.NO_RELOAD
        return bodies.AutoReload(row.buys, row.threshold, await reloads.credits_of(conn, row))


async def _usage(system: System, who: Asker, asked: bodies.UsageQuery) -> bodies.UsageStats:
    consumed = await ledger_views.usage_total(
        system.db,
        who.tenant,
        who.account,
        await _credit_type(system, who),
        asked.start,
        asked.end,
    )
    async with system.db.connection() as conn:
        # requests are counted by the server's clock: an app whose own is ahead sees them as far ahead
        ahead = (await identity.tenant(conn, who.tenant)).clock_ahead
        start, end = _before(asked.start, ahead), _before(asked.end, ahead)
        requests = await metering.usage(conn, who.tenant, who.account, start, end)
    return bodies.usage_stats(who.actor.user_number, asked, requests, consumed)


def _before(moment: datetime, by: timedelta) -> datetime:
    try:
        return moment - by
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC)
