"""Credit types: defined once, never gone, one of them the default."""

import asyncio

import pytest

from tallystick.db.pool import Database, run
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import CreditType
from tallystick.domain.catalog.views import CreditTypes
from tallystick.domain.identity import views as identity
from tallystick.kernel.errors import Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio


async def put(db: Database, tenant: int, code: str, name: str = "A type") -> CreditType:
    async with db.tx() as tx:
        return await actions.put_credit_type(tx, tenant, code=code, name=name, by="test")


async def set_default(db: Database, tenant: int, code: str) -> CreditType:
    async with db.tx() as tx:
        return await actions.set_default(tx, tenant, code, by="test")


async def test_put_and_list(db: Database) -> None:
    app = (await cast.first_app(db)).app
    made = await put(db, app.live, "api_calls", "API calls")
    assert (made.code, made.name, made.default) == ("api_calls", "API calls", False)
    assert await put(db, app.live, "api_calls", "API calls") == made
    renamed = await put(db, app.live, "api_calls", "Calls")
    assert (renamed.name, renamed.created_at) == ("Calls", made.created_at)
    async with db.connection() as conn:
        assert [type.code for type in await views.credit_types(conn, app.live)] == ["api_calls", "credits"]
        assert [type.code for type in await views.credit_types(conn, app.test)] == ["credits"]
        acts = [act.action for act in (await identity.audit_log(conn, app.live)).rows]
    assert acts.count("credit_type.put") == 2  # the repeat was none


@pytest.mark.parametrize("code", ["", "A", "1a", "_a", "a-b", "a b", "a\n", "é", "a" * 64, "a\x00"])
async def test_wrong_codes_are_refused(db: Database, code: str) -> None:
    app = (await cast.first_app(db)).app
    with pytest.raises(Invalid) as refused:
        await put(db, app.live, code)
    assert refused.value.field == "code"
    with pytest.raises(NotFound):
        await set_default(db, app.live, code)
    with pytest.raises(Invalid) as refused:
        await CreditTypes(db).resolve(app.live, code)
    assert refused.value.field == "credit_type"


async def test_default(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await put(db, app.live, "tokens")
    assert (await set_default(db, app.live, "tokens")).default
    async with db.connection() as conn:
        defaults = [type.code for type in await views.credit_types(conn, app.live) if type.default]
        assert defaults == ["tokens"]
        assert (await identity.tenant(conn, app.test)).default_credit_type == "credits"
    with pytest.raises(NotFound):
        await set_default(db, app.test, "tokens")  # another tenant's


async def test_memory_of_types(db: Database) -> None:
    app = (await cast.first_app(db)).app
    seconds = 1000.0
    types = CreditTypes(db, monotonic=lambda: seconds)
    assert types.cached(app.live, None) is None
    assert types.cached(app.live, "credits") is None
    assert await asyncio.gather(*[types.resolve(app.live, None) for _ in range(20)]) == ["credits"] * 20
    assert types.cached(app.live, None) == "credits"
    assert types.cached(app.live, "credits") == "credits"
    assert types.cached(app.test, "credits") is None
    with pytest.raises(Invalid) as refused:
        await types.resolve(app.live, "tokens")
    assert refused.value.message == "credit_type is not defined: tokens"
    await put(db, app.live, "tokens")
    assert await types.resolve(app.live, "tokens") == "tokens"  # a refusal was not remembered
    await set_default(db, app.live, "tokens")
    assert await types.resolve(app.live, None) == "credits"
    seconds += 1.0
    assert types.cached(app.live, None) is None
    assert await types.resolve(app.live, None) == "tokens"
    async with db.tx() as tx:
        await run(tx, "delete from credit_type where code = 'tokens'")
    seconds += 1e6
    assert types.cached(app.live, "tokens") == "tokens"  # known for ever
    with pytest.raises(NotFound):
        await types.resolve(99, None)
    for text in ("\ud800", "x" * 500):
        with pytest.raises(Invalid):
            await types.resolve(app.live, text)
