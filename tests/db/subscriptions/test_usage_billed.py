"""Usage is billed in arrears; what comes late for a period that was billed is billed as the difference."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import UUID

import pytest

from tallystick.domain.catalog.terms import Component, Tier
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.intake import UsageIntake
from tallystick.domain.metering.model import NewEvent, Recorded
from tallystick.domain.subscriptions import actions, views
from tallystick.domain.subscriptions.model import Subscription

from .shop import BEGIN, DAY, Shop, at, calls, flat

pytestmark = pytest.mark.anyio

FEBRUARY = at("2027-02-28T10:00")
MARCH = at("2027-03-31T10:00")


class Meter:
    def __init__(self, shop: Shop, intake: UsageIntake) -> None:
        self.shop = shop
        self.intake = intake

    async def use(self, row: Subscription, quantity: int, moment: datetime) -> UUID:
        event = NewEvent(
            account=row.account,
            metric="calls",
            quantity=quantity * 10**6,
            at=moment,
            event_id=None,
            metadata={},
            subscription=None,
        )
        [said] = await self.intake.record(self.shop.tenant, "test", [event])
        assert isinstance(said, Recorded)
        return said.id

    async def correct(self, event: UUID, quantity: int) -> None:
        async with self.shop.db.tx() as tx:
            await metering.correct_event(
                tx,
                self.shop.tenant,
                event,
                quantity=quantity * 10**6,
                reason="counted twice",
                by="test",
                rates=rates_in_force,
            )


@pytest.fixture
async def meter(shop: Shop) -> AsyncIterator[Meter]:
    intake = UsageIntake(shop.db, rates_in_force, views.billed)
    await intake.start()
    async with shop.db.tx() as tx:
        await metering.ensure_meter(tx, shop.tenant, "calls", by="test")
    yield Meter(shop, intake)
    await intake.stop()


async def lines(shop: Shop, row: Subscription) -> list[list[tuple[str, int]]]:
    return [[(line.kind, line.amount) for line in bill.lines] for bill in await shop.bills(row)]


async def test_in_arrears_to_the_boundary(shop: Shop, meter: Meter) -> None:
    plan = await shop.plan("Metered", flat(500), calls(free_units=10 * 10**6))
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + DAY)
    await meter.use(row, 1000, BEGIN - timedelta(microseconds=1))
    await shop.set_time(MARCH - DAY)
    await meter.use(row, 60, FEBRUARY - timedelta(microseconds=1))
    await meter.use(row, 25, FEBRUARY)
    await shop.work()
    await shop.pay_all(row)
    async with shop.db.connection() as conn:
        coming = await views.upcoming(conn, shop.tenant, row.account, row.id)
    assert [(line.kind, line.amount) for line in coming.lines] == [("plan", 500), ("usage", 30)]
    await shop.until(MARCH)
    assert await lines(shop, row) == [
        [("plan", 500)],
        [("plan", 500), ("usage", 100)],
        [("plan", 500), ("usage", 30)],
    ]


async def test_late_usage_is_a_correction_on_the_next_invoice_once(shop: Shop, meter: Meter) -> None:
    plan = await shop.plan("Metered", calls(minimum=50))
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + DAY)
    await meter.use(row, 30, BEGIN + DAY)
    await shop.until(FEBRUARY)
    await shop.pay_all(row)
    await shop.until(FEBRUARY + 10 * DAY)
    await meter.use(row, 20, FEBRUARY - DAY)
    await shop.until(MARCH)
    await shop.pay_all(row)
    await shop.until(at("2027-05-01T00:00"))
    assert await lines(shop, row) == [
        [("usage", 60)],
        [("usage", 50), ("correction", 40)],
        [("usage", 50)],
    ]


async def test_a_correction_is_billed_once_when_two_renewals_are_done_at_once(
    shop: Shop, meter: Meter
) -> None:
    plan = await shop.plan("Metered", flat(500), calls())
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + 27 * DAY)
    event = await meter.use(row, 100, BEGIN + 27 * DAY)
    await shop.until(FEBRUARY)
    await shop.pay_all(row)
    await shop.set_time(FEBRUARY + 10 * DAY)
    await meter.correct(event, 40)
    await shop.set_time(at("2027-04-30T12:00"))
    await shop.act(actions.cancel, row, at_period_end=True)
    assert (await lines(shop, row))[1:] == [
        [("plan", 500), ("usage", 200)],
        [("plan", 500), ("correction", -120)],
        [("plan", 500)],
    ]


@pytest.mark.parametrize("days", [34, 35])
async def test_a_correction_until_the_last_moment_is_on_the_next_invoice(
    shop: Shop, meter: Meter, days: int
) -> None:
    plan = await shop.plan("Metered", flat(500), calls())
    row = await shop.subscribe(await shop.customer(), plan)
    used = FEBRUARY - timedelta(microseconds=1)
    await shop.set_time(used)
    event = await meter.use(row, 100, used)
    for moment in (FEBRUARY, MARCH):
        await shop.until(moment)
        await shop.pay_all(row)
    await shop.set_time(used + days * DAY)
    await meter.correct(event, 40)
    await shop.until(at("2027-04-30T10:00"))
    await shop.pay_all(row)
    await shop.until(at("2027-05-31T10:00"))
    assert (await lines(shop, row))[1:] == [
        [("plan", 500), ("usage", 200)],
        [("plan", 500)],
        [("plan", 500), ("correction", -120)],
        [("plan", 500)],
    ]


@pytest.mark.parametrize("pause", [0, 50])
async def test_a_correction_after_the_end_is_on_the_next_subscriptions_invoice(
    shop: Shop, meter: Meter, pause: int
) -> None:
    plan = await shop.plan("Metered", flat(500), calls())
    account = await shop.customer()
    first = await shop.subscribe(account, plan)
    await shop.set_time(BEGIN + 5 * DAY)
    event = await meter.use(first, 100, BEGIN + 4 * DAY)
    await shop.act(actions.cancel, first, at_period_end=False)
    await shop.pay_all(first)
    await shop.set_time(BEGIN + 6 * DAY)
    await meter.correct(event, 40)
    begun = BEGIN + (6 + pause) * DAY
    await shop.set_time(begun)
    second = await shop.subscribe(account, plan)
    for days in (31, 62):
        await shop.until(begun + days * DAY)
        await shop.pay_all(second)
    assert await lines(shop, second) == [
        [("plan", 500)],
        [("plan", 500), ("correction", -120)],
        [("plan", 500)],
    ]


async def test_usage_beyond_what_a_word_holds_is_billed(shop: Shop, meter: Meter) -> None:
    plan = await shop.plan("Metered", flat(500), calls(1))
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + DAY)
    for _ in range(4):
        event = NewEvent(account=row.account, metric="calls", quantity=2**53 - 1, at=BEGIN + DAY)
        await meter.intake.record(shop.tenant, "test", [event] * 300)
    await shop.until(FEBRUARY)
    assert (await lines(shop, row))[1] == [("plan", 500), ("usage", 10_808_639)]


async def test_an_upgrade_bills_what_was_used_so_far_by_the_old_terms(shop: Shop, meter: Meter) -> None:
    small = await shop.plan("Small", flat(1000), calls(), rank=1)
    big = await shop.plan("Big", flat(2000), calls(1_000_000), rank=2)
    row = await shop.subscribe(await shop.customer(), small)
    await shop.set_time(BEGIN + 14 * DAY)
    await meter.use(row, 100, BEGIN + 13 * DAY)
    made = await shop.act(actions.change, row, plan=big)
    assert made.invoice is not None
    assert [(line.kind, line.amount) for line in made.invoice.lines] == [
        ("usage", 200),
        ("proration", -500),
        ("proration", 1000),
    ]
    await shop.pay_all(row)
    await shop.set_time(BEGIN + 20 * DAY)
    await meter.use(row, 100, BEGIN + 19 * DAY)
    await shop.until(FEBRUARY)
    assert (await lines(shop, row))[2] == [("plan", 2000), ("usage", 100)]


async def test_a_cancel_now_invoices_what_was_used(shop: Shop, meter: Meter) -> None:
    plan = await shop.plan("Metered", flat(500), calls())
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + 5 * DAY)
    await meter.use(row, 7, BEGIN + DAY)
    made = await shop.act(actions.cancel, row, at_period_end=False)
    assert made.invoice is not None
    assert [(line.kind, line.amount) for line in made.invoice.lines] == [("usage", 14)]
    assert made.invoice.reason == "cancel"


async def test_a_trial_is_free(shop: Shop, meter: Meter) -> None:
    plan = await shop.plan("Metered", flat(500), calls(), trial_days=7)
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.set_time(BEGIN + 2 * DAY)
    await meter.use(row, 7, BEGIN + DAY)
    await shop.until(BEGIN + 8 * DAY)
    assert await lines(shop, row) == [[("plan", 500)]]


async def test_a_meter_that_never_was_made_measures_nothing(shop: Shop) -> None:
    plan = await shop.plan("Metered", flat(500), calls())
    row = await shop.subscribe(await shop.customer(), plan)
    await shop.until(FEBRUARY)
    assert (await lines(shop, row))[1] == [("plan", 500)]


async def test_the_port_names_the_live_subscription(shop: Shop) -> None:
    plan = await shop.plan("Debiting", debits={"calls": "call"})
    once = await shop.plan("Once", interval="one_time")
    account, other = await shop.customer(), await shop.customer()
    late = await shop.subscribe(account, once)
    row = await shop.subscribe(account, plan)
    async with shop.db.connection() as conn:
        found = await views.billed(
            conn, [(account, None), (account, row.id), (account, late.id), (other, None), (other, row.id)]
        )
    assert set(found) == {(account, None), (account, row.id), (account, late.id)}
    assert found[account, None].subscription == row.id
    assert found[account, None].debits == {"calls": "call"}
    assert found[account, late.id].debits == {}
    await shop.act(actions.cancel, row, at_period_end=False)
    async with shop.db.connection() as conn:
        found = await views.billed(conn, [(account, None), (account, row.id)])
    assert found[account, None].subscription == late.id
    assert found[account, row.id].status == "cancelled"


async def test_subscribed_again_with_a_start_in_the_past_nothing_is_billed_twice(
    shop: Shop, meter: Meter
) -> None:
    plan, account = await shop.plan("Metered", calls()), await shop.customer()
    row = await shop.subscribe(account, plan)
    await shop.set_time(BEGIN + 3 * DAY)
    await meter.use(row, 100, BEGIN + DAY)
    ended = await shop.act(actions.cancel, row, at_period_end=False)
    assert ended.invoice is not None
    assert ended.invoice.total == 200
    await shop.set_time(BEGIN + 4 * DAY)
    again = await shop.subscribe(account, plan, start=BEGIN)
    assert (again.period_start, again.usage_since) == (BEGIN, BEGIN + 3 * DAY)
    await meter.use(again, 10, BEGIN + 4 * DAY)
    await shop.until(FEBRUARY)
    assert [bill.total for bill in await shop.bills(again)] == [20]


async def test_a_plan_of_many_tiers_renews(shop: Shop, meter: Meter) -> None:
    tiers = (
        *(Tier(up_to=n * 10**6, unit_price=10**6) for n in range(1, 50)),
        Tier(up_to=None, unit_price=10**6),
    )
    plan = await shop.plan(
        "Tiers", *(Component(key=f"c{n}", kind="graduated", meter="calls", tiers=tiers) for n in range(30))
    )
    row = await shop.subscribe(await shop.customer(), plan)
    await meter.use(row, 50, BEGIN)
    await shop.until(FEBRUARY)
    (bill,) = await shop.bills(row)
    assert (len(bill.lines), bill.total) == (30 * 50, 30 * 50)


async def test_what_came_before_the_first_subscription_of_a_running_period_is_billed(
    shop: Shop, meter: Meter
) -> None:
    plan, account = await shop.plan("Metered", calls()), await shop.customer()
    await shop.set_time(BEGIN + 3 * DAY)
    row = await shop.subscribe(account, plan, start=BEGIN)
    await meter.use(row, 100, BEGIN + DAY)
    await shop.until(FEBRUARY)
    assert [bill.total for bill in await shop.bills(row)] == [200]


async def test_usage_of_the_very_second_of_an_upgrade_is_billed_by_the_old_plan(
    shop: Shop, meter: Meter
) -> None:
    metered = await shop.plan("Metered", calls(), flat(1_00), rank=1)
    bigger = await shop.plan("Bigger", flat(9_00), rank=2)
    row = await shop.subscribe(await shop.customer(), metered)
    moment = BEGIN + 3 * DAY
    await shop.set_time(moment + timedelta(milliseconds=900))
    await meter.use(row, 50, moment + timedelta(milliseconds=300))
    async with shop.db.connection() as conn:
        seen = await views.preview_change(conn, shop.tenant, row.account, row.id, plan=bigger)
    made = await shop.act(actions.change, row, plan=bigger)
    assert made.invoice is not None
    assert seen.invoice is not None
    used = [line.amount for line in made.invoice.lines if line.kind == "usage"]
    assert used == [line.amount for line in seen.invoice.lines if line.kind == "usage"] == [1_00]
