"""What an account is subscribed to, as far as its credits are concerned: which period runs, and what its plan bars.

Mostly from memory: it is asked for with every credit that is spent, and changes seldom.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple
from uuid import UUID

from tallystick.db import arrays
from tallystick.db.pool import Database, Tx, ask, one_row
from tallystick.db.sql import Queries
from tallystick.db.together import Together
from tallystick.domain.ledger import views as books
from tallystick.kernel.calendar import aligned
from tallystick.kernel.errors import Fact, NotFound

from .features import Reason, Value, barred_by
from .holdings import held

q: Final = Queries("tallystick.domain.subscriptions", "buckets.sql")

KEEP: Final = 10.0
"""Seconds for which an account's standing is not read again, unless a step of it is due or this process changed it."""
_MOST: Final = 50_000
_RUNNING: Final = ("trialing", "active", "past_due", "paused")


class Period(NamedTuple):
    """A half-open span; ``end`` None: it never ends."""

    start: datetime
    end: datetime | None

    def has(self, moment: datetime) -> bool:
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(slots=True)
class Standing:
    """An account's, ``at`` the moment when it was read. ``allowances`` are those that run, by credit type."""

    tenant: int
    time_zone: str
    at: datetime
    until: float = 0.0
    allowances: dict[str, Period] = field(default_factory=dict)
    billing: Period | None = None
    subscribed: dict[UUID, tuple[str, Mapping[str, Value]]] = field(default_factory=dict)
    """Of each subscription that is not over its status, and what its terms say of features."""
    step_at: datetime | None = None
    ahead: bool = False
    _current: dict[str, Period] = field(default_factory=dict)

    @property
    def due(self) -> bool:
        """A step of a subscription is due that the worker has not done."""
        return not self.before_step(self.at)

    def before_step(self, moment: datetime) -> bool:
        """Whether what was read still holds at a moment, as far as time alone changes it."""
        return self.step_at is None or moment < self.step_at

    def current(self, credit_type: str) -> Period:
        """The `period` of the moment when it was read."""
        found = self._current.get(credit_type)
        if found is None:
            found = self._current[credit_type] = self.period(credit_type, self.at)
        return found

    def period(self, credit_type: str, at: datetime) -> Period:
        """The allowance's period that has the moment, else the billing period, else the calendar's month."""
        for one in (self.allowances.get(credit_type), self.billing):
            if one is not None and one.has(at):
                return one
        return month_of(at, self.time_zone)

    def barred(self, feature: str) -> Reason | None:
        """Why credits may not be spent on a feature, whatever there are."""
        return barred_by(feature, self.subscribed.values()) if self.subscribed else None


def month_of(at: datetime, zone: str) -> Period:
    """The calendar's month in a time zone."""
    start = aligned("monthly", at, zone)
    return Period(start, aligned("monthly", start + timedelta(days=32), zone))


class Standings:
    """Remembers them for some seconds."""

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._kept: dict[int, Standing] = {}
        self._reading: Together[int, Standing] = Together(self._read)

    def cached(self, tenant: int, account: int) -> Standing | None:
        kept = self._kept.get(account)
        if kept is None or kept.tenant != tenant or self._monotonic() >= kept.until:
            return None
        return kept

    async def now(self, tenant: int, account: int) -> Standing:
        """As it stands, with what had fallen due of the subscriptions done first. Raises NotFound, Unavailable."""
        found = await self._reading.ask(account)
        if found.tenant != tenant:
            raise NotFound("account")
        if found.due:
            async with self._db.connection() as conn:
                await held(conn, await books.head(conn, tenant, account))
            found = await self._reading.ask(account)
        return found

    def forget(self, account: int) -> None:
        """Read it anew when it is asked for next: something was changed."""
        self._kept.pop(account, None)

    async def _read(self, accounts: Sequence[int]) -> list[Standing | Fact]:
        async with self._db.connection() as conn:
            found = await _standings(conn, sorted(set(accounts)))
        now = self._monotonic()
        if len(self._kept) + len(found) > _MOST:
            self._kept.clear()
        for account, one in found.items():
            one.until = now + _good_for(one)
            self._kept[account] = one
        return [found.get(account) or NotFound("account") for account in accounts]


def _good_for(standing: Standing) -> float:
    """Seconds. Where a tenant's clock was set ahead it may be set again at any moment."""
    if standing.ahead:
        return 0.0
    if standing.step_at is None:
        return KEEP
    return min(KEEP, (standing.step_at - standing.at).total_seconds())


async def _standings(conn: Tx, accounts: Sequence[int]) -> dict[int, Standing]:
    cursor = await ask(conn, q.standing, {"accounts": arrays.int8s(accounts)}, prepare=True)
    found: dict[int, Standing] = {}
    for account, tenant, time_zone, at, ahead, *subscription in await cursor.fetchall():
        one = found.get(account)
        if one is None:
            one = found[account] = Standing(tenant, time_zone, at, ahead=ahead)
        if subscription[0] is not None:
            _add(one, *subscription)
    return found


def _add(
    one: Standing, id: UUID, status: str, recurring: bool, start: datetime, end: datetime | None,
    features: Mapping[str, Value] | None, step_at: datetime | None, credit_type: str | None,
    allowance_start: datetime | None, allowance_end: datetime | None,
) -> None:  # fmt: skip
    """A row: a subscription, and one of its allowances if it has any."""
    one.subscribed[id] = status, features or {}
    if step_at is not None and (one.step_at is None or step_at < one.step_at):
        one.step_at = step_at
    if status in _RUNNING:
        if recurring:
            one.billing = Period(start, end)
        if credit_type is not None and allowance_start is not None:
            period, before = Period(allowance_start, allowance_end), one.allowances.get(credit_type)
            one.allowances[credit_type] = period if before is None else min(before, period, key=_first)


def _first(period: Period) -> tuple[bool, datetime]:
    """Of several allowances of one credit type, the one that is reset first."""
    return period.end is None, period.end or period.start


async def allowance_at(conn: Tx, account: int, credit_type: str, at: datetime) -> Period | None:
    """The period in which an allowance ran at a moment that may be past."""
    found = await one_row(
        conn, _Span, q.allowance_at, {"account": account, "credit_type": credit_type, "at": at}
    )
    return None if found is None else Period(found.start, found.end)


@dataclass(slots=True)
class _Span:
    start: datetime
    end: datetime | None
