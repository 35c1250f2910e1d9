"""Buckets through years of subscriptions that dice tell: changes of plan, rollovers, unpaid renewals, pauses, trials.

After everything that somebody does, what is remembered of their buckets is what is read anew, and it adds up.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.subscriptions.buckets import Buckets

from .shop import Shop
from .test_buckets import adds_up, desk
from .test_year import stopped
from .year.chance import drawn
from .year.server import Server
from .year.story import END, Act, Story

__all__ = ["stopped"]

pytestmark = pytest.mark.anyio

DAY = timedelta(days=1)


class Watched(Server):
    """``known`` remembers, ``fresh`` makes one that reads anew."""

    known: Buckets
    fresh: Callable[[], Buckets]
    looks = 0

    async def do(self, act: Act) -> None:
        await super().do(act)
        account = self.account(act.who)
        found = await self.known.of(self.tenant, account)
        assert found == await self.fresh().of(self.tenant, account)
        now = await self.now()
        for one in found:
            adds_up(one)
            assert one.held >= 0
            assert one.consumed >= 0
            assert one.period_start <= now
            assert one.period_end is None or now < one.period_end
            self.looks += 1


async def watch(db: Database, story: Story, step: timedelta, *, rude: bool) -> None:
    async with db.tx() as tx:
        app = await identity.create_app(tx, "A year")
    server = Watched(db, app.test, step, rude=rude)
    async with desk(Shop(db, app.test)) as (lanes, balances):
        server.fresh = partial(Buckets, db, lanes, balances)
        server.known = server.fresh()
        await server.furnish(story)
        await server.tell(story, END)
    assert not server.failed
    assert server.looks


@pytest.mark.parametrize(("seed", "step", "rude"), [(77, 1000 * DAY, False), (78, 9 * DAY, True)])
async def test_a_year(stopped: Database, seed: int, step: timedelta, rude: bool) -> None:
    await watch(stopped, drawn(seed, 2), step, rude=rude)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 110))
@pytest.mark.parametrize(("step", "rude"), [(1000 * DAY, False), (9 * DAY, True)])
async def test_more_years(stopped: Database, seed: int, step: timedelta, rude: bool) -> None:
    await watch(stopped, drawn(seed, 6), step, rude=rude)
