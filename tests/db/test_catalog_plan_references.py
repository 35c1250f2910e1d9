"""Plans and the features they name: neither is left without the other."""

import asyncio
from uuid import UUID

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Terms
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tallystick.kernel.ids import uuid7
from tests import cast
from tests.db.test_catalog_plans import FLAT, create, define, update

pytestmark = pytest.mark.anyio


async def test_a_feature_that_a_plan_names_stays(db: Database) -> None:
    app = (await cast.first_app(db)).app
    seats = await define(db, app.live, "seats", "HARD_LIMIT")
    plan = await create(db, app.live, terms=Terms(interval="monthly", currency="USD", features={"seats": 3}))
    await update(db, app.live, plan.id, terms=FLAT)

    async def delete() -> None:
        async with db.tx() as tx:
            await actions.delete_feature(tx, app.live, seats, by="test")

    with pytest.raises(Conflict) as used:
        await delete()
    assert used.value.code == "feature_in_use"
    async with db.tx() as tx:
        await actions.delete_plan(tx, app.live, plan.id, by="test")
    await delete()
    with pytest.raises(NotFound):
        await delete()


async def test_a_plan_and_the_end_of_its_feature_at_once(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await cast.crowd(db)
    for n in range(10):
        feature = await define(db, app.live, f"f{n}", "BOOLEAN")
        terms = Terms(interval="monthly", currency="USD", features={f"f{n}": True})

        async def delete(feature: UUID = feature) -> None:
            async with db.tx() as tx:
                await actions.delete_feature(tx, app.live, feature, by="test")

        made, deleted = await asyncio.gather(
            create(db, app.live, terms=terms), delete(), return_exceptions=True
        )
        assert isinstance(made, Plan) != (deleted is None)
        assert isinstance(made if deleted is None else deleted, Fact)


async def test_what_a_plan_refers_to_is_its_own_tenants(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await define(db, app.live, "sso", "BOOLEAN")
    with pytest.raises(Invalid):
        await create(db, app.test, terms=Terms(interval="monthly", currency="USD", features={"sso": True}))
    async with db.connection() as conn:
        with pytest.raises(NotFound):
            await views.plan(conn, app.live, uuid7())
