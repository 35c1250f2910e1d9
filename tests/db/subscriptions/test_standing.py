"""What an account is subscribed to, remembered about a second."""

from datetime import timedelta

import pytest

from tallystick.domain.catalog.terms import Allowance
from tallystick.domain.subscriptions import actions
from tallystick.domain.subscriptions.standing import KEEP, Period, Standings
from tallystick.kernel.errors import NotFound

from .shop import BEGIN, CREDIT, DAY, Shop

pytestmark = pytest.mark.anyio


class Seconds:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


async def test_it_is_read_again_after_a_second(shop: Shop) -> None:
    account = await shop.customer()
    row = await shop.subscribe(
        account, await shop.plan("Pro", allowances=(Allowance(credit_type="credits", amount=CREDIT),))
    )
    seconds = Seconds()
    standings = Standings(shop.db, monotonic=seconds)
    assert standings.cached(shop.tenant, account) is None
    first = await standings.now(shop.tenant, account)
    assert first.current("credits") == Period(row.period_start, row.period_end)
    assert [status for status, _ in first.subscribed.values()] == ["active"]
    await shop.act(actions.pause, row)
    assert standings.cached(shop.tenant, account) is first
    seconds.at += KEEP
    assert standings.cached(shop.tenant, account) is None
    second = await standings.now(shop.tenant, account)
    assert [status for status, _ in second.subscribed.values()] == ["paused"]
    assert standings.cached(shop.tenant, account) is second
    standings.forget(account)
    assert standings.cached(shop.tenant, account) is None
    assert standings.cached(shop.tenant + 1000, account) is None


async def test_what_is_due_is_done_first(shop: Shop) -> None:
    account = await shop.customer()
    weekly = Allowance(credit_type="credits", amount=CREDIT, reset="weekly")
    await shop.subscribe(account, await shop.plan("Pro", allowances=(weekly,)))
    standings = Standings(shop.db, monotonic=Seconds())
    await standings.now(shop.tenant, account)
    await shop.set_time(BEGIN + 15 * DAY + timedelta(hours=1))
    now = await standings.now(shop.tenant, account)
    assert not now.due
    assert now.current("credits") == Period(BEGIN + 14 * DAY, BEGIN + 21 * DAY)
    # the clock of this tenant may be moved again at any moment
    assert standings.cached(shop.tenant, account) is None


async def test_of_several_allowances_the_one_that_is_reset_first(shop: Shop) -> None:
    account = await shop.customer()
    await shop.subscribe(
        account, await shop.plan("Pro", allowances=(Allowance(credit_type="credits", amount=CREDIT),))
    )
    never = Allowance(credit_type="credits", amount=CREDIT, reset="never")
    await shop.subscribe(account, await shop.plan("Extra", allowances=(never,), interval="one_time"))
    standings = Standings(shop.db)
    found = await standings.now(shop.tenant, account)
    assert len(found.subscribed) == 2
    [monthly] = {found.billing}
    assert found.current("credits") == monthly
    assert found.current("credits").end is not None


async def test_another_tenants(shop: Shop) -> None:
    account = await shop.customer()
    standings = Standings(shop.db)
    with pytest.raises(NotFound):
        await standings.now(shop.tenant + 1000, account)
    with pytest.raises(NotFound):
        await standings.now(shop.tenant, 2**40)
    assert (await standings.now(shop.tenant, account)).subscribed == {}
