"""Plans: versions that never change, and what they refer to."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tallystick.db.pool import Database, run
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms, Tier
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Conflict, Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio

FLAT = Terms(interval="monthly", currency="USD", components=(Component(key="base", kind="flat", amount=999),))
WHOLE = Terms(
    interval="yearly",
    currency="KWD",
    components=(
        Component(key="base", name="Base fee", kind="flat", amount=12_345),
        Component(
            key="calls",
            kind="graduated",
            meter="calls",
            free_units=1_500_000,
            tiers=(Tier(up_to=10_000_000, unit_price=500_000, flat=7), Tier(up_to=None)),
            minimum=100,
        ),
        Component(key="fee", kind="percentage", meter="volume", rate=25_000),
    ),
    allowances=(
        Allowance(
            credit_type="credits",
            amount=5_000_000,
            reset="daily",
            rollover=Rollover(mode="up_to", limit=1, periods=3),
            priority=5,
        ),
    ),
    features={"seats": 5, "sso": True, "projects": None, "calls": True},
    trial_days=14,
    debits={"calls": "chat"},
)


async def create(db: Database, tenant: int, **fields: Any) -> Plan:
    async with db.tx() as tx:
        given: dict[str, Any] = {"name": "Pro", "terms": FLAT, "by": "test"} | fields
        return await actions.create_plan(tx, tenant, **given)


async def update(db: Database, tenant: int, plan: UUID, **changes: Any) -> Plan:
    async with db.tx() as tx:
        return await actions.update_plan(tx, tenant, plan, by="test", **changes)


async def define(db: Database, tenant: int, key: str, type: Any, credit_type: str | None = None) -> UUID:
    async with db.tx() as tx:
        made = await actions.create_feature(
            tx, tenant, key=key, name=key, type=type, credit_type=credit_type, by="test"
        )
        return made.id


async def define_all(db: Database, tenant: int) -> None:
    await define(db, tenant, "seats", "HARD_LIMIT")
    await define(db, tenant, "projects", "HARD_LIMIT")
    await define(db, tenant, "sso", "BOOLEAN")
    await define(db, tenant, "calls", "CREDIT_BASED", "credits")


async def test_create_and_read(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await define_all(db, app.live)
    plan = await create(
        db,
        app.live,
        name="Pro",
        terms=WHOLE,
        description="For teams.\nBilled by the year.",
        key="pro",
        tier="pro",
        rank=2,
        metadata={"a": [1]},
    )
    assert (plan.number, plan.version, plan.status, plan.terms) == (1, 1, "active", WHOLE)
    assert (plan.key, plan.tier, plan.rank, plan.metadata) == ("pro", "pro", 2, {"a": [1]})
    other = await create(db, app.test)
    assert (other.number, other.key, other.tier, other.rank, other.metadata) == (1, None, None, None, {})
    async with db.connection() as conn:
        assert await views.plan(conn, app.live, plan.id) == plan
        assert await views.plan_by_key(conn, app.live, "pro") == plan
        assert await views.plan_by_number(conn, app.live, 1) == plan
        assert await views.plan_version(conn, app.live, plan.id, 1) == plan
        assert await views.plans_of(conn, app.live, [plan.id, other.id]) == {plan.id: plan}
        assert await views.plans_of(conn, app.live, []) == {}
        for wrong in (
            views.plan(conn, app.test, plan.id),
            views.plan(conn, app.live, other.id),
            views.plan_by_key(conn, app.test, "pro"),
            views.plan_by_key(conn, app.live, "p\0"),
            views.plan_by_number(conn, app.live, 2),
            views.plan_by_number(conn, app.live, 2**63),
            views.plan_version(conn, app.test, plan.id, 1),
            views.plan_version(conn, app.live, plan.id, 2),
            views.plan_version(conn, app.live, plan.id, 2**31),
        ):
            with pytest.raises(NotFound):
                await wrong
        act = (await identity.audit_log(conn, app.live)).rows[0]
    assert (act.actor, act.action, act.target) == ("test", "plan.create", f"plan:{plan.id}")


async def test_other_terms_make_the_next_version(db: Database) -> None:
    app = (await cast.first_app(db)).app
    plan = await create(db, app.live)
    dearer = Terms(
        interval="monthly", currency="USD", components=(Component(key="base", kind="flat", amount=1099),)
    )
    second = await update(db, app.live, plan.id, terms=dearer, name="Pro 2")
    assert (second.version, second.terms, second.name) == (2, dearer, "Pro 2")
    assert await update(db, app.live, plan.id, terms=dearer) == second
    assert (await update(db, app.live, plan.id, terms=FLAT)).version == 3
    async with db.connection() as conn:
        first = await views.plan_version(conn, app.live, plan.id, 1)
        assert (first.version, first.terms, first.name) == (1, FLAT, "Pro 2")
        page = await views.plan_versions(conn, app.live, plan.id, limit=2)
        assert ([row.version for row in page.rows], page.next_key) == ([3, 2], 2)
        rest = await views.plan_versions(conn, app.live, plan.id, before=page.next_key)
        assert ([(row.version, row.terms, row.created_by) for row in rest.rows], rest.next_key) == (
            [(1, FLAT, "test")],
            None,
        )
        assert (await views.plan_versions(conn, app.test, plan.id)).rows == []


async def test_nothing_new_leaves_no_trace(db: Database) -> None:
    app = (await cast.first_app(db)).app
    plan = await create(db, app.live, key="pro", tier="pro", rank=1, metadata={"a": 1})
    same = await update(
        db,
        app.live,
        plan.id,
        name="Pro",
        description="",
        tier="pro",
        rank=1,
        status="active",
        metadata={"a": 1},
        terms=FLAT,
    )
    assert same == plan
    changed = await update(db, app.live, plan.id, tier=None, rank=None, status="archived", metadata={})
    assert (changed.tier, changed.rank, changed.status, changed.metadata, changed.version) == (
        None,
        None,
        "archived",
        {},
        1,
    )
    assert changed.updated_at > plan.updated_at
    async with db.connection() as conn:
        log = (await identity.audit_log(conn, app.live)).rows[:2]
    assert [row.action for row in log] == ["plan.update", "plan.create"]
    assert log[0].details == {"tier": None, "rank": None, "status": "archived", "metadata": {}}


async def test_versions_cannot_be_rewritten(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await create(db, app.live)
    for statement in ("update plan_version set currency = 'EUR'", "delete from plan_version"):
        with pytest.raises(psycopg.errors.RestrictViolation):
            async with db.tx() as tx:
                await run(tx, statement)


async def test_deleted_plans_are_hidden_and_their_history_stays(db: Database) -> None:
    app = (await cast.first_app(db)).app
    plan = await create(db, app.live, key="pro")
    async with db.tx() as tx:
        with pytest.raises(NotFound):
            await actions.delete_plan(tx, app.test, plan.id, by="test")
        await actions.delete_plan(tx, app.live, plan.id, by="test")
    async with db.connection() as conn:
        with pytest.raises(NotFound):
            await views.plan(conn, app.live, plan.id)
        assert (await views.plans(conn, app.live)).rows == []
        assert (await views.plan_version(conn, app.live, plan.id, 1)).terms == FLAT
        assert list(await views.plans_of(conn, app.live, [plan.id])) == [plan.id]
    for act in (actions.update_plan, actions.delete_plan):
        async with db.tx() as tx:
            with pytest.raises(NotFound):
                await act(tx, app.live, plan.id, by="test")
    again = await create(db, app.live, key="pro")
    assert (again.number, again.id != plan.id) == (2, True)


async def test_a_key_is_a_plans_alone(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await create(db, app.live, key="pro")
    with pytest.raises(Conflict) as taken:
        await create(db, app.live, key="pro")
    assert taken.value.code == "key_taken"
    assert (await create(db, app.test, key="pro")).key == "pro"
    await cast.crowd(db)
    made = await asyncio.gather(*[create(db, app.live, key="team") for _ in range(6)], return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["Conflict"] * 5 + ["Plan"]


async def test_two_changes_at_once_make_two_versions(db: Database) -> None:
    app = (await cast.first_app(db)).app
    plan = await create(db, app.live)
    await cast.crowd(db)
    terms = [
        Terms(interval="monthly", currency="USD", components=(Component(key="b", kind="flat", amount=n),))
        for n in range(1, 7)
    ]
    made = await asyncio.gather(*[update(db, app.live, plan.id, terms=one) for one in terms])
    assert sorted(one.version for one in made) == list(range(2, 8))


async def test_lists_and_their_filters(db: Database) -> None:
    app = (await cast.first_app(db)).app
    yearly = Terms(interval="yearly", currency="EUR")
    basic = await create(db, app.live, name="Basic", tier="basic")
    pro = await create(db, app.live, name="Pro 100%", tier="pro")
    year = await create(db, app.live, name="Pro by the YEAR", tier="pro", terms=yearly, status="archived")
    await create(db, app.test)

    async def ids(**filters: Any) -> list[UUID]:
        async with db.connection() as conn:
            return [row.id for row in (await views.plans(conn, app.live, **filters)).rows]

    assert await ids() == [year.id, pro.id, basic.id]
    assert await ids(status="active") == [pro.id, basic.id]
    assert await ids(tier="pro") == [year.id, pro.id]
    assert await ids(interval="yearly") == await ids(currency="EUR") == [year.id]
    assert await ids(name="year") == [year.id]
    assert await ids(name="%") == [pro.id]
    assert await ids(name="_") == await ids(name="\0") == await ids(tier="\ud800") == []
    async with db.connection() as conn:
        page = await views.plans(conn, app.live, limit=2)
        assert ([row.id for row in page.rows], page.next_key) == ([year.id, pro.id], 2)
    assert await ids(before=page.next_key) == [basic.id]
    await update(db, app.live, pro.id, terms=yearly)
    assert await ids(interval="yearly") == [year.id, pro.id]


@pytest.mark.parametrize(
    ("field", "fields"),
    [
        ("name", {"name": ""}),
        ("name", {"name": "x\0"}),
        ("name", {"name": "x" * 256}),
        ("description", {"description": "\ud800"}),
        ("description", {"description": "x" * 2001}),
        ("key", {"key": ""}),
        ("key", {"key": "a b"}),
        ("key", {"key": "\0"}),
        ("tier", {"tier": "é"}),
        ("rank", {"rank": -1}),
        ("rank", {"rank": 2**40}),
        ("rank", {"rank": True}),
        ("status", {"status": "gone"}),
        ("metadata", {"metadata": {"a": "\ud800"}}),
        ("metadata", {"metadata": {"a": "x" * 20_000}}),
        ("currency", {"terms": Terms(interval="monthly", currency="XXX")}),
        (
            "allowances.0.credit_type",
            {
                "terms": Terms(
                    interval="monthly",
                    currency="USD",
                    allowances=(Allowance(credit_type="gold", amount=1),),
                )
            },
        ),
        ("features.sms", {"terms": Terms(interval="monthly", currency="USD", features={"sms": True})}),
        ("features.seats", {"terms": Terms(interval="monthly", currency="USD", features={"seats": True})}),
        ("features.sso", {"terms": Terms(interval="monthly", currency="USD", features={"sso": 1})}),
        ("features.sso", {"terms": Terms(interval="monthly", currency="USD", features={"sso": None})}),
        ("features.calls", {"terms": Terms(interval="monthly", currency="USD", features={"calls": 5})}),
    ],
)
async def test_what_is_wrong_is_named(db: Database, field: str, fields: dict[str, Any]) -> None:
    app = (await cast.first_app(db)).app
    await define_all(db, app.live)
    plan = await create(db, app.live)
    with pytest.raises(Invalid) as refused:
        await create(db, app.live, **fields)
    assert refused.value.field == field
    if "key" not in fields:  # which never changes
        with pytest.raises(Invalid) as refused:
            await update(db, app.live, plan.id, **fields)
        assert refused.value.field == field


async def test_a_plan_that_is_kept_is_not_deleted(db: Database) -> None:
    app = (await cast.first_app(db)).app
    plan = await create(db, app.live)
    await cast.crowd(db)
    done: list[str] = []

    async def delete() -> None:
        async with db.tx() as tx:
            await actions.delete_plan(tx, app.live, plan.id, by="test")
            done.append("deleted")

    async with db.tx() as tx:
        assert await actions.keep_plan(tx, app.live, plan.id) == plan
        async with db.tx() as other:
            assert await actions.keep_plan(other, app.live, plan.id) == plan
        with pytest.raises(NotFound):
            await actions.keep_plan(tx, app.test, plan.id)
        deleting = asyncio.create_task(delete())
        await asyncio.wait([deleting], timeout=0.2)
        done.append("kept")
    await deleting
    assert done == ["kept", "deleted"]
    async with db.tx() as tx:
        with pytest.raises(NotFound):
            await actions.keep_plan(tx, app.live, plan.id)
