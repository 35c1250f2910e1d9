"""Whom e-mail goes to, and what a customer whose subscription is past due is told."""

from dataclasses import replace
from typing import Any

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions, memberships, views
from tallystick.domain.invoicing import settings as invoicing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Seller
from tallystick.kernel.actor import Role
from tests import cast
from tests.db.subscriptions.shop import DAY, Shop, at, flat

pytestmark = pytest.mark.anyio


async def recipients(db: Database, tenant: int, account: int) -> list[str]:
    async with db.connection() as conn:
        return await views.recipients(conn, tenant, account)


async def test_an_accounts_own_address_or_its_owners(db: Database) -> None:
    app, other = (await cast.first_app(db)).app, await cast.second_app(db)
    globex = await cast.globex(db, app.live)
    assert await recipients(db, app.live, globex.account_id) == []
    people = [
        await cast.make_user(db, app.live, f"{name}@globex.example") for name in ("bob", "ann", "eve", "old")
    ]
    roles = (Role.OWNER, Role.OWNER, Role.ADMIN, Role.OWNER)
    async with db.tx() as tx:
        for user, role in zip(people, roles, strict=True):
            await memberships.add(tx, app.live, account=globex.account_id, user=user.id, role=role, by="test")
    await cast.deactivate(db, app.live, people[3].id)
    assert await recipients(db, app.live, globex.account_id) == ["bob@globex.example", "ann@globex.example"]
    assert await recipients(db, other.live, globex.account_id) == []
    async with db.tx() as tx:
        await actions.patch_account(tx, app.live, globex.account_id, {"email": "billing@globex.example"})
    assert await recipients(db, app.live, globex.account_id) == ["billing@globex.example"]


async def test_notices_go_to_the_staff_of_the_app(db: Database) -> None:
    app, other = (await cast.first_app(db)).app, await cast.second_app(db)
    await cast.make_user(db, app.live, "ann@acme.example")
    gone = await cast.make_user(db, app.live, "gone@tallystick.local", staff=True)
    await cast.make_user(db, app.live, "ops@tallystick.local", staff=True)
    await cast.deactivate(db, app.live, gone.id)
    async with db.connection() as conn:
        for tenant in (app.live, app.test):
            assert await views.staff_emails(conn, tenant) == [
                "owner@tallystick.local",
                "ops@tallystick.local",
            ]
        assert await views.staff_emails(conn, other.live) == []


def letters(shop: Shop) -> list[dict[str, Any]]:
    return shop.rows("select * from mail where kind = 'subscription_past_due' order by place")


async def test_a_customer_is_told_of_being_past_due_once_each_time(shop: Shop) -> None:
    async with shop.tx() as tx:
        before = await invoices.settings(tx, shop.tenant)
        seller = Seller(name="Acme Billing", email="billing@acme.example")
        await invoicing.put_settings(tx, shop.tenant, replace(before, seller=seller), by="test")
    account = await shop.customer(email="ann@customer.example", name="Ann")
    silent = await shop.customer()
    plan = await shop.plan("Pro", flat(2900))
    rows = [await shop.subscribe(account, plan), await shop.subscribe(silent, plan)]
    due = at("2027-02-28T10:00")
    await shop.until(due)
    assert letters(shop) == []
    await shop.until(due + DAY)
    await shop.until(due + 2 * DAY)
    [letter] = letters(shop)
    assert (letter["recipient"], letter["sender"], letter["account_id"], letter["subject"]) == (
        "ann@customer.example",
        "Acme Billing <billing@acme.example>",
        account,
        "TEST: Your subscription to Pro is past due",
    )
    assert "29.00 USD for your subscription to Pro is still unpaid" in letter["body"]
    assert "the subscription ends on 31 March 2027." in letter["body"]
    await shop.pay_all(rows[0])
    await shop.until(at("2027-04-02T10:00"))
    assert len(letters(shop)) == 2
