"""Packages: credits for a price."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Package
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio

PLAIN: dict[str, Any] = {
    "name": "Small",
    "credit_type": "credits",
    "credits": 100_000_000,
    "price": 999,
    "currency": "USD",
    "by": "test",
}


async def create(db: Database, tenant: int, **fields: Any) -> Package:
    async with db.tx() as tx:
        return await actions.create_package(tx, tenant, **PLAIN | fields)


async def update(db: Database, tenant: int, package: UUID, **changes: Any) -> Package:
    async with db.tx() as tx:
        return await actions.update_package(tx, tenant, package, by="test", **changes)


async def test_create_change_and_delete(db: Database) -> None:
    app = (await cast.first_app(db)).app
    made = await create(db, app.live, key="small", bonus=5, expires_after_days=90, metadata={"a": 1})
    assert (made.number, made.credits, made.bonus, made.price, made.active) == (1, 100_000_000, 5, 999, True)
    assert (made.key, made.expires_after_days, made.metadata) == ("small", 90, {"a": 1})
    assert await update(db, app.live, made.id, price=999, active=True) == made
    other = await update(
        db, app.live, made.id, price=0, currency="UGX", expires_after_days=None, active=False, bonus=0
    )
    assert (other.price, other.currency, other.expires_after_days, other.active) == (0, "UGX", None, False)
    async with db.connection() as conn:
        assert await views.package(conn, app.live, made.id) == other
        assert await views.package_by_key(conn, app.live, "small") == other
        assert await views.package_by_number(conn, app.live, 1) == other
        for wrong in (
            views.package(conn, app.test, made.id),
            views.package_by_key(conn, app.test, "small"),
            views.package_by_key(conn, app.live, "\0"),
            views.package_by_number(conn, app.live, 0),
            views.package_by_number(conn, app.test, 1),
        ):
            with pytest.raises(NotFound):
                await wrong
    with pytest.raises(Conflict) as taken:
        await create(db, app.live, key="small")
    assert taken.value.code == "key_taken"
    async with db.tx() as tx:
        with pytest.raises(NotFound):
            await actions.delete_package(tx, app.test, made.id, by="test")
        await actions.delete_package(tx, app.live, made.id, by="test")
    with pytest.raises(NotFound):
        await update(db, app.live, made.id, price=1)
    async with db.connection() as conn:
        assert (await views.packages(conn, app.live)).rows == []
        log = (await identity.audit_log(conn, app.live)).rows[:3]
    assert [(row.action, row.target) for row in log] == [
        ("package.delete", f"pkg:{made.id}"),
        ("package.update", f"pkg:{made.id}"),
        ("package.create", f"pkg:{made.id}"),
    ]
    assert (await create(db, app.live, key="small")).number > 1


async def test_lists_and_their_filters(db: Database) -> None:
    app = (await cast.first_app(db)).app
    async with db.tx() as tx:
        await actions.put_credit_type(tx, app.live, code="calls", name="Calls", by="test")
    small = await create(db, app.live)
    big = await create(db, app.live, name="Big", active=False, currency="EUR")
    calls = await create(db, app.live, name="Calls", credit_type="calls")
    await create(db, app.test)

    async def ids(**filters: Any) -> list[UUID]:
        async with db.connection() as conn:
            return [row.id for row in (await views.packages(conn, app.live, **filters)).rows]

    assert await ids() == [calls.id, big.id, small.id]
    assert await ids(active=True) == [calls.id, small.id]
    assert await ids(active=False) == await ids(currency="EUR") == [big.id]
    assert await ids(credit_type="calls") == await ids(name="CALL") == [calls.id]
    async with db.connection() as conn:
        page = await views.packages(conn, app.live, limit=2)
    assert ([row.id for row in page.rows], page.next_key) == ([calls.id, big.id], 2)
    assert await ids(before=2) == [small.id]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "\0"),
        ("description", "\ud800"),
        ("credit_type", "gold"),
        ("credits", 0),
        ("credits", 2**53),
        ("credits", True),
        ("bonus", -1),
        ("bonus", 2**53),
        ("price", -1),
        ("price", 10**12 + 1),
        ("currency", "usd"),
        ("expires_after_days", 0),
        ("expires_after_days", 36_501),
        ("metadata", {"a": "x" * 20_000}),
    ],
)
async def test_what_is_wrong_is_named(db: Database, field: str, value: Any) -> None:
    app = (await cast.first_app(db)).app
    made = await create(db, app.live)
    for attempt in (create(db, app.live, **{field: value}), update(db, app.live, made.id, **{field: value})):
        with pytest.raises(Invalid) as refused:
            await attempt
        assert refused.value.field == field
