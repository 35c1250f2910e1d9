"""API keys: shown once, checked without a read where noise will do, revoked at once."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tallystick.db.pool import Database, value
from tallystick.domain.identity import keys, views
from tallystick.domain.identity.model import ApiKey, Secrets
from tallystick.kernel.actor import Mode, Scope
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.ids import uuid7
from tests import cast

pytestmark = pytest.mark.anyio

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


async def make_key(
    db: Database,
    secrets: Secrets,
    tenant: int,
    *,
    scope: Scope = Scope.WRITE,
    expires_at: datetime | None = None,
    derive_from: bytes | None = None,
) -> keys.NewKey:
    async with db.tx() as tx:
        return await keys.create_api_key(
            tx,
            secrets,
            tenant,
            name="CI",
            scope=scope,
            created_by="test",
            expires_at=expires_at,
            derive_from=derive_from,
        )


async def revoke(db: Database, tenant: int, key: UUID) -> ApiKey:
    async with db.tx() as tx:
        return await keys.revoke_api_key(tx, tenant, key, by="test", reason="leaked")


def test_text_names_its_id_and_a_typo_does_not() -> None:
    text = keys.key_text(Mode.LIVE, id := uuid7(), random.randbytes(24))
    assert len(text) == 80
    assert keys.key_id(text) == id
    for place in range(8, len(text)):
        for char in _ALPHABET:
            if char != text[place]:
                assert keys.key_id(text[:place] + char + text[place + 1 :]) is None
    for place in range(8, len(text) - 8):
        swapped = text[:place] + text[place + 1] + text[place] + text[place + 2 :]
        assert swapped == text or keys.key_id(swapped) is None


@pytest.mark.parametrize(
    "text", ["", "cb_", "cb_live_", "cb_live_" + "z" * 72, "é" * 80, "cb_prod_" + "0" * 72]
)
def test_noise_is_no_key(text: str) -> None:
    assert keys.key_id(text) is None


def test_the_mode_is_under_the_checksum() -> None:
    text = keys.key_text(Mode.LIVE, uuid7(), bytes(24))
    assert keys.key_id(text.replace("live", "test")) is None
    assert keys.key_id(text.upper()) is None
    assert keys.key_id(text + "\n") is None


async def test_create_list_revoke(db: Database) -> None:
    first = await cast.first_app(db)
    secrets = await cast.secrets(db)
    until = datetime.now(UTC) + timedelta(days=1)
    made = await make_key(db, secrets, first.app.test, scope=Scope.READ, expires_at=until)
    assert made.text.startswith("cb_test_")
    assert made.key.hint == made.text[-4:]
    assert made.text not in repr(made)
    assert (made.key.scope, made.key.expires_at, made.key.revoked_at) == (Scope.READ, until, None)
    async with db.connection() as conn:
        listed = await views.api_keys(conn, first.app.test)
        stored = await value(conn, "select hash from api_key where id = %s", [made.key.id])
    assert [key.name for key in listed] == ["CI", "First key"]
    assert stored == keys.key_hash(secrets, made.text)
    once = await revoke(db, first.app.test, made.key.id)
    twice = await revoke(db, first.app.test, made.key.id)
    assert once.revoked_at is not None
    assert once == twice
    async with db.connection() as conn:
        acts = (await views.audit_log(conn, first.app.test)).rows
    assert [(act.action, act.target, act.reason) for act in acts[:2]] == [
        ("api_key.revoke", f"key:{made.key.id}", "leaked"),
        ("api_key.create", f"key:{made.key.id}", None),
    ]


async def test_another_tenants_key_is_not_found(db: Database) -> None:
    first, other = await cast.first_app(db), await cast.second_app(db)
    made = await make_key(db, await cast.secrets(db), first.app.live)
    for stranger in (first.app.test, other.live):
        with pytest.raises(NotFound):
            await revoke(db, stranger, made.key.id)
        async with db.connection() as conn:
            with pytest.raises(NotFound):
                await views.api_key(conn, stranger, made.key.id)
    async with db.connection() as conn:
        assert (await views.api_key(conn, first.app.live, made.key.id)).revoked_at is None


async def test_a_derived_key_can_be_shown_again(db: Database) -> None:
    first = await cast.first_app(db)
    secrets = await cast.secrets(db)
    made = await make_key(db, secrets, first.app.live, derive_from=b"request-1")
    twin = await make_key(db, secrets, first.app.live, derive_from=b"request-1")
    assert keys.derived_text(secrets, Mode.LIVE, made.key.id, b"request-1") == made.text
    assert keys.derived_text(secrets, Mode.LIVE, made.key.id, b"request-2") != made.text
    assert twin.text[34:73] != made.text[34:73]


async def test_bad_names_and_tenants_are_refused(db: Database) -> None:
    await cast.first_app(db)
    secrets = await cast.secrets(db)
    for name in ("", "x" * 101, "a\x00b", "\ud800"):
        with pytest.raises(Invalid) as refused:
            async with db.tx() as tx:
                await keys.create_api_key(tx, secrets, 1, name=name, scope=Scope.READ, created_by="test")
        assert refused.value.field == "name"
    with pytest.raises(NotFound):
        await make_key(db, secrets, 99)


async def test_last_use_never_moves_back(db: Database) -> None:
    first = await cast.first_app(db)
    secrets = await cast.secrets(db)
    ids = [(await make_key(db, secrets, first.app.live)).key.id for _ in range(5)]
    now = datetime.now(UTC)

    async def write(seen: dict[UUID, datetime]) -> None:
        async with db.tx() as tx:
            await keys.write_last_used(tx, seen)

    await write({})
    backwards = dict.fromkeys(reversed(ids), now - timedelta(minutes=1))
    await cast.crowd(db)
    await asyncio.gather(*[write(seen) for _ in range(10) for seen in (dict.fromkeys(ids, now), backwards)])
    await write({ids[0]: now - timedelta(days=1), uuid7(): now})
    async with db.connection() as conn:
        for id in ids:
            assert (await views.api_key(conn, first.app.live, id)).last_used_at == now
