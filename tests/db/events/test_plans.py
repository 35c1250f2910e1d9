"""Plans: each change is told once, as what it is."""

from typing import Any

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Terms
from tallystick.kernel.ids import typeid
from tests.db.subscriptions.shop import BEGIN, DAY, Shop, calls, flat

from .told import events, types, undone

pytestmark = pytest.mark.anyio

TERMS = Terms(interval="monthly", currency="USD", components=(flat(2900), calls()), trial_days=14)


async def make(shop: Shop, **fields: Any) -> Plan:
    async with shop.tx() as tx:
        return await catalog.create_plan(tx, shop.tenant, name="Pro", terms=TERMS, by="test", **fields)


async def change(shop: Shop, plan: Plan, **changes: Any) -> None:
    async with shop.tx() as tx:
        await catalog.update_plan(tx, shop.tenant, plan.id, by="test", **changes)


async def test_a_plan_is_told_of_when_made(shop: Shop) -> None:
    async with undone(shop) as tx:
        await catalog.create_plan(tx, shop.tenant, name="Never", terms=TERMS, by="test")
    assert events(shop) == []
    made = await make(shop, key="pro", tier="pro", rank=2, description="All of it", metadata={"a": "b"})
    [row] = events(shop)
    assert (row["type"], row["account_id"], row["at"]) == ("plan.created", None, BEGIN)
    assert row["data"] == {
        "id": typeid("plan", made.id),
        "number": made.number,
        "key": "pro",
        "name": "Pro",
        "description": "All of it",
        "tier": "pro",
        "rank": 2,
        "status": "active",
        "version": 1,
        "interval": "monthly",
        "currency": "USD",
        "base_amount": "29.00",
        "trial_days": 14,
        "metadata": {"a": "b"},
    }


async def test_what_changes_is_told_as_what_it_is(shop: Shop) -> None:
    made = await make(shop)
    await shop.set_time(BEGIN + DAY)
    async with undone(shop) as tx:
        await catalog.update_plan(tx, shop.tenant, made.id, by="test", name="Never")
    await change(shop, made, name="Pro")
    assert types(shop) == ["plan.created"]
    other = Terms(interval="monthly", currency="USD", components=(flat(3900),))
    await change(shop, made, terms=other)
    await change(shop, made, status="archived")
    await change(shop, made, status="active")
    await change(shop, made, status="archived", name="Old pro")
    told = events(shop)[1:]
    assert [(row["type"], row["data"]["version"], row["data"]["status"]) for row in told] == [
        ("plan.updated", 2, "active"),
        ("plan.archived", 2, "archived"),
        ("plan.updated", 2, "active"),
        ("plan.updated", 2, "archived"),
        ("plan.archived", 2, "archived"),
    ]
    assert told[0]["data"]["base_amount"] == "39.00"
    assert {row["at"] for row in told} == {BEGIN + DAY}


async def test_a_plan_is_told_of_when_deleted(shop: Shop) -> None:
    made = await make(shop)
    async with undone(shop) as tx:
        await catalog.delete_plan(tx, shop.tenant, made.id, by="test")
    assert types(shop) == ["plan.created"]
    await shop.set_time(BEGIN + DAY)
    async with shop.tx() as tx:
        await catalog.delete_plan(tx, shop.tenant, made.id, by="test")
    [_, row] = events(shop)
    assert (row["type"], row["at"], row["data"]["name"]) == ("plan.deleted", BEGIN + DAY, "Pro")
