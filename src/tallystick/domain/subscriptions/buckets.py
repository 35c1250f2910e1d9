"""Where an account's credits of the present allowance period come from, and how many of them were used.

`of`, `one`   as of now
`after`       as of an entry that was just posted, mostly without a read: entries never change, so the sums up to one
              are remembered, and the account's next is added to them
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.ledger.commands import EndDue, order
from tallystick.domain.ledger.flows import Flow
from tallystick.domain.ledger.lanes import Lanes
from tallystick.domain.ledger.model import Entry
from tallystick.domain.ledger.reads import BalanceReader
from tallystick.domain.ledger.views import Balances
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.credits import floor_credits, share

from .standing import Period, Standing, Standings, allowance_at, month_of
from .tallies import Tallies

_TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Bucket:
    """Whole credits of one type in a period: what of each source was unspent when it began and came since, less what
    expired or was taken back, and what was used of them all.

    ``available == allocated + purchased + bonus - consumed - held``, always: each is a sum of rows, and a row the
    difference of two balances rounded down. Where credits are whole each is exact; with fractions of credits a part may
    differ from its exact sum by what the rounding of its rows left over, and ``held`` is what stands between the
    balance posted and the one available. Credits owed count as consumed, and an overdraft is no credit.
    """

    credit_type: str
    allocated: int
    purchased: int
    bonus: int
    consumed: int
    held: int
    available: int
    period_start: datetime
    period_end: datetime | None
    """Exclusive; None: the allowance is never reset."""

    @property
    def granted(self) -> int:
        """All that there was to use in the period."""
        return self.allocated + self.purchased + self.bonus

    @property
    def usage_percentage(self) -> float:
        return percentage(self.consumed, self.allocated)


def percentage(part: int, whole: int) -> float:
    """``part`` of ``whole`` in percent with two decimals, half to even; 0 of nothing."""
    return share(10_000, part, whole) / 100 if whole > 0 else 0.0


def bucket_of(credit_type: str, flow: Flow, posted: int, held: int, period: Period) -> Bucket:
    """Of what flowed until a balance of ``posted`` and ``held`` microcredits."""
    allocated, purchased, bonus, consumed = flow.allocated, flow.purchased, flow.bonus, flow.consumed
    if allocated < 0 or purchased < 0 or bonus < 0:
        # what was given back of an overdraft since repaid can be taken back of no source that it came by: it was used
        consumed -= min(allocated, 0) + min(purchased, 0) + min(bonus, 0)
        allocated, purchased, bonus = max(allocated, 0), max(purchased, 0), max(bonus, 0)
    available = floor_credits(posted - held)
    return Bucket(
        credit_type, allocated, purchased, bonus, consumed, floor_credits(posted) - available, available,
        period.start, period.end,
    )  # fmt: skip


class Buckets:
    """Reads them, mostly from memory; one for a process."""

    def __init__(
        self,
        db: Database,
        lanes: Lanes,
        balances: BalanceReader,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._lanes = lanes
        self._balances = balances
        self.standings = Standings(db, monotonic=monotonic)
        self._tallies = Tallies(db)

    async def of(self, tenant: int, account: int) -> list[Bucket]:
        """Every type that the account holds or its subscription gives, by code.

        What has fallen due, of subscriptions, grants and holds, is done first. Raises NotFound, Unavailable.
        """
        standing, balances = await self._present(tenant, account)
        codes = {wallet.credit_type for wallet in balances.wallets} | standing.allowances.keys()
        return await self._of(standing, balances, sorted(codes))

    async def one(self, tenant: int, account: int, credit_type: str) -> Bucket:
        """One type's, of nothing where the account holds none. Raises as `of` does."""
        _, [found] = await self.some(tenant, account, [credit_type])
        return found

    async def some(self, tenant: int, account: int, codes: Sequence[str]) -> tuple[UUID, list[Bucket]]:
        """The account's id, and the buckets of some types in order. Raises as `of` does."""
        standing, balances = await self._present(tenant, account)
        return balances.head.uuid, await self._of(standing, balances, codes)

    async def after(self, tenant: int, account: int, entry: Entry) -> Bucket:
        """The bucket of the entry's type right after it: of all that are posted at once each sees its own.

        The same again for the same entry, also in another period, unless its period was changed since. Raises NotFound,
        Unavailable; the entry stands nevertheless.
        """
        code, at = entry.credit_type, entry.effective_at
        standing = self.standings.cached(tenant, account)
        if standing is not None and standing.before_step(at):
            period = standing.current(code)
            flow = self._tallies.next(account, entry, period.start) if period.has(at) else None
            if flow is not None:
                return bucket_of(code, flow, entry.posted_after, entry.held_after, period)
        # something else was posted since, such as a new plan's allowance
        standing = await self.standings.now(tenant, account)
        period, keep = standing.current(code), True
        if not period.has(at):  # the entry is of a period that is over
            period, keep = await self._past(account, code, at, standing), False
        flow = (await self._tallies.until(account, {code: period.start}, entry.seq, keep=keep))[code]
        return bucket_of(code, flow, entry.posted_after, entry.held_after, period)

    def forget(self, account: int) -> None:
        """The account's subscription was changed: do not answer by what was known of it."""
        self.standings.forget(account)

    async def settled(self, tenant: int, account: int) -> Balances:
        """The account's wallets, after what was due of them was ended. Raises NotFound, Unavailable."""
        found = await self._balances.balances(tenant, account)
        if found.unwritten:
            await self._lanes.submit(order(EndDue(account=account), tenant=tenant, actor=SYSTEM))
            found = await self._balances.balances(tenant, account)
        return found

    async def _present(self, tenant: int, account: int) -> tuple[Standing, Balances]:
        for _ in range(_TRIES):
            standing = await self.standings.now(tenant, account)
            balances = await self.settled(tenant, account)
            if standing.due or standing.before_step(balances.at):
                break  # no step fell due in between
        return standing, balances

    async def _of(self, standing: Standing, balances: Balances, codes: Sequence[str]) -> list[Bucket]:
        periods = {code: standing.period(code, balances.at) for code in codes}
        starts = {code: period.start for code, period in periods.items()}
        seq = balances.head.seq - len(balances.unwritten)
        found = await self._tallies.until(balances.head.account, starts, seq)
        buckets = []
        for code in codes:
            wallet = balances.wallet(code)
            posted, held = (0, 0) if wallet is None else (wallet.posted, wallet.held)
            buckets.append(bucket_of(code, found[code], posted, held, periods[code]))
        return buckets

    async def _past(self, account: int, code: str, at: datetime, standing: Standing) -> Period:
        async with self._db.connection() as conn:
            found = await allowance_at(conn, account, code, at)
        return found or month_of(at, standing.time_zone)
