"""The cast: who appears in the tests. ``acme`` and ``globex`` are customers of the first app."""

from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from tallystick.db.pool import Database
from tallystick.domain.identity import actions, passwords, views
from tallystick.domain.identity.first_run import ensure_first_app
from tallystick.domain.identity.model import Account, App, FirstRun, Secrets, User

PASSWORD = "correct horse battery"
_hashes: dict[str, str] = {}


@dataclass
class StoppedClock:
    """A clock that stands until it is moved."""

    moment: datetime = field(default_factory=lambda: datetime.now(UTC))

    def now(self) -> datetime:
        return self.moment

    def move(self, **by: float) -> None:
        self.moment += timedelta(**by)


async def crowd(db: Database, people: int = 6) -> None:
    """Have the pool hold so many connections that what a test then does at once is at once."""
    async with AsyncExitStack() as stack:
        for _ in range(people):
            await stack.enter_async_context(db.connection())


async def first_app(db: Database) -> FirstRun:
    """What the first run makes; ``.app.live`` is the tenant that most tests use."""
    async with db.tx() as tx:
        made = await ensure_first_app(tx)
    assert made is not None
    return made


async def second_app(db: Database) -> App:
    """Another product on the same server: the stranger of every test of isolation."""
    async with db.tx() as tx:
        return await actions.create_app(tx, "Another product")


async def secrets(db: Database) -> Secrets:
    async with db.connection() as conn:
        return await views.load_secrets(conn)


async def make_account(db: Database, tenant: int, **fields: Any) -> Account:
    async with db.tx() as tx:
        return await actions.create_account(tx, tenant, **fields)


async def acme(db: Database, tenant: int) -> Account:
    return await make_account(
        db, tenant, external_id="acme", name="Acme", email="billing@acme.example", time_zone="Africa/Kampala"
    )


async def globex(db: Database, tenant: int) -> Account:
    return await make_account(db, tenant, external_id="globex", name="Globex", currency="UGX")


async def hash_of(password: str) -> str:
    """A hash of the password, for all who have it the same: making one is meant to take long."""
    if password not in _hashes:
        _hashes[password] = await passwords.hash_password(password)
    return _hashes[password]


async def make_user(
    db: Database, tenant: int, email: str = "ann@acme.example", password: str | None = None, **fields: Any
) -> User:
    """A user; without a password they cannot sign in by one."""
    hashed = None if password is None else await hash_of(password)
    async with db.tx() as tx:
        return await actions.create_user(tx, tenant, email=email, password_hash=hashed, by="test", **fields)


async def deactivate(db: Database, tenant: int, user: UUID) -> None:
    async with db.tx() as tx:
        await actions.set_active(tx, tenant, user, False, by="test")
