"""What contracts show of credits by the month beside a balance: what the plan gives, and what was used."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

import msgspec

from tallystick.db.pool import Database, one_row
from tallystick.domain.catalog.terms import Allowance, Reset
from tallystick.domain.ledger import views as ledger
from tallystick.domain.ledger import whole
from tallystick.domain.ledger.views import Balances
from tallystick.kernel.calendar import aligned
from tallystick.kernel.credits import floor_credits
from tallystick.kernel.errors import NotFound

from .statements import q

T = TypeVar("T")

KEEP: Final = 1.0
"""Seconds for which an account's plan and time zone are not read again."""
_MOST: Final = 10_000

# how often an allowance is given in a month, as a fraction: the average of a year; what is given once is no month's
_A_MONTH: Final[dict[Reset, tuple[int, int]]] = {
    "daily": (365, 12),
    "weekly": (52, 12),
    "monthly": (1, 1),
    "never": (0, 1),
}


class Monthly(NamedTuple):
    """Whole credits of the default type: ``planned`` every month by the plan, ``used`` in this one."""

    planned: int
    used: int


class _Plan(NamedTuple):
    time_zone: str
    planned: int
    until: float


class _Used(NamedTuple):
    """What was used in the month [start, end) of a time zone, by the entries up to the number ``seq``.

    Entries never change, so it is final.
    """

    time_zone: str
    start: datetime
    end: datetime
    seq: int
    used: int


@dataclass(slots=True)
class _Row:
    time_zone: str
    allowances: tuple[Allowance, ...]

    def __post_init__(self) -> None:
        self.allowances = msgspec.convert(self.allowances or (), tuple[Allowance, ...])


def a_month(allowances: Iterable[Allowance], credit_type: str) -> int:
    """Whole credits that the allowances of a type give a month, rounded down.

    A weekly allowance counts 52 times and a daily one 365 times a year, and a month is the twelfth part of that. One
    that is given once only does not count. How often the plan is paid does not matter.
    """
    micro = 0
    for one in allowances:
        if one.credit_type == credit_type:
            times, part = _A_MONTH[one.reset]
            micro += one.amount * times // part
    return floor_credits(micro)


class MonthlyCredits:
    """Gives them for balances, mostly from memory: a balance is asked for far more often than either changes."""

    def __init__(self, db: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._db = db
        self._monotonic = monotonic
        self._plans: dict[tuple[int, str], _Plan] = {}
        self._used: dict[tuple[int, str], _Used] = {}

    async def beside(self, balances: Balances, credit_type: str) -> Monthly:
        """What belongs to these balances, which were just read.

        The plan is about a second old at most. What was used in the calendar month, in the account's time zone, is
        exactly what had been used when the balances were read: debits and captures less what was given back. Raises
        NotFound, Unavailable.
        """
        key = balances.head.account, credit_type
        plan = await self._plan(key, balances)
        known = self._used.get(key)
        seq = balances.head.seq - len(balances.unwritten)
        if known is None or known.time_zone != plan.time_zone or not known.start <= balances.at < known.end:
            known = await self._first(key, plan.time_zone, balances.at, seq)
        elif known.seq != seq:
            known = await self._further(key, known, seq)
        return Monthly(plan.planned, known.used + _unwritten(balances, credit_type, known.start))

    async def _plan(self, key: tuple[int, str], balances: Balances) -> _Plan:
        known, now = self._plans.get(key), self._monotonic()
        if known is not None:
            if now < known.until:
                return known
            # others who ask meanwhile need not read it too
            self._plans[key] = known._replace(until=now + KEEP)
        values = {"tenant": balances.head.tenant, "account": balances.head.account}
        async with self._db.connection() as conn:
            row = await one_row(conn, _Row, q.monthly_plan, values)
        if row is None:
            raise NotFound("account")
        return _keep(self._plans, key, _Plan(row.time_zone, a_month(row.allowances, key[1]), now + KEEP))

    async def _first(self, key: tuple[int, str], zone: str, at: datetime, seq: int) -> _Used:
        start = aligned("monthly", at, zone)
        end = aligned("monthly", start + timedelta(days=32), zone)
        async with self._db.connection() as conn:
            low, _ = await ledger.bounds(conn, key[0], start, None)
            used = await whole.used_between(conn, *key, low, seq + 1)
        return _keep(self._used, key, _Used(zone, start, end, seq, used))

    async def _further(self, key: tuple[int, str], known: _Used, seq: int) -> _Used:
        """The same up to another entry: only those between are read. One before what is known is not remembered."""
        low, high = sorted((known.seq, seq))
        async with self._db.connection() as conn:
            # an entry that was posted late may be of the month before
            used = await whole.used_between(conn, *key, low + 1, high + 1, since=known.start)
        if seq < known.seq:
            return known._replace(seq=seq, used=known.used - used)
        return _keep(self._used, key, known._replace(seq=seq, used=known.used + used))


def _unwritten(balances: Balances, credit_type: str, start: datetime) -> int:
    """What holds that were due took since ``start`` and nothing has swept yet."""
    return sum(
        whole.used(one)
        for one in balances.unwritten
        if one.credit_type == credit_type and one.effective_at >= start
    )


def _keep(memory: dict[tuple[int, str], T], key: tuple[int, str], what: T) -> T:
    if len(memory) >= _MOST:
        memory.clear()
    memory[key] = what
    return what
