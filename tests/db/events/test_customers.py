"""Customers: their making and whatever of them changes is told, in the same commit."""

import pytest

from tallystick.domain.identity import actions as identity
from tests.db.subscriptions.shop import BEGIN, DAY, Shop

from .told import account_id, events, types, undone

pytestmark = pytest.mark.anyio


async def test_a_customer_is_told_of_when_made(shop: Shop) -> None:
    async with undone(shop) as tx:
        await identity.create_account(tx, shop.tenant, name="Never")
    assert events(shop) == []
    made = await shop.customer(
        external_id="acme", name="Acme", email="Billing@Acme.example", metadata={"tier": 3}, phone="+256"
    )
    [row] = events(shop)
    assert (row["type"], row["account_id"], row["at"], row["fresh"]) == (
        "customer.created",
        made,
        BEGIN,
        True,
    )
    id = account_id(shop, made)
    assert row["data"] == {
        "id": id,
        "account": id,
        "number": 1,
        "external_id": "acme",
        "status": "active",
        "kind": "individual",
        "name": "Acme",
        "email": "billing@acme.example",
        "first_name": "",
        "last_name": "",
        "phone": "+256",
        "currency": "USD",
        "time_zone": "UTC",
        "metadata": {"tier": 3},
    }


async def test_what_changes_is_told_and_what_does_not_is_not(shop: Shop) -> None:
    account = await shop.customer(name="Acme")
    await shop.set_time(BEGIN + DAY)
    async with undone(shop) as tx:
        await identity.patch_account(tx, shop.tenant, account, {"name": "Never"})
    async with shop.tx() as tx:
        await identity.patch_account(tx, shop.tenant, account, {"name": "Acme"})
    assert types(shop) == ["customer.created"]
    async with shop.tx() as tx:
        await identity.patch_account(tx, shop.tenant, account, {"status": "blocked"})
    async with shop.tx() as tx:
        await identity.patch_account(tx, shop.tenant, account, {"name": "Acme Ltd", "external_id": "a"})
    told = events(shop, group="customer.updated")
    assert [(row["data"]["name"], row["data"]["status"]) for row in told] == [
        ("Acme", "blocked"),
        ("Acme Ltd", "blocked"),
    ]
    assert {(row["account_id"], row["at"]) for row in told} == {(account, BEGIN + DAY)}
