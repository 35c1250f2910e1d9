"""Users and memberships: one e-mail, one home, at least one owner."""

import asyncio

import pytest

from tallystick.db.pool import Database
from tallystick.domain.identity import actions, memberships, views
from tallystick.domain.identity.model import User
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio


async def join(db: Database, tenant: int, account: int, user: User, role: Role = Role.MEMBER) -> None:
    async with db.tx() as tx:
        await memberships.add(tx, tenant, account=account, user=user.id, role=role, by="test")


async def leave(db: Database, tenant: int, account: int, user: User) -> None:
    async with db.tx() as tx:
        await memberships.remove(tx, tenant, account=account, user=user.id, by="test")


async def homes(db: Database, tenant: int, user: User) -> list[int]:
    async with db.connection() as conn:
        return [row.account_id for row in await views.memberships(conn, tenant, user.id) if row.home]


async def test_create_and_find(db: Database) -> None:
    app, other = (await cast.first_app(db)).app, await cast.second_app(db)
    ann = await cast.make_user(db, app.test, "  Ann@Acme.Example ", first_name="Ann", last_name="Lee")
    assert (ann.email, ann.number, ann.name, ann.staff, ann.active) == (
        "ann@acme.example",
        2,
        "Ann Lee",
        False,
        True,
    )
    async with db.connection() as conn:
        for tenant in (app.live, app.test):  # users are the app's
            assert await views.user(conn, tenant, ann.id) == ann
            assert await views.user_by_number(conn, tenant, 2) == ann
            assert await views.user_by_email(conn, tenant, "ANN@acme.example") == ann
            page = await views.users(conn, tenant, limit=1)
            assert (page.rows[0].email, page.next_key) == ("owner@tallystick.local", 1)
            assert (await views.users(conn, tenant, after=1)).rows == [ann]
        for looking in (
            views.user(conn, other.live, ann.id),
            views.user_by_number(conn, other.live, 2),
            views.user_by_number(conn, app.live, 2**70),
            views.user_by_email(conn, other.live, ann.email),
            views.user_by_email(conn, app.live, "a\x00"),
        ):
            with pytest.raises(NotFound):
                await looking
        assert (await views.users(conn, other.live)).rows == []
        act = (await views.audit_log(conn, app.test)).rows[0]
    assert (act.actor, act.action, act.target) == ("test", "user.create", f"user:{ann.id}")
    assert act.details == {"email": "ann@acme.example", "staff": False}
    assert (await cast.make_user(db, other.live, ann.email)).number == 1


async def test_an_email_is_taken_once_even_at_once(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await cast.crowd(db)
    outcomes = await asyncio.gather(
        *[cast.make_user(db, t, "ann@acme.example") for t in (app.live, app.test, app.live)],
        return_exceptions=True,
    )
    assert len([one for one in outcomes if isinstance(one, User)]) == 1
    assert [one.code for one in outcomes if isinstance(one, Fact)] == ["email_taken"] * 2
    assert (await cast.make_user(db, app.live, "bob@acme.example")).number == 3


@pytest.mark.parametrize(
    "email",
    ["", "ann", "ann@", "@acme.example", "a b@acme.example", "a@acme..example", "\u00e4@acme.example",
     "an\u212a@acme.example", "ann@\u212aiosk.example"],
)  # fmt: skip
async def test_a_wrong_email_is_refused(db: Database, email: str) -> None:
    app = (await cast.first_app(db)).app
    with pytest.raises(Invalid) as refused:
        await cast.make_user(db, app.live, email)
    assert refused.value.field == "email"


async def test_a_short_password_is_refused(db: Database) -> None:
    app = (await cast.first_app(db)).app
    for password in ("1234567", "x" * 1025):
        with pytest.raises(Invalid) as refused:
            await cast.make_user(db, app.live, password=password)
        assert refused.value.field == "password"


async def test_the_first_account_is_home_until_another_is_chosen(db: Database) -> None:
    app = (await cast.first_app(db)).app
    acme, globex = await cast.acme(db, app.live), await cast.globex(db, app.live)
    sandbox = await cast.acme(db, app.test)
    ann, bob = await cast.make_user(db, app.live), await cast.make_user(db, app.live, "bob@acme.example")
    await join(db, app.live, globex.account_id, ann)
    await join(db, app.live, acme.account_id, ann, Role.OWNER)
    await join(db, app.live, acme.account_id, bob, Role.OWNER)
    await join(db, app.test, sandbox.account_id, ann)
    assert await homes(db, app.live, ann) == [globex.account_id]
    assert await homes(db, app.test, ann) == [sandbox.account_id]
    async with db.tx() as tx:
        await memberships.set_home(tx, app.live, account=acme.account_id, user=ann.id)
    assert await homes(db, app.live, ann) == [acme.account_id]
    await leave(db, app.live, acme.account_id, ann)
    assert await homes(db, app.live, ann) == [globex.account_id]
    with pytest.raises(NotFound):
        async with db.tx() as tx:
            await memberships.set_home(tx, app.live, account=acme.account_id, user=ann.id)
    assert await homes(db, app.live, ann) == [globex.account_id]
    async with db.connection() as conn:
        assert [(m.user_email, m.role) for m in await views.members(conn, app.live, acme.account_id)] == [
            ("bob@acme.example", Role.OWNER)
        ]
        assert await views.members(conn, app.test, acme.account_id) == []


async def test_an_account_keeps_an_owner_even_at_once(db: Database) -> None:
    app = (await cast.first_app(db)).app
    acme = await cast.acme(db, app.live)
    ann, bob = await cast.make_user(db, app.live), await cast.make_user(db, app.live, "bob@acme.example")
    for user in (ann, bob):
        await join(db, app.live, acme.account_id, user, Role.OWNER)
    await cast.crowd(db)
    outcomes = await asyncio.gather(
        *[leave(db, app.live, acme.account_id, user) for user in (ann, bob)], return_exceptions=True
    )
    assert [one.code for one in outcomes if isinstance(one, Fact)] == ["last_owner"]
    async with db.connection() as conn:
        (last,) = await views.members(conn, app.live, acme.account_id)
    with pytest.raises(Conflict):
        async with db.tx() as tx:
            await memberships.set_role(
                tx, app.live, account=acme.account_id, user=last.user_id, role=Role.ADMIN, by="test"
            )


async def test_membership_conflicts_and_strangers(db: Database) -> None:
    app, other = (await cast.first_app(db)).app, await cast.second_app(db)
    acme = await cast.acme(db, app.live)
    ann, stranger = await cast.make_user(db, app.live), await cast.make_user(db, other.live)
    await join(db, app.live, acme.account_id, ann)
    with pytest.raises(Conflict) as refused:
        await join(db, app.live, acme.account_id, ann, Role.OWNER)
    assert refused.value.code == "already_member"
    with pytest.raises(NotFound):
        await join(db, app.live, acme.account_id, stranger)
    with pytest.raises(NotFound):
        await join(db, app.test, acme.account_id, ann)
    with pytest.raises(NotFound):
        await leave(db, app.live, acme.account_id, stranger)
    with pytest.raises(NotFound):
        async with db.tx() as tx:
            await actions.set_active(tx, other.live, ann.id, False, by="test")
    with pytest.raises(NotFound):
        async with db.tx() as tx:
            await actions.set_password(tx, other.live, ann.id, "x", by="test")


async def test_a_user_without_accounts_gets_one_of_their_own(db: Database) -> None:
    app = (await cast.first_app(db)).app
    ann = await cast.make_user(db, app.live, first_name="Ann")

    async def ensure() -> int:
        async with db.tx() as tx:
            return await memberships.ensure_home(tx, app.live, ann.id)

    await cast.crowd(db)
    made = set(await asyncio.gather(*[ensure() for _ in range(5)]))
    assert len(made) == 1
    async with db.connection() as conn:
        (mine,) = await views.memberships(conn, app.live, ann.id)
        account = await views.account(conn, app.live, mine.account_id)
        assert await views.memberships(conn, app.test, ann.id) == []
    assert (mine.role, mine.home, {mine.account_id}) == (Role.OWNER, True, made)
    assert (account.name, account.email) == ("Ann", "ann@acme.example")
