"""Many at once, and deaths in between: one crossing is one charge and one grant (akash#3449, flexprice#2155)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, Literal

import pytest

from tallystick.db.pool import Database, Tx
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger.commands import order
from tallystick.domain.ledger.model import Answer
from tallystick.domain.payments import checkouts, purchases, settings, settling
from tallystick.domain.payments import jobs as payments_jobs
from tallystick.domain.reloads import jobs
from tests.cast import crowd
from tests.db.ledger.driver import another, running, send
from tests.db.subscriptions.shop import CREDIT, Shop
from tests.doubles.gateway import Killed

from .bench import Place, till_of

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(180)]


@pytest.fixture
async def busy(db_url: str) -> AsyncIterator[Place]:
    """A live tenant in real time."""
    db = Database(db_url, size=8)
    await db.open()
    try:
        async with db.tx() as tx:
            app = await identity.create_app(tx, "A shop")
        place = Place(Shop(db, app.live))
        async with db.tx() as tx:  # in live mode the sandbox works only where it was switched on
            await settings.put_gateway(
                tx,
                till_of(db, place.bench),
                app.live,
                "sandbox",
                enabled=True,
                options={},
                secrets=None,
                by="test",
            )
        yield place
    finally:
        await db.close()


async def worker(place: Place, stop: asyncio.Event) -> None:
    """What a worker process does of this, on connections of its own."""
    async with another(place.db.url) as db:
        till = till_of(db, place.bench)
        last = False
        while not last:
            last = stop.is_set()
            while await jobs.run_due(till) + await payments_jobs.run_due(till):
                pass
            await asyncio.sleep(0.01)


async def drained(place: Place) -> None:
    """Work until nothing is in flight any more."""
    for _ in range(300):
        await place.work()
        if not place.shop.rows("select 1 from reload where status = 'in_flight'"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("a reload never ended")


async def test_200_debits_at_once_buy_once(busy: Place) -> None:
    """By two lanes, with two workers beside them: 300 credits, 200 debits of one, threshold 150."""
    account = await busy.customer(credits=300)
    await busy.auto(account, threshold=150, amount=500)
    await busy.work()
    stop = asyncio.Event()

    async def spend() -> None:
        async with another(busy.db.url) as db, running(db) as one, running(busy.db) as other:
            asked = [
                order(
                    command.Debit(account=account, credit_type="credits", amount=CREDIT),
                    tenant=busy.tenant,
                    actor="test",
                )
                for _ in range(200)
            ]
            answers = await asyncio.gather(*(send((one, other)[n % 2], each) for n, each in enumerate(asked)))
            assert all(isinstance(answer, Answer) for answer in answers)
        stop.set()

    await asyncio.gather(spend(), worker(busy, stop), worker(busy, stop))
    await drained(busy)
    assert [status for status, _, _ in busy.reloads(account)] == ["succeeded"]
    assert busy.bench.taken == 500
    assert len(busy.bench.charges) == 1
    assert busy.bought(account) == [500]
    assert busy.invoices(account) == ["paid"]
    assert await busy.balance(account) == 600
    assert len(busy.events(account, "credits.reloaded")) == 1


async def test_many_accounts_and_four_workers_buy_once_each(busy: Place) -> None:
    await crowd(busy.db)
    accounts = [await busy.customer(credits=0) for _ in range(6)]
    for account in accounts:
        await busy.auto(account, threshold=50, amount=100)
    stop = asyncio.Event()
    stop.set()
    await asyncio.gather(*(worker(busy, stop) for _ in range(4)))
    await drained(busy)
    for account in accounts:
        assert busy.bought(account) == [100]
        assert [status for status, _, _ in busy.reloads(account)] == ["succeeded"]
    assert busy.bench.taken == 600


async def test_a_purchase_by_hand_meanwhile_is_another(place: Place) -> None:
    """Both were wanted, so both are paid; what the wallet then has needs no further reload."""
    account = await place.customer(credits=0)
    await place.auto(account, threshold=50, amount=60, cooldown=0)
    await place.begin()
    async with place.db.tx() as tx:
        offer = await purchases.offer_of_amount(tx, place.tenant, "credits", 200 * CREDIT)
        invoice, _ = await purchases.issue(
            tx, place.tenant, account, offer, cause="checkout", at=await place.shop.now(), by="test"
        )
    async with place.db.tx() as tx:
        await settling.pay_invoice(tx, place.tenant, account, invoice.id, rates=rates_in_force, by="test")
    await place.work()
    assert sorted(place.bought(account)) == [60, 200]
    assert len(place.reloads(account)) == 1


async def test_bought_by_hand_before_the_worker_comes_nothing_is_reloaded(place: Place) -> None:
    account = await place.customer()
    await place.auto(account)
    await place.work()
    await place.spend(account, 60)
    await place.give(account, 60)
    await place.work()
    assert place.reloads(account) == []


async def test_a_checkout_beside_it_is_its_own(place: Place) -> None:
    account = await place.customer(credits=0)
    wanted = checkouts.ForAmount("credits", 200 * CREDIT)
    page = await checkouts.open_checkout(place.till, place.tenant, account, wanted, by="test")
    await place.auto(account, threshold=50, amount=60)
    await place.begin()
    seen = place.bench.pay(page.id)
    async with place.db.tx() as tx:
        await settling.take(tx, place.till, place.tenant, place.bench.name, seen, by="test")
    await place.work()
    assert sorted(place.bought(account)) == [60, 200]
    assert place.bench.taken == 260


class Death(BaseException):
    """The worker process is gone."""


class Mortal(Database):
    """A database whose user dies at the commit numbered ``last``: ``before`` it, or just after."""

    last = 0
    before = True

    @contextlib.asynccontextmanager
    async def tx(self, **more: Any) -> AsyncIterator[Tx]:
        dies = False
        async with super().tx(**more) as tx:
            yield tx
            self.last -= 1
            dies = self.last == 0
            if dies and self.before:
                raise Death
        if dies:
            raise Death


async def once_through(place: Place, last: int, before: bool) -> bool:
    """The whole way of one reload by a worker that dies at a commit; whether it came so far."""
    db = Mortal(place.db.url)
    db.last, db.before = last, before
    await db.open()
    till = till_of(db, place.bench)
    try:
        while await jobs.run_due(till, tenant=place.tenant) + await payments_jobs.run_due(
            till, tenant=place.tenant
        ):
            pass
    except Death:
        return True
    finally:
        await db.close()
    return False


@pytest.mark.parametrize("before", [True, False])
async def test_a_worker_that_dies_at_any_commit_charges_once(place: Place, before: bool) -> None:
    """Every commit of the way is hit, just before and just after it; another worker goes on."""
    last = 0
    died = True
    while died:
        last += 1
        account = await place.customer(credits=100, email=f"n{last}@acme.example")
        await place.auto(account)
        await place.work()
        await place.spend(account, 60)
        taken = place.bench.taken
        died = await once_through(place, last, before)
        place.shop.rows("update payment set retry_at = null where retry_at is not null returning 1")
        await place.work()
        assert place.bench.taken - taken == 100, last
        assert place.bought(account) == [100], last
        assert [status for status, _, _ in place.reloads(account)] == ["succeeded"], last
        assert len(place.events(account, "credits.reloaded")) == 1, last
        assert len(place.mail(account, "payment_receipt")) == 1, last
    assert last > 4


@pytest.mark.parametrize("trouble", ["killed", "died"])
async def test_a_worker_that_dies_at_the_gateway_charges_once(
    place: Place, trouble: Literal["killed", "died"]
) -> None:
    account = await place.customer(credits=0)
    await place.auto(account)
    await place.begin()
    place.bench.trouble(None, trouble)
    with contextlib.suppress(Killed):
        await place.charge()
    place.shop.rows("update payment set retry_at = null where retry_at is not null returning 1")
    await place.work()
    assert (place.bench.taken, place.bought(account)) == (100, [100])
