"""Signing in: right, wrong, too often."""

import asyncio
import time

import pytest
from argon2 import PasswordHasher

from tallystick.db.pool import Database, run, value
from tallystick.domain.identity import actions, jobs, memberships, passwords, views
from tallystick.domain.identity.model import FirstRun
from tallystick.domain.identity.sign_in import SignedIn, sign_in
from tallystick.kernel.actor import Mode, Role
from tallystick.kernel.errors import Fact, NotFound, TooManyAttempts, Unauthenticated
from tallystick.kernel.ids import uuid7
from tests import cast

pytestmark = pytest.mark.anyio


class Door:
    """An app's sign-in with a clock that the test moves."""

    def __init__(self, db: Database, first: FirstRun) -> None:
        self.db, self.first, self.clock = db, first, cast.StoppedClock()

    async def open(self, email: str, password: str, mode: Mode = Mode.LIVE) -> SignedIn:
        secrets = await cast.secrets(self.db)
        app = self.first.app.id
        return await sign_in(self.db, secrets, self.clock, app=app, mode=mode, email=email, password=password)

    async def attempt(self, email: str, password: str) -> str:
        """The code of the refusal, or "in"."""
        try:
            await self.open(email, password)
        except Fact as fact:
            return fact.code
        return "in"


@pytest.fixture
async def door(db: Database) -> Door:
    first = await cast.first_app(db)
    await cast.make_user(db, first.app.live, "ann@acme.example", cast.PASSWORD)
    return Door(db, first)


async def test_right_password_gives_tokens_and_a_home(db: Database, door: Door) -> None:
    for mode, tenant in ((Mode.LIVE, door.first.app.live), (Mode.TEST, door.first.app.test)):
        signed = await door.open(" ANN@acme.example", cast.PASSWORD, mode)
        assert signed.tenant == tenant
        assert signed.user.last_login_at == door.clock.moment
        async with db.connection() as conn:
            (mine,) = await views.memberships(conn, tenant, signed.user.id)
        assert (mine.role, mine.home, mine.account_name) == (Role.OWNER, True, "ann@acme.example")
    again = await door.open("ann@acme.example", cast.PASSWORD)
    assert again.tokens.refresh != signed.tokens.refresh
    async with db.connection() as conn:
        assert len(await views.memberships(conn, door.first.app.live, signed.user.id)) == 1


async def test_a_member_keeps_their_home(db: Database, door: Door) -> None:
    tenant = door.first.app.live
    acme = await cast.acme(db, tenant)
    async with db.tx() as tx:
        ann = await views.user_by_email(tx, tenant, "ann@acme.example")
        await memberships.add(tx, tenant, account=acme.account_id, user=ann.id, role=Role.VIEWER, by="test")
    await door.open("ann@acme.example", cast.PASSWORD)
    async with db.connection() as conn:
        assert [m.account_id for m in await views.memberships(conn, tenant, ann.id)] == [acme.account_id]


async def test_wrong_unknown_and_inactive_are_told_the_same(db: Database, door: Door) -> None:
    tenant = door.first.app.live
    await cast.make_user(db, tenant, "no-password@acme.example")
    gone = await cast.make_user(db, tenant, "gone@acme.example", cast.PASSWORD)
    await cast.deactivate(db, tenant, gone.id)
    told = set()
    for email, password in (
        ("ann@acme.example", "wrong password"),
        ("ann@acme.example", "\ud800"),
        ("ann@acme.example", ""),
        ("nobody@acme.example", cast.PASSWORD),
        ("no-password@acme.example", cast.PASSWORD),
        ("gone@acme.example", cast.PASSWORD),
        ("not an address\x00", cast.PASSWORD),
    ):
        with pytest.raises(Unauthenticated) as refused:
            await door.open(email, password)
        told.add((refused.value.message, refused.value.details["reason"]))
    assert told == {("The e-mail address or the password is wrong.", "wrong_password")}


async def test_an_unknown_address_takes_as_long(door: Door) -> None:
    async def took(email: str) -> float:
        best = 9.0
        for _ in range(5):
            began = time.perf_counter()
            await door.attempt(email, "wrong password")
            best = min(best, time.perf_counter() - began)
        return best

    known, unknown = await took("ann@acme.example"), await took("nobody@acme.example")
    assert 0.25 < unknown / known < 4  # without the hash it would be a tenth


async def test_another_app_does_not_know_the_user(db: Database, door: Door) -> None:
    other = await cast.second_app(db)
    secrets = await cast.secrets(db)
    values = {"email": "ann@acme.example", "password": cast.PASSWORD, "mode": Mode.LIVE}
    with pytest.raises(Unauthenticated):
        await sign_in(db, secrets, door.clock, app=other.id, **values)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await sign_in(db, secrets, door.clock, app=uuid7(), **values)  # type: ignore[arg-type]


@pytest.mark.parametrize("email", ["ann@acme.example", "nobody@acme.example"])
async def test_ten_failures_lock_the_address_for_longer_each_time(door: Door, email: str) -> None:
    for _ in range(10):
        assert await door.attempt(email, "wrong password") == "unauthenticated"
    with pytest.raises(TooManyAttempts) as refused:
        await door.open(email, cast.PASSWORD)
    assert refused.value.retry_after == 60
    for minutes in (2, 4, 8, 16, 32, 64, 64):
        door.clock.move(seconds=refused.value.retry_after)
        assert await door.attempt(email, "wrong password") == "unauthenticated"
        with pytest.raises(TooManyAttempts) as refused:
            await door.open(email, cast.PASSWORD)
        assert refused.value.retry_after == minutes * 60


async def test_the_right_password_in_time_forgets_the_failures(door: Door) -> None:
    for _ in range(2):
        for _ in range(9):
            assert await door.attempt("ann@acme.example", "wrong password") == "unauthenticated"
        assert await door.attempt("ann@acme.example", cast.PASSWORD) == "in"


async def test_of_many_guesses_at_once_only_ten_count(db: Database, door: Door) -> None:
    await cast.crowd(db)
    codes = await asyncio.gather(*[door.attempt("ann@acme.example", f"guess {n}") for n in range(25)])
    assert sorted(codes) == ["too_many_attempts"] * 15 + ["unauthenticated"] * 10
    assert await door.attempt("ann@acme.example", cast.PASSWORD) == "too_many_attempts"
    async with db.connection() as conn:
        assert await value(conn, "select failures from sign_in_failure") == 10


async def test_a_right_guess_that_meets_the_tenth_failure_learns_nothing(db: Database, door: Door) -> None:
    for _ in range(9):
        await door.attempt("ann@acme.example", "wrong password")
    async with db.tx() as tx:
        values = {"app": door.first.app.id, "email": "ann@acme.example", "now": door.clock.now()}
        assert await run(tx, views.q.count_failure, values) == 1
        asking = asyncio.create_task(door.attempt("ann@acme.example", cast.PASSWORD))
        await asyncio.sleep(0.7)  # the password is verified, and its address not yet seen to be locked
        assert not asking.done()
    assert await asking == "too_many_attempts"


async def test_many_right_ones_at_once_all_come_in(door: Door) -> None:
    assert set(
        await asyncio.gather(*[door.attempt("ann@acme.example", cast.PASSWORD) for _ in range(15)])
    ) == {"in"}


async def test_a_hash_of_old_parameters_is_made_anew(db: Database, door: Door) -> None:
    old = PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash(cast.PASSWORD)
    async with db.tx() as tx:
        ann = await views.user_by_email(tx, door.first.app.live, "ann@acme.example")
        await actions.set_password(tx, door.first.app.live, ann.id, old, by="test")
    await door.open("ann@acme.example", cast.PASSWORD)
    async with db.connection() as conn:
        stored = await value(conn, "select password_hash from app_user where id = %s", [ann.id])
    assert stored != old
    assert not passwords.outdated(stored)
    assert stored.startswith("$argon2id$")
    await door.open("ann@acme.example", cast.PASSWORD)


async def test_left_alone_failures_are_purged(db: Database, door: Door) -> None:
    await door.attempt("ann@acme.example", "wrong password")
    await door.attempt("nobody@acme.example", "wrong password")
    async with db.tx() as tx:
        await run(
            tx, "update sign_in_failure set last_at = last_at - interval '2 days' where email like 'no%'"
        )
    assert await jobs.purge_sign_in_failures(db, door.clock.now()) == 1
    assert await jobs.purge_sign_in_failures(db, door.clock.now()) == 0
