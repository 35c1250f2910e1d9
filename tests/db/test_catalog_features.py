"""Features: what plans may entitle to."""

from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Feature
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio


async def create(db: Database, tenant: int, **fields: Any) -> Feature:
    async with db.tx() as tx:
        plain: dict[str, Any] = {"key": "sso", "name": "Single sign-on", "type": "BOOLEAN", "by": "test"}
        return await actions.create_feature(tx, tenant, **plain | fields)


async def update(db: Database, tenant: int, feature: UUID, **changes: Any) -> Feature:
    async with db.tx() as tx:
        return await actions.update_feature(tx, tenant, feature, by="test", **changes)


async def test_create_change_and_delete(db: Database) -> None:
    app = (await cast.first_app(db)).app
    made = await create(db, app.live, category="security", unit="", description="SAML\nand OIDC")
    assert (made.number, made.key, made.type, made.category, made.credit_type) == (
        1,
        "sso",
        "BOOLEAN",
        "security",
        None,
    )
    calls = await create(db, app.live, key="calls", type="CREDIT_BASED", unit="call", credit_type="credits")
    assert (calls.number, calls.unit, calls.credit_type) == (2, "call", "credits")
    assert await update(db, app.live, made.id, name="Single sign-on", category="security") == made
    named = await update(db, app.live, made.id, name="SSO")
    assert (named.name, named.category) == ("SSO", "security")
    async with db.connection() as conn:
        assert await views.feature(conn, app.live, "sso") == named
        assert await views.feature_by_id(conn, app.live, made.id) == named
        assert await views.features_of(conn, app.live, ["sso", "x", "\0", "calls"]) == {
            "sso": named,
            "calls": calls,
        }
        for wrong in (views.feature(conn, app.test, "sso"), views.feature_by_id(conn, app.test, made.id)):
            with pytest.raises(NotFound):
                await wrong
    async with db.tx() as tx:
        with pytest.raises(NotFound):
            await actions.delete_feature(tx, app.test, made.id, by="test")
        await actions.delete_feature(tx, app.live, made.id, by="test")
    async with db.connection() as conn:
        with pytest.raises(NotFound):
            await views.feature(conn, app.live, "sso")
        log = (await identity.audit_log(conn, app.live)).rows[:4]
    assert [row.action for row in log] == [
        "feature.delete",
        "feature.update",
        "feature.create",
        "feature.create",
    ]
    assert log[1].details == {"name": "SSO"}
    with pytest.raises(NotFound):
        await update(db, app.live, made.id, name="x")
    assert (await create(db, app.live)).id != made.id


async def test_a_key_is_a_features_alone(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await create(db, app.live)
    with pytest.raises(Conflict) as taken:
        await create(db, app.live, type="HARD_LIMIT")
    assert taken.value.code == "key_taken"
    await create(db, app.test)


async def test_lists_and_their_filters(db: Database) -> None:
    app = (await cast.first_app(db)).app
    sso = await create(db, app.live, category="security")
    seats = await create(db, app.live, key="seats", name="Seats", type="HARD_LIMIT")
    calls = await create(db, app.live, key="calls", name="Calls", type="CREDIT_BASED", credit_type="credits")

    async def ids(**filters: Any) -> list[UUID]:
        async with db.connection() as conn:
            return [row.id for row in (await views.features(conn, app.live, **filters)).rows]

    assert await ids() == [calls.id, seats.id, sso.id]
    assert await ids(type="HARD_LIMIT") == [seats.id]
    assert await ids(category="security") == [sso.id]
    assert await ids(credit_type="credits") == [calls.id]
    assert await ids(name="S") == [calls.id, seats.id, sso.id]
    assert await ids(name="seat") == [seats.id]
    assert await ids(category="\0") == []
    async with db.connection() as conn:
        page = await views.features(conn, app.live, limit=2)
    assert ([row.id for row in page.rows], page.next_key) == ([calls.id, seats.id], 2)
    assert await ids(before=2) == [sso.id]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("key", {"key": "a b"}),
        ("key", {"key": "\0"}),
        ("type", {"type": "SOFT_LIMIT"}),
        ("name", {"name": ""}),
        ("name", {"name": "\ud800"}),
        ("description", {"description": "\0"}),
        ("category", {"category": "x" * 101}),
        ("unit", {"unit": "\n"}),
        ("credit_type", {"credit_type": "credits"}),
        ("credit_type", {"type": "CREDIT_BASED"}),
        ("credit_type", {"type": "CREDIT_BASED", "credit_type": "gold"}),
        ("credit_type", {"type": "CREDIT_BASED", "credit_type": "\0"}),
    ],
)
async def test_what_is_wrong_is_named(db: Database, field: str, fields: dict[str, Any]) -> None:
    app = (await cast.first_app(db)).app
    with pytest.raises(Invalid) as refused:
        await create(db, app.live, **fields)
    assert refused.value.field == field


async def test_a_changes_fault_is_named(db: Database) -> None:
    app = (await cast.first_app(db)).app
    sso = await create(db, app.live)
    calls = await create(db, app.live, key="calls", type="CREDIT_BASED", credit_type="credits")
    for feature, changes in (
        (sso, {"credit_type": "credits"}),
        (calls, {"credit_type": None}),
        (calls, {"credit_type": "gold"}),
        (sso, {"name": ""}),
    ):
        with pytest.raises(Invalid) as refused:
            await update(db, app.live, feature.id, **changes)
        assert refused.value.field in changes
