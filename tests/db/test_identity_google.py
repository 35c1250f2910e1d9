"""Signing in with Google: who a person is here, the first time, again, and at once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from tallystick.db.pool import Database, value
from tallystick.domain.identity import password_links, views
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.google import GoogleDown, GoogleRefused, sign_in_with_google
from tallystick.domain.identity.invitations import invite
from tallystick.domain.identity.model import FirstRun, User
from tallystick.domain.identity.sign_in import SignedIn
from tallystick.domain.identity.tokens import refresh_plain
from tallystick.gateways.google import Google
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import NotFound
from tests import cast
from tests.doubles.google import CLIENT_ID, GoogleDouble

pytestmark = pytest.mark.anyio


class Door:
    """An app's sign-in with a Google of the test's own, and a clock that the test moves."""

    def __init__(self, db: Database, first: FirstRun, google: GoogleDouble, peer: Google) -> None:
        self.db, self.google, self.peer, self.clock = db, google, peer, cast.StoppedClock()
        self.tenant, self.test, self.app = first.app.live, first.app.test, first.app.id

    async def open(self, tenant: int | None = None, db: Database | None = None, **person: Any) -> SignedIn:
        """Sign in as whom Google names."""
        return await self.bring(self.google.token(**person), tenant, db)

    async def bring(self, token: str, tenant: int | None = None, db: Database | None = None) -> SignedIn:
        secrets = await cast.secrets(self.db)
        return await sign_in_with_google(
            db or self.db, secrets, self.clock, self.peer, tenant or self.tenant, token
        )

    async def refused(self, **person: Any) -> str:
        with pytest.raises(GoogleRefused) as fault:
            await self.open(**person)
        return str(fault.value)

    async def users(self) -> list[User]:
        async with self.db.connection() as conn:
            return list((await views.users(conn, self.tenant)).rows)

    async def accounts(self, user: User, tenant: int | None = None) -> list[tuple[str, Role, bool]]:
        async with self.db.connection() as conn:
            rows = await views.memberships(conn, tenant or self.tenant, user.id)
        return [(row.account_name, row.role, row.home) for row in rows]


@pytest.fixture
def google() -> Iterator[GoogleDouble]:
    with GoogleDouble() as double:
        yield double


@pytest.fixture
async def door(db: Database, google: GoogleDouble) -> AsyncIterator[Door]:
    first = await cast.first_app(db)
    peer = Google((CLIENT_ID,), google.url, timeout=30)
    yield Door(db, first, google, peer)
    await peer.aclose()


async def test_the_first_time_makes_user_account_and_membership(db: Database, door: Door) -> None:
    signed = await door.open(sub="1", email="Ann@Acme.example", first_name="Ann", last_name="Lee")
    user = signed.user
    assert (user.email, user.first_name, user.last_name) == ("ann@acme.example", "Ann", "Lee")
    assert (user.staff, user.active, user.last_login_at) == (False, True, door.clock.moment)
    assert signed.tenant == door.tenant
    assert await door.accounts(user) == [("Ann Lee", Role.OWNER, True)]
    actor = await Credentials(db, await cast.secrets(db), door.clock).actor(f"Bearer {signed.tokens.access}")
    assert (actor.user, actor.tenant, actor.memberships[0][1]) == (user.id, door.tenant, Role.OWNER)
    async with db.connection() as conn:
        acts = [entry.action for entry in (await views.audit_log(conn, door.tenant)).rows]
    assert acts[:2] == ["user.link_google", "user.create"]


async def test_again_is_the_same_user_and_account(db: Database, door: Door) -> None:
    first = await door.open(sub="1")
    door.clock.move(hours=5)
    again = await door.open(sub="1")
    assert again.user.id == first.user.id
    assert again.user.last_login_at == door.clock.moment
    assert len(await door.accounts(first.user)) == 1
    secrets = await cast.secrets(db)
    for signed in (first, again):
        assert await refresh_plain(db, secrets, door.clock, signed.tokens.refresh)
    other = await door.open(door.test, sub="1")  # the app's other mode: the same person, other accounts
    assert other.user.id == first.user.id
    assert len(await door.accounts(first.user, door.test)) == 1
    assert len(await door.users()) == 2  # and the app's owner


async def test_a_user_who_is_there_already_is_found_by_the_verified_address(db: Database, door: Door) -> None:
    user = await cast.make_user(
        db, door.tenant, "ann@acme.example", cast.PASSWORD, first_name="Anna", staff=True
    )
    signed = await door.open(sub="1", email="ANN@acme.example", first_name="Ann", last_name="Lee")
    assert signed.user.id == user.id
    assert signed.user.staff
    # others had named them; what they call themselves from now on, only they change
    assert (signed.user.first_name, signed.user.last_name) == ("Ann", "Lee")
    again = await door.open(sub="1", first_name="Anne", last_name="Lee")
    assert again.user.first_name == "Ann"
    async with db.connection() as conn:
        assert await value(conn, "select google_sub from app_user where id = %s", [user.id]) == "1"
        assert await value(conn, "select password_hash from app_user where id = %s", [user.id])


async def test_an_address_of_another_subject_lets_nobody_in(door: Door) -> None:
    first = await door.open(sub="1", email="ann@acme.example")
    text = "Another Google account has this e-mail address here."
    assert await door.refused(sub="2", email="ann@acme.example") == text
    assert (await door.open(sub="1")).user.id == first.user.id
    assert len(await door.users()) == 2


async def test_an_address_that_is_another_only_without_its_case_lets_nobody_in(
    db: Database, door: Door
) -> None:
    await cast.make_user(db, door.tenant, "kim@acme.example")
    before = await door.users()
    # the sign of the kelvin: in lower case a plain k
    said = await door.refused(sub="2", email="\u212aim@acme.example")
    assert said == "The e-mail address cannot be used here."
    assert await door.users() == before


async def test_a_new_address_at_google_is_taken_over_if_it_is_free(db: Database, door: Door) -> None:
    first = await door.open(sub="1", email="ann@acme.example")
    await cast.make_user(db, door.tenant, "bob@acme.example")
    link = password_links.address("https://t.example")
    await password_links.request_reset(db, door.clock, door.tenant, "ann@acme.example", link=link)
    moved = await door.open(sub="1", email="ann@globex.example")
    assert (moved.user.id, moved.user.email) == (first.user.id, "ann@globex.example")
    async with db.connection() as conn:  # who reads the old address's mail gets nothing by it
        assert await value(conn, "select count(*) from password_link where used_at is null") == 0
    taken = await door.open(sub="1", email="bob@acme.example")
    assert (taken.user.id, taken.user.email) == (first.user.id, "ann@globex.example")
    assert len(await door.users()) == 3


async def test_who_may_not_sign_in_may_not_with_google(db: Database, door: Door) -> None:
    signed = await door.open(sub="1")
    await cast.deactivate(db, door.tenant, signed.user.id)
    assert await door.refused(sub="1") == "This user may not sign in."
    gone = await cast.make_user(db, door.tenant, "gone@acme.example")
    await cast.deactivate(db, door.tenant, gone.id)
    assert await door.refused(sub="2", email="gone@acme.example") == "This user may not sign in."
    async with db.connection() as conn:
        assert await value(conn, "select google_sub from app_user where id = %s", [gone.id]) is None


async def test_what_google_refuses_changes_nothing(door: Door) -> None:
    before = await door.users()
    await door.refused(verified=False)
    await door.refused(aud="evil.apps.googleusercontent.com")
    await door.refused(expires_in=-1)
    assert await door.refused(email="ann@localhost") == "The e-mail address cannot be used here."
    door.google.outage = "down"
    with pytest.raises(GoogleDown):
        await door.open()
    assert await door.users() == before


async def test_an_unknown_tenant_and_another_app(db: Database, door: Door) -> None:
    with pytest.raises(NotFound):
        await door.open(99)
    other = await cast.second_app(db)
    here, there = await door.open(), await door.open(other.live)
    assert here.user.id != there.user.id
    assert (here.user.email, there.user.app_id) == (there.user.email, other.id)


@pytest.mark.parametrize(
    ("given", "kept"),
    [("  Ann  ", "Ann"), ("A" * 150, "A" * 100), ("Ann\0", ""), ("Ann\nLee", ""), ("", "")],
)
async def test_names_that_google_gives_are_made_to_fit(door: Door, given: str, kept: str) -> None:
    assert (await door.open(first_name=given, last_name="Lee")).user.first_name == kept


async def test_who_is_invited_joins_and_gets_no_account_of_their_own(db: Database, door: Door) -> None:
    tenant = door.tenant
    acme, globex = await cast.acme(db, tenant), await cast.globex(db, tenant)
    elsewhere = await cast.make_account(db, door.test, name="Elsewhere")
    for place, account, role in (
        (tenant, acme, Role.MEMBER),
        (tenant, globex, Role.ADMIN),
        (door.test, elsewhere, Role.OWNER),
    ):
        async with db.tx() as tx:
            await invite(
                tx,
                place,
                account=account.account_id,
                email="ann@acme.example",
                role=role,
                by="key:1",
                now=door.clock.now(),
                link=password_links.address("https://t.example"),
            )
    signed = await door.open(sub="1", email="ann@acme.example")
    assert await door.accounts(signed.user) == [("Acme", Role.MEMBER, True), ("Globex", Role.ADMIN, False)]
    assert await door.accounts(signed.user, door.test) == []  # the other mode waits for a sign-in there
    await door.open(door.test, sub="1")
    assert await door.accounts(signed.user, door.test) == [("Elsewhere", Role.OWNER, True)]


async def test_first_sign_ins_at_once_make_one_user_and_one_account(
    db_url: str, db: Database, door: Door
) -> None:
    crowd = Database(db_url, size=64)
    await crowd.open()
    try:
        await cast.crowd(crowd, 64)
        token = door.google.token(sub="1")
        signed = await asyncio.gather(*[door.bring(token, db=crowd) for _ in range(64)])
    finally:
        await crowd.close()
    assert len({one.user.id for one in signed}) == 1
    assert len({one.tokens.refresh for one in signed}) == 64
    assert len(await door.users()) == 2
    async with db.connection() as conn:
        assert await value(conn, "select count(*) from account") == 1
        assert await value(conn, "select count(*) from membership") == 1


async def test_two_subjects_of_one_new_address_at_once(db: Database, door: Door) -> None:
    await cast.crowd(db)
    results = await asyncio.gather(
        *[door.open(sub=str(n), email="ann@acme.example") for n in range(6)], return_exceptions=True
    )
    assert sum(isinstance(one, SignedIn) for one in results) == 1
    assert sum(isinstance(one, GoogleRefused) for one in results) == 5
    assert len(await door.users()) == 2


async def test_two_people_who_move_to_one_address_at_once(db: Database, door: Door) -> None:
    await cast.crowd(db)
    people = [await door.open(sub=str(n), email=f"ann{n}@acme.example") for n in range(4)]
    moved = await asyncio.gather(*[door.open(sub=str(n), email="new@acme.example") for n in range(4)])
    assert [one.user.id for one in moved] == [one.user.id for one in people]
    assert sorted(one.user.email == "new@acme.example" for one in moved) == [False, False, False, True]
