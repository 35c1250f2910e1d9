"""Subscriptions: every step of their life is told once, late as on time, and a renewal night in one go."""

from datetime import datetime

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.subscriptions import actions, jobs, updates
from tallystick.kernel.ids import typeid
from tests.db.subscriptions.shop import BEGIN, DAY, Shop, at, flat, monthly

from .told import account_id, events, last, types, undone

pytestmark = pytest.mark.anyio

UPDATED = "subscription.updated"


def told(shop: Shop, account: int | None = None) -> list[str]:
    """The types of what was told of subscriptions, without their group."""
    return [type.removeprefix("subscription.") for type in types(shop, account=account, group="subscription")]


def since(shop: Shop, count: int) -> list[str]:
    return told(shop)[count:]


async def test_a_subscription_is_told_of_when_made_and_when_paid(shop: Shop) -> None:
    plan, account = await shop.plan("Pro", flat(999), allowances=[monthly(100)]), await shop.customer()
    async with undone(shop) as tx:
        await actions.subscribe(tx, shop.tenant, account, plan=plan, rates=rates_in_force, by="test")
    assert told(shop) == []
    row = await shop.subscribe(account, plan, pay=False, metadata={"seat": 1})
    [made] = events(shop, group="subscription")
    assert (made["type"], made["account_id"], made["at"]) == ("subscription.created", account, BEGIN)
    assert made["data"] == {
        "id": typeid("sub", row.id),
        "account": account_id(shop, account),
        "status": "incomplete",
        "plan": typeid("plan", plan),
        "plan_name": "Pro",
        "plan_version": 1,
        "started_at": "2027-01-31T10:00:00Z",
        "trial_end": None,
        "current_period_start": "2027-01-31T10:00:00Z",
        "current_period_end": "2027-02-28T10:00:00Z",
        "cancel_at_period_end": False,
        "cancel_reason": None,
        "cancelled_at": None,
        "ended_at": None,
        "scheduled_plan": None,
        "scheduled_plan_version": None,
        "paused_at": None,
        "resume_at": None,
        "past_due_since": None,
        "grace_until": None,
        "unpaid_until": None,
        "metadata": {"seat": 1},
    }
    await shop.set_time(BEGIN + DAY)
    [bill] = await shop.bills(row)
    async with undone(shop) as tx:
        await actions.pay_invoice(tx, shop.tenant, account, bill.id, rates=rates_in_force, by="test")
    assert told(shop) == ["created"]
    await shop.pay(account, bill)
    assert types(shop, account=account)[1:] == [
        "subscription.created",
        "invoice.created",
        "invoice.paid",
        "credits.granted",
        "subscription.activated",
        "subscription.updated",
    ]
    assert last(shop, "invoice.created")["data"]["subscription"] == typeid("sub", row.id)
    active = last(shop, "subscription.activated")
    assert (active["at"], active["data"]["status"]) == (BEGIN + DAY, "active")


async def test_changes_of_plan_are_told(shop: Shop) -> None:
    account = await shop.customer()
    basic, pro = await shop.plan("Basic", flat(500)), await shop.plan("Pro", flat(999))
    row = await shop.subscribe(account, basic)
    seen = len(told(shop))
    await shop.act(actions.change, row, plan=pro)
    await shop.pay_all(row)
    assert since(shop, seen) == ["plan_changed", "updated"]
    assert last(shop, "subscription.plan_changed")["data"]["plan"] == typeid("plan", pro)
    await shop.act(actions.change, row, plan=basic)
    assert since(shop, seen + 2) == ["change_scheduled", "updated"]
    scheduled = last(shop, "subscription.change_scheduled")["data"]
    assert (scheduled["plan"], scheduled["scheduled_plan"], scheduled["current_period_end"]) == (
        typeid("plan", pro),
        typeid("plan", basic),
        "2027-02-28T10:00:00Z",
    )
    await shop.act(actions.revoke_change, row)
    assert since(shop, seen + 4) == ["updated"]
    await shop.act(actions.change, row, plan=basic)
    await shop.until(at("2027-02-28T10:00"))
    assert since(shop, seen + 7) == ["renewed", "plan_changed", "updated"]
    changed = last(shop, "subscription.plan_changed")
    assert (changed["data"]["plan_name"], changed["at"]) == ("Basic", at("2027-02-28T10:00"))
    assert changed["data"]["scheduled_plan"] is None


async def test_pauses_are_told(shop: Shop) -> None:
    row = await shop.subscribe(await shop.customer(), await shop.plan("Pro", flat(999)))
    seen = len(told(shop))
    await shop.act(actions.pause, row, resume_at=BEGIN + 2 * DAY)
    assert since(shop, seen) == ["paused", "updated"]
    assert last(shop, "subscription.paused")["data"]["resume_at"] == "2027-02-02T10:00:00Z"
    await shop.until(BEGIN + 3 * DAY)
    assert since(shop, seen + 2) == ["resumed", "updated"]
    assert last(shop, "subscription.resumed")["at"] == BEGIN + 2 * DAY


async def test_cancels_are_told(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999))
    row = await shop.subscribe(await shop.customer(), plan)
    seen = len(told(shop))
    await shop.act(actions.cancel, row, at_period_end=True, reason="Too dear")
    assert since(shop, seen) == ["cancel_scheduled", "updated"]
    waiting = last(shop, "subscription.cancel_scheduled")["data"]
    assert (waiting["cancel_at_period_end"], waiting["cancel_reason"]) == (True, "Too dear")
    await shop.act(actions.revoke_cancel, row)
    assert since(shop, seen + 2) == ["updated"]
    await shop.act(actions.cancel, row, at_period_end=True)
    await shop.until(at("2027-03-05T10:00"))
    assert since(shop, seen + 5) == ["ended"]
    ended = last(shop, "subscription.ended")
    assert (ended["at"], ended["data"]["status"]) == (at("2027-02-28T10:00"), "ended")
    other = await shop.subscribe(await shop.customer(), plan)
    seen = len(told(shop))
    await shop.act(actions.cancel, other, at_period_end=False)
    assert since(shop, seen) == ["cancelled"]
    assert last(shop, "subscription.cancelled")["data"]["status"] == "cancelled"


async def test_a_trial_and_its_end_are_told(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), trial_days=14, allowances=[monthly(5)])
    await shop.subscribe(await shop.customer(), plan)
    assert told(shop) == ["created"]
    assert last(shop, "subscription.created")["data"]["trial_end"] == "2027-02-14T10:00:00Z"
    await shop.until(BEGIN + 14 * DAY)
    assert told(shop) == ["created", "trial_ended", "updated"]
    assert last(shop, "subscription.trial_ended")["at"] == BEGIN + 14 * DAY


async def test_unpaid_is_told_and_so_is_its_end(shop: Shop) -> None:
    account = await shop.customer()
    row = await shop.subscribe(account, await shop.plan("Pro", flat(999), allowances=[monthly(5)]))
    seen = len(told(shop))
    due = at("2027-02-28T10:00")
    await shop.until(due + DAY)
    assert since(shop, seen) == ["renewed", "updated", "past_due", "updated"]
    late = last(shop, "subscription.past_due")
    assert (late["at"], late["data"]["unpaid_until"]) == (due + DAY, "2027-03-31T10:00:00Z")
    await shop.pay_all(row)
    assert since(shop, seen + 4) == ["activated", "updated"]
    await shop.until(at("2027-05-30T10:00"))
    assert since(shop, seen + 6) == [
        "renewed", "updated", "past_due", "updated", "renewed", "updated", "ended",
    ]  # fmt: skip
    assert last(shop, "subscription.ended")["at"] == at("2027-05-01T10:00")
    assert last(shop, "invoice.failed")["at"] == last(shop, "subscription.ended")["at"]


async def test_metadata_is_told_once(shop: Shop) -> None:
    row = await shop.subscribe(await shop.customer(), await shop.plan("Pro", flat(999)))
    seen = len(told(shop))
    for _ in range(2):
        await shop.act(updates.update, row, metadata={"a": 1})
    assert since(shop, seen) == ["updated"]
    assert last(shop, UPDATED)["data"]["metadata"] == {"a": 1}


def steps(shop: Shop, account: int) -> list[tuple[str, datetime, str | None]]:
    return [
        (row["type"], row["at"], row["data"]["current_period_start"])
        for row in events(shop, account=account, group="subscription")
    ]


async def test_late_is_told_as_on_time(shop: Shop) -> None:
    """By a worker that was away for months, by a request that comes before it, and by one that is punctual."""
    plan = await shop.plan("Pro", flat(0), allowances=[monthly(5)])
    punctual, asked, late = [await shop.subscribe(await shop.customer(), plan) for _ in range(3)]
    for month in ("2027-02-28T10:00", "2027-03-31T10:00", "2027-04-30T10:00"):
        await shop.set_time(at(month))
        await shop.act(updates.update, punctual)
    await shop.act(updates.update, asked)
    await shop.work()
    assert steps(shop, punctual.account) == steps(shop, asked.account) == steps(shop, late.account)
    renewals = [step for step in steps(shop, late.account) if step[0] == "subscription.renewed"]
    assert [(moment, start) for _, moment, start in renewals] == [
        (at("2027-02-28T10:00"), "2027-02-28T10:00:00Z"),
        (at("2027-03-31T10:00"), "2027-03-31T10:00:00Z"),
        (at("2027-04-30T10:00"), "2027-04-30T10:00:00Z"),
    ]


async def test_a_night_of_a_hundred_renewals_is_told_in_order(shop: Shop) -> None:
    plan = await shop.plan("Pro", flat(999), allowances=[monthly(5)])
    people = []
    async with shop.tx() as tx:
        for _ in range(100):
            account = (await identity.create_account(tx, shop.tenant)).account_id
            people.append(account)
            made = await actions.subscribe(
                tx, shop.tenant, account, plan=plan, rates=rates_in_force, by="test"
            )
            assert made.invoice is not None
            await actions.pay_invoice(
                tx, shop.tenant, account, made.invoice.id, rates=rates_in_force, by="test"
            )
    seen = len(events(shop))
    await shop.set_time(at("2027-02-28T10:00"))
    async with undone(shop) as tx:
        assert await jobs.run_chunk(tx, shop.tenant, rates_in_force, 100) == (100, 100)
    assert len(events(shop)) == seen
    async with shop.tx() as tx:
        assert await jobs.run_chunk(tx, shop.tenant, rates_in_force, 100) == (100, 100)
    night = events(shop)[seen:]
    for account in people:
        mine = [one["type"] for one in night if one["account_id"] == account]
        assert mine == ["credits.granted", "subscription.renewed", "subscription.updated", "invoice.created"]
    numbers = [one["data"]["number"] for one in night if one["type"] == "invoice.created"]
    assert numbers == [f"INV-2027-{number}" for number in range(101, 201)]
    assert {one["at"] for one in night} == {at("2027-02-28T10:00")}
