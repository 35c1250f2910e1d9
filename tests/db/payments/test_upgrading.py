"""An upgrade that is charged at once: the higher plan and its money come together, or neither does."""

import asyncio
from itertools import product
from typing import Any
from uuid import UUID

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.identity.request_keys import Inner
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.payments.checkouts import ForPlan
from tallystick.domain.payments.upgrading import Upgraded, upgrade
from tallystick.kernel.errors import Conflict, GatewayUnavailable, KeyReused
from tests.cast import crowd
from tests.db.subscriptions.shop import BEGIN, DAY, flat
from tests.doubles.gateway import Killed, Trouble

from .dealing import FIRST, UP, Deal, block
from .front import Front

pytestmark = pytest.mark.anyio

KEY: Inner = ("\nupgrade-1", b"1" * 16)


@pytest.fixture
async def deal(front: Front) -> Deal:
    return await Deal(front).begin()


async def test_paid_and_there(deal: Deal) -> None:
    await deal.front.save(deal.account)
    made = await deal.up()
    assert (made.declined, made.subscription.plan_name) == (None, "large")
    assert deal.invoices() == [FIRST, UP]
    assert made.invoice is not None
    assert (made.invoice.status, made.invoice.total) == ("paid", 3000)
    [paid] = await deal.front.payments(deal.account)
    assert (paid.status, paid.cause, paid.applied, paid.invoice) == (
        "succeeded", "request", 3000, made.invoice.id,
    )  # fmt: skip
    assert deal.front.bench.taken == 3000
    assert await deal.shop.balance(deal.account) == 500
    assert await deal.front.work() == 0
    told = deal.front.events(deal.account)
    assert {"payment.succeeded", "invoice.paid", "subscription.updated"} <= set(told)
    assert not {"checkout.completed", "checkout.expired"} & set(told)


@pytest.mark.parametrize(("card", "status"), [("decline", "failed"), ("action", "cancelled")])
async def test_declined_or_a_further_step(deal: Deal, card: Any, status: str) -> None:
    await deal.front.save(deal.account, card)
    made = await deal.up()
    assert made.declined
    assert await deal.untouched()
    [paid] = await deal.front.payments(deal.account)
    assert paid.status == status
    assert deal.front.bench.taken == 0
    assert await deal.front.work() == 0
    assert "payment_action_required" not in deal.front.mails()
    told = deal.front.events(deal.account)
    assert not {"checkout.completed", "checkout.expired"} & set(told)


async def test_a_card_that_is_approved_too_late(deal: Deal) -> None:
    """The step was given up; the bank took the money nevertheless."""
    await deal.front.save(deal.account, "action")
    await deal.up()
    [paid] = await deal.front.payments(deal.account)
    await deal.front.take(*deal.front.bench.finish(paid.id))
    assert await deal.untouched()
    while await deal.front.work():
        pass
    assert deal.front.bench.taken == 0
    [page] = deal.shop.rows("select status, invoice_id from checkout")
    assert page == {"status": "expired", "invoice_id": None}


@pytest.mark.parametrize("duplicates", ["refund", "credit"])
async def test_money_that_is_only_processing_changes_nothing(deal: Deal, duplicates: Any) -> None:
    await deal.front.policy(duplicates=duplicates)
    await deal.front.save(deal.account, "later")
    made = await deal.up()
    assert made.declined
    assert await deal.untouched()
    [paid] = await deal.front.payments(deal.account)
    assert paid.status == "processing"
    await deal.front.take(*deal.front.bench.finish(paid.id))
    assert await deal.plan() == "small"
    for _ in range(5):
        await deal.front.work()
    credit = await deal.front.credit(deal.account)
    assert deal.front.bench.taken == credit == (3000 if duplicates == "credit" else 0)


async def test_nothing_saved(deal: Deal) -> None:
    with pytest.raises(Conflict) as none:
        await deal.up()
    assert none.value.code == "no_payment_method"
    assert await deal.untouched()
    assert await deal.front.payments(deal.account) == []


async def test_a_gateway_that_is_down_changes_nothing_and_the_key_may_try_again(deal: Deal) -> None:
    await deal.front.save(deal.account)
    deal.front.bench.trouble(None, "down")
    with pytest.raises(GatewayUnavailable):
        await deal.up(key=KEY)
    assert await deal.untouched()
    made = await deal.up(key=KEY)
    assert made.subscription.plan_name == "large"
    again = await deal.up(key=KEY)
    assert again == made
    for _ in range(10):
        await deal.front.work()
    assert deal.front.bench.taken == 3000
    assert sorted(one.status for one in await deal.front.payments(deal.account)) == ["cancelled", "succeeded"]
    assert deal.invoices() == [FIRST, UP]
    assert KEY is not None
    with pytest.raises(KeyReused):
        await deal.up(key=(KEY[0], b"2" * 16))


async def test_an_answer_that_is_lost_gives_the_money_back(deal: Deal) -> None:
    await deal.front.save(deal.account)
    deal.front.bench.trouble(None, "lost")
    with pytest.raises(GatewayUnavailable):
        await deal.up()
    assert await deal.untouched()
    assert deal.front.bench.taken == 3000
    for _ in range(10):
        await deal.front.work()
    assert await deal.plan() == "small"
    assert deal.front.bench.taken == await deal.front.credit(deal.account)


POINTS: list[Trouble] = ["killed", "died"]


@pytest.mark.parametrize(("call", "point"), list(product([0, 1], POINTS)))
async def test_killed_and_asked_again_it_is_charged_once(deal: Deal, call: int, point: Trouble) -> None:
    await deal.front.save(deal.account)
    deal.front.bench.trouble(*[None] * call, point)
    with pytest.raises(Killed):
        await deal.up(key=KEY)
    assert await deal.plan() == "small"
    async with deal.shop.tx() as tx:  # the dead request's lease is over
        await tx.execute(b"update payment set retry_at = null")
    made = await deal.up(key=KEY)
    assert (made.declined, made.subscription.plan_name) == (None, "large")
    assert (deal.front.bench.taken, len(deal.front.bench.charges)) == (3000, 1)
    assert deal.invoices() == [FIRST, UP]


@pytest.mark.parametrize(("call", "point"), list(product([0, 1], POINTS)))
async def test_killed_and_not_asked_again_the_worker_ends_it(deal: Deal, call: int, point: Trouble) -> None:
    await deal.front.save(deal.account)
    deal.front.bench.trouble(*[None] * call, point)
    with pytest.raises(Killed):
        await deal.up()
    # as of when it was priced, though a day has passed
    await deal.shop.set_time(BEGIN + DAY)
    for _ in range(10):
        await deal.front.work()
    assert await deal.plan() == "large"
    assert deal.front.bench.taken == 3000
    assert deal.invoices() == [FIRST, UP]
    [row] = deal.shop.rows("select issued_at from invoice where reason = 'change'")
    assert row["issued_at"] == BEGIN


@pytest.mark.parametrize("key", [None, KEY])
async def test_ten_at_once_charge_once(deal: Deal, key: Inner) -> None:
    await deal.front.save(deal.account)
    await crowd(deal.shop.db)
    made = await asyncio.gather(*(deal.up(key=key) for _ in range(10)), return_exceptions=True)
    good = [one for one in made if isinstance(one, Upgraded)]
    facts = [one.code for one in made if isinstance(one, Conflict)]
    assert (len(good), facts) == ((10, []) if key else (1, ["same_plan"] * 9))
    assert (deal.front.bench.taken, deal.front.bench.count("charge")) == (3000, 1)
    assert deal.invoices() == [FIRST, UP]


async def test_ten_at_once_that_are_declined(deal: Deal) -> None:
    await deal.front.save(deal.account, "decline")
    await crowd(deal.shop.db)
    made = await asyncio.gather(*(deal.up() for _ in range(10)))
    assert all(one.declined for one in made)
    assert await deal.untouched()


async def test_customer_credit_pays_first(deal: Deal) -> None:
    """Enough of it, and no card is needed."""
    async with deal.shop.tx() as tx:
        await invoicing.add_credit(tx, deal.shop.tenant, deal.account, "USD", 5000, reason="Gift", by="test")
    made = await deal.up()
    assert made.invoice is not None
    assert (made.invoice.status, made.invoice.credit_applied) == ("paid", 3000)
    assert await deal.front.credit(deal.account) == 2000
    assert await deal.plan() == "large"


async def test_a_blocked_customer_is_sold_nothing(deal: Deal) -> None:
    await deal.front.save(deal.account)
    await block(deal)
    with pytest.raises(Conflict) as refused:
        await deal.up()
    assert refused.value.code == "account_blocked"
    with pytest.raises(Conflict) as page:
        await deal.front.open(deal.account, ForPlan(deal.shop.plans["large"]))
    assert page.value.code == "account_blocked"
    assert await deal.untouched()
    assert deal.front.bench.taken == 0


async def test_blocked_before_a_page_is_paid(deal: Deal) -> None:
    page = await deal.front.open(deal.account, ForPlan(deal.shop.plans["large"]))
    await block(deal)
    await deal.front.pay(page)
    assert await deal.plan() == "small"
    for _ in range(5):
        await deal.front.work()
    [paid] = await deal.front.payments(deal.account)
    assert (paid.amount, paid.applied) == (3000, 0)
    assert paid.to_credit + paid.refunded == 3000


async def test_no_upgrade(deal: Deal) -> None:
    await deal.front.save(deal.account)
    await deal.up()
    for plan in ("small", "large"):
        with pytest.raises(Conflict) as no:
            await deal.up(plan)
        assert no.value.code in ("not_an_upgrade", "same_plan")
    with pytest.raises(Conflict) as archived:
        await upgrade(
            deal.front.till, deal.shop.tenant, deal.account, deal.row.id, await _archived(deal), by="test"
        )
    assert archived.value.code == "plan_archived"
    assert deal.front.bench.count("charge") == 1


async def _archived(deal: Deal) -> UUID:
    id = await deal.shop.plan("old", flat(9000), rank=9)
    async with deal.shop.tx() as tx:
        await catalog.update_plan(tx, deal.shop.tenant, id, status="archived", by="test")
    return id
