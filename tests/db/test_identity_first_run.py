"""The first run makes what a server cannot be without, once."""

import asyncio

import pytest

from tallystick.db.pool import Database, all_rows, value
from tallystick.domain.catalog import views as catalog
from tallystick.domain.identity import views
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.first_run import ensure_first_app
from tallystick.domain.identity.model import FirstRun
from tallystick.domain.identity.sign_in import sign_in
from tallystick.kernel.actor import Mode, Scope
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.errors import NotFound
from tests import cast

pytestmark = pytest.mark.anyio


async def test_makes_tenants_credit_types_secrets_owner_and_keys(db: Database) -> None:
    made = await cast.first_app(db)
    secrets = await cast.secrets(db)
    assert len(secrets.api_key) == len(secrets.access_token) == 32
    assert secrets.api_key != secrets.access_token
    assert secrets.api_key.hex() not in repr(secrets)
    assert made.owner_password not in repr(made)
    assert made.live_key not in repr(made)
    credentials = Credentials(db, secrets, SystemClock())
    for tenant, mode, key in (
        (made.app.live, Mode.LIVE, made.live_key),
        (made.app.test, Mode.TEST, made.test_key),
    ):
        assert key.startswith(f"cb_{mode}_")
        actor = await credentials.actor(f"Bearer {key}")
        assert (actor.tenant, actor.app, actor.mode, actor.scope) == (tenant, made.app.id, mode, Scope.ADMIN)
        async with db.connection() as conn:
            assert [(c.code, c.name, c.default) for c in await catalog.credit_types(conn, tenant)] == [
                ("credits", "Credits", True)
            ]
            assert (await views.tenant_of(conn, made.app.id, mode)).id == tenant
            assert len(await views.api_keys(conn, tenant)) == 1
    signed = await sign_in(
        db,
        secrets,
        SystemClock(),
        app=made.app.id,
        mode=Mode.LIVE,
        email=made.owner_email,
        password=made.owner_password,
    )
    assert signed.user.staff
    assert signed.user.number == 1


async def test_second_time_makes_nothing_and_names_the_first(db: Database) -> None:
    async with db.connection() as conn:
        assert await views.first_app(conn) is None
        with pytest.raises(NotFound):
            await views.load_secrets(conn)
    made = await cast.first_app(db)
    async with db.tx() as tx:
        assert await ensure_first_app(tx) is None
    await cast.second_app(db)
    async with db.connection() as conn:
        first = await views.first_app(conn)
    assert first is not None
    assert (first.app_id, first.name, first.owner_email) == (
        made.app.id,
        "Tallystick",
        "owner@tallystick.local",
    )


async def test_four_at_once_make_one(db: Database) -> None:
    async def start() -> FirstRun | None:
        async with db.tx() as tx:
            return await ensure_first_app(tx)

    await cast.crowd(db)
    made = await asyncio.gather(*[start() for _ in range(4)])
    assert len([one for one in made if one is not None]) == 1
    async with db.connection() as conn:
        assert await value(conn, "select count(*) from tenant") == 2


async def test_stores_no_key_and_no_password(db: Database) -> None:
    made = await cast.first_app(db)
    async with db.connection() as conn:
        tables = await all_rows(
            conn, _Name, "select tablename as name from pg_tables where schemaname = current_schema()"
        )
        for table in tables:
            text = await value(conn, f"select coalesce(string_agg(t::text, ' '), '') from {table.name} t")
            for secret in (made.owner_password, made.live_key, made.live_key[34:73], made.test_key):
                assert secret not in text


class _Name:
    def __init__(self, name: str) -> None:
        self.name = name
