"""What operations cost by the unit: exact, and what is kept between two questions changes no answer."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from tallystick.domain.identity import views as identity
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.averages import Averages, Spent, averages
from tallystick.kernel.errors import NotFound

from .conftest import Timed
from .driver import CREDITS, Ledger

pytestmark = pytest.mark.anyio

CREDIT = 1_000_000
ONE = 1_000_000
DAY = timedelta(days=1)


async def spend(ledger: Ledger, account: int, operation: str, quantity: int) -> None:
    """So many units, at what the rate card says."""
    await ledger.do(
        command.Debit(account=account, credit_type=None, amount=0, operation=operation, quantity=quantity)
    )


async def asked(ledger: Ledger, account: int, since: timedelta, known: Averages | None = None) -> Averages:
    async with ledger.db.connection() as conn:
        now = await identity.now(conn, ledger.tenant)
        return await averages(
            conn, ledger.tenant, account, CREDITS, ["render", "sms"], since, now=now, known=known
        )


def test_for_how_many_units_credits_last() -> None:
    assert Spent().lasts(5 * CREDIT) is None
    # 95 credits on 30 units
    assert Spent(95 * CREDIT, 30 * ONE).lasts(905 * CREDIT) == 905 * 30 // 95
    # half a unit at 1 credit: 2 credits each
    assert Spent(CREDIT, ONE // 2).lasts(5 * CREDIT) == 2
    assert Spent(1, ONE).lasts(2**62) == 2**62
    assert Spent(3 * CREDIT, ONE).lasts(-CREDIT) == 0


async def test_only_usage_of_these_operations_that_says_its_units(ledger: Ledger) -> None:
    account = await ledger.account(1000 * CREDIT)
    await spend(ledger, account, "render", 4 * ONE)
    await ledger.debit(account, 7 * CREDIT, operation="render")
    await ledger.debit(account, 7 * CREDIT, operation="other")
    found = await asked(ledger, account, DAY)
    assert found.spent == {"render": Spent(12, 4 * ONE)}
    async with ledger.db.connection() as conn:
        now = await identity.now(conn, ledger.tenant)
        with pytest.raises(NotFound):
            await averages(conn, ledger.tenant + 1, account, CREDITS, ["render"], DAY, now=now)


async def test_what_is_kept_changes_no_answer(timed: Timed) -> None:
    """As time goes on entries come in and fall out: kept sums are those that are read anew."""
    ledger, random = timed.ledger, Random(7)
    moment = datetime(2027, 1, 1, tzinfo=UTC)
    await timed.clock.stand(moment)
    account = await ledger.account(1000 * CREDIT)
    kept: Averages | None = None
    for _ in range(25):
        moment += random.choice([0, 0, 1, 3]) * DAY
        await timed.clock.stand(moment)
        for _ in range(random.choice([0, 1, 3])):
            await spend(ledger, account, "render", random.randint(1, 9) * ONE)
        kept = await asked(ledger, account, 5 * DAY, kept)
        fresh = await asked(ledger, account, 5 * DAY)
        assert (kept.low, kept.high) == (fresh.low, fresh.high)
        none = Spent()
        assert {one: kept.spent.get(one, none) for one in ("render", "sms")} == {
            one: fresh.spent.get(one, none) for one in ("render", "sms")
        }
    # a question of an earlier moment is answered for itself
    assert await asked(ledger, account, 50 * DAY, kept) == await asked(ledger, account, 50 * DAY)
