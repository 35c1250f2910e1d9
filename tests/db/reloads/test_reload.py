"""Credits are bought by the debit that takes the wallet below the threshold."""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.clocks import actions as clocks
from tallystick.domain.identity import actions as identity
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.ledger import commands as command
from tallystick.domain.reloads import actions, jobs
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tests.db.subscriptions.shop import BEGIN, CREDIT

from .bench import Place

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

MINUTE = timedelta(minutes=1)


async def test_the_debit_that_crosses_the_threshold_buys(place: Place) -> None:
    account = await place.customer()
    await place.auto(account, threshold=50, amount=100)
    await place.spend(account, 50)
    await place.work()
    assert place.reloads(account) == []
    await place.spend(account, 1)
    await place.work()
    assert place.reloads(account) == [("succeeded", 100, BEGIN)]
    assert await place.balance(account) == 149
    assert place.bought(account) == [100]
    assert place.invoices(account) == ["paid"]
    assert place.bench.taken == 100
    [told] = place.events(account, "credits.reloaded")
    assert told.pop("at") == BEGIN
    ids = {name: told.pop(name).partition("_")[0] for name in ("account", "invoice", "payment")}
    assert ids == {"account": "acct", "invoice": "inv", "payment": "pay"}
    assert told == {"credit_type": "credits", "credits": "100", "amount": "1.00", "currency": "USD"}
    standing = await place.standing(account)
    assert (standing.state, standing.spent) == ("ready", 100)
    assert standing.last is not None
    assert standing.last.status == "succeeded"


async def test_each_crossing_buys_again(place: Place) -> None:
    account = await place.customer()
    await place.auto(account, threshold=50, amount=100, cooldown=0)
    for n in range(3):
        await place.until(BEGIN + n * MINUTE)
        await place.spend(account, 100)
        await place.work()
    assert [wanted for _, _, wanted in place.reloads(account)] == [BEGIN + n * MINUTE for n in range(3)]
    assert await place.balance(account) == 100


async def test_a_hold_buys_too_and_a_package_is_bought_with_its_bonus(place: Place) -> None:
    account = await place.customer()
    async with place.db.tx() as tx:
        package = await catalog.create_package(
            tx, place.tenant, name="Big", credit_type="credits", credits=200 * CREDIT, bonus=20 * CREDIT, price=150,
            currency="USD", by="test",
        )  # fmt: skip
    await place.auto(account, amount=None, package=package.id)
    await place.shop.order(
        command.Hold(account=account, credit_type="credits", amount=60 * CREDIT, expires_in=60)
    )
    await place.work()
    assert place.reloads(account) == [("succeeded", 150, BEGIN)]
    assert await place.balance(account) == 320
    [told] = place.events(account, "credits.reloaded")
    assert (told["credits"], told["amount"]) == ("220", "1.50")


async def test_setting_it_on_a_low_wallet_buys_at_once(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account, threshold=50, amount=60)
    await place.work()
    assert place.bought(account) == [60]
    await place.auto(account, threshold=100, amount=60, cooldown=0)
    await place.work()
    assert place.bought(account) == [60, 60]


async def test_what_is_not_enough_is_followed_after_the_cool_down(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account, threshold=50, amount=30, cooldown=600)
    await place.work()
    assert await place.balance(account) == 30
    await place.until(BEGIN + timedelta(seconds=599))
    assert await place.balance(account) == 30
    await place.until(BEGIN + timedelta(seconds=700))
    assert await place.balance(account) == 60
    assert [wanted for _, _, wanted in place.reloads(account)] == [
        BEGIN,
        BEGIN + timedelta(seconds=600),
    ]
    await place.until(BEGIN + timedelta(days=1))
    assert place.bought(account) == [30, 30]


async def test_a_worker_that_was_away_buys_as_of_the_crossing(place: Place) -> None:
    account = await place.customer()
    await place.auto(account)
    await place.work()
    await place.shop.set_time(BEGIN + MINUTE)
    await place.spend(account, 60)
    await place.until(BEGIN + timedelta(days=3))
    assert place.reloads(account) == [("succeeded", 100, BEGIN + MINUTE)]
    assert [told["at"] for told in place.events(account, "credits.reloaded")] == [BEGIN + MINUTE]
    [grant] = place.shop.rows(
        "select created_at from credit_grant where account_id = %s and source = 'purchase'", account
    )
    assert grant["created_at"] == BEGIN + MINUTE


async def test_switched_off_or_deleted_it_buys_nothing(place: Place) -> None:
    off, gone = await place.customer(), await place.customer()
    await place.auto(off, enabled=False)
    await place.auto(gone)
    async with place.db.tx() as tx:
        await actions.remove_auto_reload(tx, place.tenant, gone, "credits", by="test")
    for account in (off, gone):
        await place.spend(account, 90)
    await place.work()
    assert place.reloads(off) == place.reloads(gone) == []
    assert place.shop.rows("select 1 from wallet where watches is not null") == []


async def test_deleted_in_flight_it_is_carried_through(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    await place.begin()
    async with place.db.tx() as tx:
        await actions.remove_auto_reload(tx, place.tenant, account, "credits", by="test")
    await place.work()
    assert place.bought(account) == [100]
    assert place.reloads(account) == [("succeeded", 100, BEGIN)]


async def test_customer_credit_pays_first(place: Place) -> None:
    account = await place.customer(credits=0)
    async with place.db.tx() as tx:
        await invoicing.add_credit(tx, place.tenant, account, "USD", 130, reason="goodwill", by="test")
    await place.auto(account, cooldown=0)
    await place.work()
    assert (place.bought(account), place.bench.taken) == ([100], 0)
    assert len(place.events(account, "credits.reloaded")) == 1
    await place.spend(account, 80)
    await place.work()
    assert (place.bought(account), place.bench.taken) == ([100, 100], 70)


async def test_a_blocked_account_waits(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    async with place.db.tx() as tx:
        await identity.patch_account(tx, place.tenant, account, {"status": "blocked"})
    await place.work()
    assert place.reloads(account) == []
    async with place.db.tx() as tx:
        await identity.patch_account(tx, place.tenant, account, {"status": "active"})
    await place.until(BEGIN + timedelta(days=1))
    assert place.bought(account) == [100]


async def test_what_cannot_be_set(place: Place) -> None:
    account, poor = await place.customer(), await place.customer(card=None)
    with pytest.raises(Conflict, match="no way to pay"):
        await place.auto(poor)
    await place.auto(poor, enabled=False)
    with pytest.raises(Invalid, match="must be given"):
        await place.auto(account, amount=None)
    with pytest.raises(Invalid):
        await place.auto(account, threshold=0)
    with pytest.raises(Invalid):
        await place.auto(account, cooldown=-1)
    with pytest.raises(Invalid, match="at least"):
        await place.auto(account, monthly_cap=99)
    methods = place.shop.rows("select id from payment_method where account_id = %s", account)
    with pytest.raises(NotFound):
        await place.auto(poor, method=methods[0]["id"])
    await place.auto(account, method=methods[0]["id"])


async def test_another_tenants_work_is_left(place: Place) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    assert await jobs.is_due(place.db, place.tenant)
    assert not await jobs.is_due(place.db, place.tenant + 1)
    assert await jobs.run_due(place.till, tenant=place.tenant + 1) == 0
    await place.begin()
    # in flight: nothing to do before the money moved
    assert not await jobs.is_due(place.db, place.tenant)
    assert await place.begin() == 0
    await place.charge()
    assert await jobs.is_due(place.db, place.tenant)
    await place.work()
    assert not await jobs.is_due(place.db, place.tenant)


async def test_a_clock_that_is_moved_has_them_done_on_the_way(place: Place) -> None:
    """What waits for its cool-down or for the next month's cap is bought as of then, within the one move."""
    account = await place.customer(credits=0)
    await place.auto(account, threshold=250, amount=100, cooldown=3600, monthly_cap=200)
    moved = await clocks.advance(place.till, place.tenant, to=datetime(2027, 2, 10, tzinfo=UTC), actor="test")
    assert not moved.unfinished
    assert place.reloads(account) == [
        ("succeeded", 100, BEGIN),
        ("succeeded", 100, BEGIN + timedelta(hours=1)),
        ("succeeded", 100, datetime(2027, 2, 1, tzinfo=UTC)),
    ]
    assert await place.balance(account) == 300
    assert (await place.standing(account)).spent == 100
