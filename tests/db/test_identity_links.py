"""Choosing a password by a mailed link, changing one that is known, and what neither tells or lets through."""

import asyncio
import re
from datetime import timedelta
from uuid import UUID

import pytest
from argon2 import PasswordHasher

from tallystick.db.pool import Database, all_rows, run, value
from tallystick.domain.identity import actions, jobs, password_links, tokens, views
from tallystick.domain.identity.model import FirstRun, User
from tallystick.domain.identity.password_links import PasswordLink
from tallystick.domain.identity.sign_in import SignedIn, change_password, sign_in
from tallystick.kernel.actor import Mode
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound, TooManyAttempts, Unauthenticated
from tests import cast

pytestmark = pytest.mark.anyio

ANN = "ann@acme.example"
NEW = "staple horse correct"
LINK = password_links.address("https://t.example")


class _Body:
    def __init__(self, recipient: str, body: str) -> None:
        self.recipient, self.body = recipient, body


class Desk:
    """A user who forgot their password, under a clock that the test moves."""

    def __init__(self, db: Database, first: FirstRun, ann: User) -> None:
        self.db, self.first, self.ann, self.clock = db, first, ann, cast.StoppedClock()
        self.tenant = first.app.live

    async def ask(self, email: str = ANN, tenant: int | None = None) -> None:
        await password_links.request_reset(self.db, self.clock, tenant or self.tenant, email, link=LINK)

    async def mailed(self) -> list[tuple[str, str]]:
        """Recipient and token of each letter, oldest first."""
        async with self.db.connection() as conn:
            rows = await all_rows(conn, _Body, "select recipient, body from mail order by id")
        return [(row.recipient, re.findall(r"/password/([\w-]{32})\n", row.body)[0]) for row in rows]

    async def token(self) -> str:
        """Of a link that was just asked for."""
        await self.ask()
        return (await self.mailed())[-1][1]

    async def use(self, token: str, password: str = NEW) -> PasswordLink:
        return await password_links.use_link(self.db, self.clock, token, password)

    async def dead(self, token: str) -> bool:
        with pytest.raises(NotFound) as used:
            await self.use(token)
        with pytest.raises(NotFound) as checked:
            async with self.db.connection() as conn:
                await password_links.check_link(conn, token, self.clock.now())
        return used.value.what == checked.value.what == "link"

    async def sign_in(self, password: str, email: str = ANN) -> SignedIn:
        secrets, app = await cast.secrets(self.db), self.first.app.id
        return await sign_in(
            self.db, secrets, self.clock, app=app, mode=Mode.LIVE, email=email, password=password
        )

    async def attempt(self, password: str) -> str:
        """The code of the refusal, or "in"."""
        try:
            await self.sign_in(password)
        except Fact as fact:
            return fact.code
        return "in"

    async def change(self, old: str, new: str = NEW, user: UUID | None = None) -> str:
        """The code of the refusal and, if it is that, the field; or "changed"."""
        try:
            await change_password(self.db, self.clock, self.tenant, user or self.ann.id, old=old, new=new)
        except Invalid as fact:
            return fact.field
        except Fact as fact:
            return fact.code
        return "changed"

    async def refreshes(self, signed: SignedIn) -> bool:
        try:
            await tokens.refresh(self.db, await cast.secrets(self.db), self.clock, signed.tokens.refresh)
        except Unauthenticated:
            return False
        return True

    async def acts(self) -> list[tuple[str, str]]:
        async with self.db.connection() as conn:
            return [(e.action, e.actor) for e in (await views.audit_log(conn, self.tenant)).rows]


@pytest.fixture(scope="module")
def hashed() -> str:
    """Ann's password as it is stored: made once, since it takes a while."""
    return PasswordHasher().hash(cast.PASSWORD)


@pytest.fixture
async def desk(db: Database, hashed: str) -> Desk:
    first = await cast.first_app(db)
    async with db.tx() as tx:
        ann = await actions.create_user(tx, first.app.live, email=ANN, password_hash=hashed, by="test")
    return Desk(db, first, ann)


async def test_a_link_gives_another_password_once(db: Database, desk: Desk) -> None:
    signed = await desk.sign_in(cast.PASSWORD)
    await desk.ask(" Ann@ACME.example ")
    [(recipient, token)] = await desk.mailed()
    assert recipient == ANN
    async with db.connection() as conn:
        found = await password_links.check_link(conn, token, desk.clock.now())
        stored = await value(conn, "select encode(hash, 'hex') from password_link")
        key, subject = [await value(conn, f"select {name} from mail") for name in ("key", "subject")]
    assert (found.tenant, found.user, found.email, found.cause) == (desk.tenant, desk.ann.id, ANN, "reset")
    assert found.expires_at == desk.clock.moment + timedelta(hours=1)
    assert subject == "Choose a new password for Tallystick"
    assert token not in key + stored
    assert (await desk.use(token)).email == ANN
    assert await desk.attempt(cast.PASSWORD) == "unauthenticated"
    assert await desk.attempt(NEW) == "in"
    assert not await desk.refreshes(signed)
    assert await desk.dead(token)
    assert ("user.set_password", f"user:{desk.ann.id}") in await desk.acts()


async def test_a_password_that_is_too_short_keeps_the_link_good(desk: Desk) -> None:
    token = await desk.token()
    with pytest.raises(Invalid) as fact:
        await desk.use(token, "short")
    assert fact.value.field == "password"
    await desk.use(token)


async def test_a_link_is_good_for_an_hour(desk: Desk) -> None:
    first = await desk.token()
    desk.clock.move(minutes=59, seconds=59)
    second = await desk.token()
    desk.clock.move(seconds=1)
    assert await desk.dead(first)
    await desk.use(second)


async def test_using_one_link_ends_the_others(desk: Desk) -> None:
    links = [await desk.token() for _ in range(3)]
    await desk.use(links[1])
    assert [await desk.dead(link) for link in links] == [True] * 3
    last = await desk.token()
    assert await desk.change(NEW, cast.PASSWORD) == "changed"
    assert await desk.dead(last)


@pytest.mark.parametrize("token", ["", "x", "x" * 32, "\0", "\ud800", "ä" * 5000])
async def test_what_is_no_link(desk: Desk, token: str) -> None:
    await desk.ask()
    assert await desk.dead(token)


async def test_nobody_learns_which_addresses_exist(db: Database, desk: Desk) -> None:
    gone = await cast.make_user(db, desk.tenant, "gone@acme.example")
    await cast.deactivate(db, desk.tenant, gone.id)
    for email in ("nobody@acme.example", "gone@acme.example", "no address", "\ud800", "", "x" * 9999):
        await desk.ask(email)
    assert await desk.mailed() == []
    async with db.connection() as conn:  # the unknown leave what the known leave
        assert await value(conn, "select count(*) from password_link where user_id is null") == 2
    for _ in range(6):
        await desk.ask("nobody@acme.example")
    async with db.connection() as conn:
        asked = "select count(*) from password_link where email = 'nobody@acme.example'"
        assert await value(conn, asked) == 5
    with pytest.raises(NotFound):
        await desk.ask(tenant=99)


async def test_an_hour_has_five_letters(desk: Desk) -> None:
    for _ in range(7):
        await desk.ask()
        desk.clock.move(minutes=1)
    assert len(await desk.mailed()) == 5
    desk.clock.move(minutes=53)
    await desk.ask()
    assert len(await desk.mailed()) == 6
    await desk.ask(tenant=desk.first.app.test)  # another mode counts for itself
    assert len(await desk.mailed()) == 7


async def test_asked_for_often_at_once(db: Database, desk: Desk) -> None:
    await cast.crowd(db)
    await asyncio.gather(*[desk.ask() for _ in range(20)])
    assert len({token for _, token in await desk.mailed()}) == 5


async def test_used_twice_at_once(db: Database, desk: Desk) -> None:
    await cast.crowd(db)
    first, second = await desk.token(), await desk.token()
    passwords = [f"password number {n}" for n in range(4)]
    results = await asyncio.gather(
        *[desk.use([first, second][n % 2], password) for n, password in enumerate(passwords)],
        return_exceptions=True,
    )
    assert sum(isinstance(one, NotFound) for one in results) == 3
    [won] = [n for n, one in enumerate(results) if isinstance(one, PasswordLink)]
    assert await desk.attempt(passwords[won]) == "in"


async def test_a_user_who_is_kept_out_has_no_use_of_a_link(db: Database, desk: Desk) -> None:
    token = await desk.token()
    await cast.deactivate(db, desk.tenant, desk.ann.id)
    assert await desk.dead(token)


async def test_a_used_link_lifts_a_lock_and_asking_for_one_does_not(db: Database, desk: Desk) -> None:
    values = {"app": desk.first.app.id, "email": ANN, "now": desk.clock.now()}
    async with db.tx() as tx:
        for _ in range(10):
            await run(tx, views.q.count_failure, values)
    token = await desk.token()
    assert await desk.attempt(cast.PASSWORD) == "too_many_attempts"
    with pytest.raises(Invalid):
        await desk.use(token, "short")
    assert await desk.attempt(cast.PASSWORD) == "too_many_attempts"
    await desk.use(token)
    assert await desk.attempt(NEW) == "in"


async def test_another_apps_user_of_the_address_is_another(db: Database, desk: Desk) -> None:
    other = await cast.second_app(db)
    await desk.ask(tenant=other.live)
    assert await desk.mailed() == []
    theirs = await cast.make_user(db, other.live, ANN)
    await desk.ask(tenant=other.live)
    [(_, token)] = await desk.mailed()
    used = await desk.use(token)
    assert (used.tenant, used.user) == (other.live, theirs.id)
    assert await desk.attempt(cast.PASSWORD) == "in"


async def test_old_links_are_purged(db: Database, desk: Desk) -> None:
    await desk.ask()
    desk.clock.move(hours=24)
    kept = await desk.token()
    desk.clock.move(hours=1, seconds=1)
    assert await jobs.purge_password_links(db, desk.clock.now()) == 1
    async with db.connection() as conn:
        assert await value(conn, "select count(*) from password_link") == 1
    assert await desk.dead(kept)


async def test_who_knows_their_password_changes_it(db: Database, desk: Desk) -> None:
    signed = await desk.sign_in(cast.PASSWORD)
    assert await desk.change("wrong password") == "old"
    assert await desk.change(cast.PASSWORD, "short") == "password"
    assert await desk.attempt(cast.PASSWORD) == "in"
    assert await desk.change(cast.PASSWORD) == "changed"
    assert not await desk.refreshes(signed)
    assert await desk.attempt(cast.PASSWORD) == "unauthenticated"
    assert await desk.attempt(NEW) == "in"
    assert ("user.change_password", f"user:{desk.ann.id}") in await desk.acts()
    other = await cast.second_app(db)
    with pytest.raises(NotFound):
        await change_password(db, desk.clock, other.live, desk.ann.id, old=NEW, new=cast.PASSWORD)


async def test_changing_is_no_way_to_guess(db: Database, desk: Desk) -> None:
    values = {"app": desk.first.app.id, "email": ANN, "now": desk.clock.now()}
    async with db.tx() as tx:
        for _ in range(8):
            await run(tx, views.q.count_failure, values)
    assert await desk.attempt("wrong password") == "unauthenticated"
    assert await desk.change("wrong password") == "old"
    with pytest.raises(TooManyAttempts) as refused:
        await change_password(db, desk.clock, desk.tenant, desk.ann.id, old=cast.PASSWORD, new=NEW)
    assert refused.value.retry_after == 60
    assert await desk.attempt(cast.PASSWORD) == "too_many_attempts"
    desk.clock.move(minutes=1)
    assert await desk.change(cast.PASSWORD) == "changed"


async def test_a_change_that_meets_the_tenth_failure_learns_nothing(db: Database, desk: Desk) -> None:
    values = {"app": desk.first.app.id, "email": ANN, "now": desk.clock.now()}
    for _ in range(9):
        async with db.tx() as tx:
            await run(tx, views.q.count_failure, values)
    async with db.tx() as tx:
        assert await run(tx, views.q.count_failure, values) == 1
        asking = asyncio.create_task(desk.change(cast.PASSWORD))
        await _waited_for(db)
    assert await asking == "too_many_attempts"
    desk.clock.move(minutes=1)
    assert await desk.attempt(cast.PASSWORD) == "in"


async def test_two_changes_at_once(db: Database, desk: Desk) -> None:
    await cast.crowd(db)
    news = [f"password number {n}" for n in range(4)]
    results = await asyncio.gather(*[desk.change(cast.PASSWORD, new) for new in news])
    assert sorted(results) == ["changed", "old", "old", "old"]
    assert await desk.attempt(news[results.index("changed")]) == "in"


async def test_who_has_no_password_has_none_to_change(db: Database, desk: Desk) -> None:
    user = await cast.make_user(db, desk.tenant, "google@acme.example")
    with pytest.raises(Conflict) as fact:
        await change_password(db, desk.clock, desk.tenant, user.id, old="", new=NEW)
    assert fact.value.code == "no_password"
    await desk.ask("google@acme.example")  # a link gives them one
    await desk.use((await desk.mailed())[0][1])
    assert (await desk.sign_in(NEW, "google@acme.example")).user.id == user.id


async def test_staff_are_made_and_unmade(db: Database, desk: Desk) -> None:
    for staff in (True, False):
        async with db.tx() as tx:
            await actions.set_staff(tx, desk.tenant, desk.ann.id, staff, by="key:1")
            assert (await views.user(tx, desk.tenant, desk.ann.id)).staff is staff
    assert [act for act in await desk.acts() if act[0] == "user.set_staff"] == [
        ("user.set_staff", "key:1")
    ] * 2
    other = await cast.second_app(db)
    with pytest.raises(NotFound):
        async with db.tx() as tx:
            await actions.set_staff(tx, other.live, desk.ann.id, True, by="key:1")


async def _waited_for(db: Database) -> None:
    """Until somebody in this database waits for a row that another transaction holds."""
    waiting = """
        select count(*) from pg_locks l join pg_stat_activity a using (pid)
        where not l.granted and a.datname = current_database()
    """
    async with asyncio.timeout(60), db.connection() as conn:
        while not await value(conn, waiting):  # noqa: ASYNC110 - the database tells nobody of it
            await asyncio.sleep(0.01)
