"""Credits by the month: what a plan gives, and exactly what was used when the balance was read."""

import pytest

from tallystick.domain.catalog.terms import Allowance
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import jobs as ledger_jobs
from tallystick.domain.ledger import views as ledger
from tallystick.domain.ledger.model import Answer
from tallystick.domain.ledger.views import Balances
from tallystick.domain.subscriptions import actions
from tallystick.domain.subscriptions.monthly import KEEP, Monthly, MonthlyCredits, a_month

from .shop import CREDIT, Shop, at, flat, monthly

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(60)]


class Watch:
    """A monotonic clock that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


async def balances(shop: Shop, account: int) -> Balances:
    return await ledger.balances(shop.db, shop.tenant, account)


async def beside(shop: Shop, memory: MonthlyCredits, account: int) -> Monthly:
    return await memory.beside(await balances(shop, account), "credits")


async def grant(shop: Shop, account: int, credits: int = 1000) -> None:
    await shop.order(command.Grant(account=account, credit_type="credits", amount=credits * CREDIT))


@pytest.mark.parametrize(
    ("allowances", "credits"),
    [
        ([], 0),
        ([monthly(100)], 100),
        ([monthly(100, reset="never")], 0),
        ([monthly(12, reset="daily")], 365),
        ([monthly(3, reset="weekly")], 13),
        ([monthly(1, reset="daily")], 30),
        ([Allowance(credit_type="api_calls", amount=CREDIT)], 0),
        ([Allowance(credit_type="credits", amount=CREDIT * 3 // 2)], 1),
    ],
)
def test_what_a_plan_gives_a_month(allowances: list[Allowance], credits: int) -> None:
    assert a_month(allowances, "credits") == credits


async def test_the_plan_counts_while_it_is_there(shop: Shop) -> None:
    watch = Watch()
    memory, account = MonthlyCredits(shop.db, monotonic=watch), await shop.customer()
    assert await beside(shop, memory, account) == (0, 0)
    plan = await shop.plan("Pro", flat(2900), allowances=[monthly(100)])
    row = await shop.subscribe(account, plan, pay=False)
    watch.seconds += KEEP
    assert (await beside(shop, memory, account)).planned == 0  # not paid yet: nothing is given
    await shop.pay_all(row)
    assert (await beside(shop, memory, account)).planned == 0  # remembered for a second
    watch.seconds += KEEP
    assert await beside(shop, memory, account) == (100, 0)
    await shop.act(actions.cancel, row, at_period_end=False)
    watch.seconds += KEEP
    assert (await beside(shop, memory, account)).planned == 0


async def test_a_month_begins_where_the_customer_lives(shop: Shop) -> None:
    memory = MonthlyCredits(shop.db)
    kampala, utc = await shop.customer(time_zone="Africa/Kampala"), await shop.customer()
    await shop.set_time(at("2027-02-28 20:59:59"))  # 23:59:59 in Kampala
    for account in (kampala, utc):
        await grant(shop, account)
        await shop.spend(account, 7)
        assert (await beside(shop, memory, account)).used == 7
    await shop.set_time(at("2027-02-28 21:00"))
    assert (await beside(shop, memory, kampala)).used == 0
    assert (await beside(shop, memory, utc)).used == 7
    await shop.spend(kampala, 2)
    await shop.spend(utc, 2)
    assert (await beside(shop, memory, kampala)).used == 2
    assert (await beside(shop, memory, utc)).used == 9
    fresh = MonthlyCredits(shop.db)
    assert (await beside(shop, fresh, kampala)).used == 2
    assert (await beside(shop, fresh, utc)).used == 9


async def test_what_is_known_is_led_on_and_answers_for_the_balance_that_was_read(shop: Shop) -> None:
    memory, account = MonthlyCredits(shop.db), await shop.customer()
    await grant(shop, account)
    seen = [await balances(shop, account)]
    for n in range(1, 6):
        await shop.spend(account, n)
        seen.append(await balances(shop, account))
    # in any order: a balance that was read before another is answered as of its own moment
    for at_entry in (2, 5, 3, 0, 4, 1, 5):
        found = seen[at_entry]
        used = (await memory.beside(found, "credits")).used
        assert used == sum(range(at_entry + 1))
        assert found.wallets[0].posted == (1000 - used) * CREDIT


async def test_what_was_given_back_was_not_used_and_other_types_are_not_counted(shop: Shop) -> None:
    memory, account = MonthlyCredits(shop.db), await shop.customer()
    await grant(shop, account)
    spent = await shop.spend(account, 10)
    assert isinstance(spent, Answer)
    assert spent.entry is not None
    assert (await beside(shop, memory, account)).used == 10
    await shop.order(command.Reverse(account=account, entry=spent.entry.seq, amount=4 * CREDIT))
    await shop.order(
        command.Adjust(account=account, credit_type="credits", direction="debit", amount=CREDIT, reason="x")
    )
    assert (await beside(shop, memory, account)).used == 6
    await shop.set_time(at("2027-02-03 00:00"))
    await shop.order(command.Reverse(account=account, entry=spent.entry.seq))
    assert (await beside(shop, memory, account)).used == -6  # of last month's usage


async def test_what_a_hold_captures_by_itself_counts_before_the_sweep_writes_it(shop: Shop) -> None:
    memory, account = MonthlyCredits(shop.db), await shop.customer()
    await grant(shop, account)
    await shop.spend(account, 5)
    asked = command.Hold(
        account=account,
        credit_type="credits",
        amount=20 * CREDIT,
        expires_in=600,
        on_expiry="capture_reported",
    )
    await shop.order(asked)
    await shop.order(command.Report(account=account, hold=1, amount=8 * CREDIT))
    assert (await beside(shop, memory, account)).used == 5
    await shop.set_time(at("2027-01-31 10:30"))
    unswept = await balances(shop, account)
    assert len(unswept.unwritten) == 1
    assert unswept.wallets[0].posted == 987 * CREDIT
    assert (await memory.beside(unswept, "credits")).used == 13
    assert (await MonthlyCredits(shop.db).beside(unswept, "credits")).used == 13
    await ledger_jobs.sweep(shop.db, rates_in_force)
    swept = await balances(shop, account)
    assert (swept.unwritten, swept.head.seq) == ([], unswept.head.seq)
    assert (await memory.beside(swept, "credits")).used == 13
    await shop.set_time(at("2027-02-01 00:00"))
    assert (await beside(shop, memory, account)).used == 0


async def test_what_ended_last_month_and_is_swept_in_this_one_is_last_months(shop: Shop) -> None:
    memory, account = MonthlyCredits(shop.db), await shop.customer()
    await grant(shop, account)
    asked = command.Hold(
        account=account,
        credit_type="credits",
        amount=20 * CREDIT,
        expires_in=600,
        on_expiry="capture_reported",
    )
    await shop.order(asked)
    await shop.order(command.Report(account=account, hold=1, amount=8 * CREDIT))
    await shop.set_time(at("2027-02-01 00:00"))
    for _ in range(2):
        assert (await beside(shop, memory, account)).used == 0
        assert (await beside(shop, MonthlyCredits(shop.db), account)).used == 0
        await ledger_jobs.sweep(shop.db, rates_in_force)
    await shop.spend(account, 3)
    assert (await beside(shop, memory, account)).used == 3
