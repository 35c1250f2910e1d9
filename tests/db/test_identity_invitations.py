"""Inviting people: what is written and mailed, what counts before they sign in, and what happens at once."""

import asyncio
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest

from tallystick.db.pool import Database, all_rows, run, value
from tallystick.domain.identity import actions, invitations, memberships, password_links, views
from tallystick.domain.identity.asking import signed_in
from tallystick.domain.identity.credentials import Credentials
from tallystick.domain.identity.invitations import invite
from tallystick.domain.identity.model import Account, FirstRun, Membership, User
from tallystick.domain.identity.sign_in import SignedIn, sign_in
from tallystick.domain.identity.tokens import Tokens, issue_tokens
from tallystick.kernel.actor import Mode, Role
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio

BEA = "bea@acme.example"


@dataclass
class Letter:
    kind: str
    recipient: str
    subject: str
    body: str
    key: str
    account: int | None

    @property
    def token(self) -> str:
        """Of the link in it."""
        [token] = re.findall(r"^https://t\.example/password/([\w-]{32})$", self.body, re.MULTILINE)
        return str(token)


class Office:
    """An account, its owner, and who is invited to it; under a clock that the test moves."""

    def __init__(self, db: Database, first: FirstRun, account: Account, ann: User) -> None:
        self.db, self.tenant, self.app = db, first.app.live, first.app.id
        self.account, self.ann, self.clock = account, ann, cast.StoppedClock()

    async def invite(self, email: str = BEA, role: Role = Role.MEMBER, **values: Any) -> Membership:
        fields: dict[str, Any] = {
            "account": self.account.account_id,
            "by": f"user:{self.ann.id}",
            "now": self.clock.now(),
            "link": password_links.address("https://t.example"),
        }
        async with self.db.tx() as tx:
            return await invite(
                tx, values.pop("tenant", self.tenant), email=email, role=role, **fields | values
            )

    async def refused(self, email: str = BEA, **values: Any) -> str:
        with pytest.raises(Conflict) as fact:
            await self.invite(email, **values)
        return fact.value.code

    async def tokens(self, user: UUID) -> Tokens:
        """What every way of signing in ends with."""
        secrets = await cast.secrets(self.db)
        async with self.db.tx() as tx:
            return await issue_tokens(tx, secrets, tenant=self.tenant, user=user, now=self.clock.now())

    async def sign_in(self, email: str, password: str = cast.PASSWORD) -> SignedIn:
        secrets = await cast.secrets(self.db)
        return await sign_in(
            self.db, secrets, self.clock, app=self.app, mode=Mode.LIVE, email=email, password=password
        )

    async def user(self, email: str = BEA) -> User:
        async with self.db.connection() as conn:
            return await views.user_by_email(conn, self.tenant, email)

    async def remove(self, user: UUID) -> None:
        async with self.db.tx() as tx:
            await memberships.remove(tx, self.tenant, account=self.account.account_id, user=user, by="test")

    async def roles(self, user: UUID) -> dict[str, tuple[Role, bool]]:
        """Account name -> role and whether it is the home, of where the user is a member."""
        async with self.db.connection() as conn:
            rows = await views.memberships(conn, self.tenant, user)
        return {row.account_name: (row.role, row.home) for row in rows}

    async def team(self) -> list[tuple[str, Role, bool]]:
        """Address, role and whether they have joined."""
        async with self.db.connection() as conn:
            rows = await views.team(conn, self.tenant, self.account.account_id)
        return [(row.user_email, row.role, row.joined_at is not None) for row in rows]

    async def letters(self) -> list[Letter]:
        async with self.db.connection() as conn:
            return await all_rows(
                conn, Letter, "select kind, recipient, subject, body, key, account_id as account from mail order by id"
            )  # fmt: skip


@pytest.fixture
async def office(db: Database) -> Office:
    first = await cast.first_app(db)
    account = await cast.acme(db, first.app.live)
    ann = await cast.make_user(db, first.app.live, first_name="Ann", last_name="Lee")
    async with db.tx() as tx:
        await memberships.add(
            tx, first.app.live, account=account.account_id, user=ann.id, role=Role.OWNER, by="test"
        )
    return Office(db, first, account, ann)


async def test_an_invitation_is_a_user_a_membership_and_a_letter(db: Database, office: Office) -> None:
    row = await office.invite(" Bea@Acme.example", Role.ADMIN, first_name="Bea", last_name="Okello")
    assert (row.user_email, row.first_name, row.last_name) == (BEA, "Bea", "Okello")
    assert (row.role, row.home, row.active, row.joined_at) == (Role.ADMIN, False, True, None)
    assert await office.team() == [("ann@acme.example", Role.OWNER, True), (BEA, Role.ADMIN, False)]
    [letter] = await office.letters()
    assert (letter.kind, letter.recipient, letter.account) == ("invitation", BEA, office.account.account_id)
    assert letter.subject == "You are invited to Acme"
    assert "Ann Lee invites you to join Acme at Tallystick." in letter.body
    assert letter.token not in letter.key
    async with db.connection() as conn:
        link = await password_links.check_link(conn, letter.token, office.clock.now())
        entries = (await views.audit_log(conn, office.tenant)).rows
    assert (link.tenant, link.user, link.email, link.cause) == (
        office.tenant,
        row.user_id,
        BEA,
        "invitation",
    )
    assert (entries[0].action, entries[0].actor) == ("membership.invite", f"user:{office.ann.id}")
    assert entries[0].details == {"account": str(office.account.uuid), "role": "admin"}


async def test_the_letter_says_what_is_known(office: Office) -> None:
    await office.invite(by="key:1")
    [letter] = await office.letters()
    assert "you are invited to join Acme at Tallystick." in letter.body
    assert "invites you" not in letter.body


async def test_who_is_invited_is_nobody_there(db: Database, office: Office) -> None:
    tenant, account = office.tenant, office.account.account_id
    bea = (await office.invite(role=Role.OWNER)).user_id
    async with db.connection() as conn:
        assert [m.user_email for m in await views.members(conn, tenant, account)] == ["ann@acme.example"]
        assert await views.memberships(conn, tenant, bea) == []
        assert await views.home(conn, tenant, bea) is None
    with pytest.raises(NotFound):
        async with db.tx() as tx:
            await memberships.set_home(tx, tenant, account=account, user=bea)
    with pytest.raises(Conflict, match="at least one owner"):  # an invited owner is none
        await office.remove(office.ann.id)
    with pytest.raises(Conflict, match="at least one owner"):
        async with db.tx() as tx:
            await memberships.set_role(
                tx, tenant, account=account, user=office.ann.id, role=Role.ADMIN, by="test"
            )
    async with db.tx() as tx:
        await actions.patch_account(tx, tenant, account, {"email": ""})
    async with db.connection() as conn:
        assert await views.recipients(conn, tenant, account) == ["ann@acme.example"]


async def test_a_signed_in_user_who_is_invited_sees_nothing_until_the_next_sign_in(
    db: Database, office: Office
) -> None:
    bea = await cast.make_user(db, office.tenant, BEA)
    before = await office.tokens(bea.id)
    await office.invite(role=Role.VIEWER)
    credentials = Credentials(db, await cast.secrets(db), office.clock)
    header = f"Bearer {before.access}"
    with pytest.raises(NotFound):
        await signed_in(db, credentials, header, str(office.account.number))
    assert [role for _, role in (await credentials.actor(header)).memberships] == [Role.OWNER]  # their own
    await office.tokens(bea.id)
    credentials = Credentials(db, await cast.secrets(db), office.clock)
    asker = await signed_in(db, credentials, header, str(office.account.number))
    assert asker.actor.role_in(asker.account) is Role.VIEWER
    assert await office.roles(bea.id) == {BEA: (Role.OWNER, True), "Acme": (Role.VIEWER, False)}


async def test_by_the_link_a_password_is_chosen_and_the_account_joined(db: Database, office: Office) -> None:
    bea = (await office.invite(role=Role.MEMBER)).user_id
    [letter] = await office.letters()
    used = await password_links.use_link(db, office.clock, letter.token, cast.PASSWORD)
    assert (used.user, used.email) == (bea, BEA)
    assert await office.roles(bea) == {"Acme": (Role.MEMBER, True)}
    signed = await office.sign_in(BEA)
    assert signed.user.id == bea
    assert await office.roles(bea) == {"Acme": (Role.MEMBER, True)}
    async with db.connection() as conn:
        acts = [(e.action, e.actor) for e in (await views.audit_log(conn, office.tenant)).rows]
    assert ("membership.join", f"user:{bea}") in acts


async def test_who_came_in_another_way_leaves_no_link_behind(db: Database, office: Office) -> None:
    bea = (await office.invite()).user_id
    [letter] = await office.letters()
    await office.tokens(bea)
    with pytest.raises(NotFound):
        await password_links.use_link(db, office.clock, letter.token, cast.PASSWORD)
    assert await office.roles(bea) == {"Acme": (Role.MEMBER, True)}


async def test_whoever_signs_in_already_is_sent_no_link(db: Database, office: Office) -> None:
    await cast.make_user(db, office.tenant, BEA, cast.PASSWORD, first_name="Bea")
    await office.sign_in(BEA)
    row = await office.invite(first_name="Mallory")
    assert (row.first_name, row.last_name) == ("", "")  # nor does who invites learn their name, or set it
    [letter] = await office.letters()
    assert "/password/" not in letter.body
    assert "Sign in as you always do" in letter.body
    async with db.connection() as conn:
        assert await value(conn, "select count(*) from password_link") == 0
    signed = await office.sign_in(BEA)
    assert signed.user.first_name == "Bea"
    assert "Acme" in await office.roles(signed.user.id)
    async with db.connection() as conn:
        team = await views.team(conn, office.tenant, office.account.account_id)
    assert [m.first_name for m in team] == ["Ann", "Bea"]


async def test_who_is_there_or_invited_is_not_invited_again(db: Database, office: Office) -> None:
    assert await office.refused("ann@acme.example") == "already_member"
    await office.invite()
    assert await office.refused(role=Role.OWNER) == "already_invited"
    assert await office.team() == [("ann@acme.example", Role.OWNER, True), (BEA, Role.MEMBER, False)]
    assert len(await office.letters()) == 1
    await office.tokens((await office.user()).id)
    assert await office.refused() == "already_member"


async def test_an_invitation_taken_back_and_made_again(db: Database, office: Office) -> None:
    bea = (await office.invite()).user_id
    await office.remove(bea)
    [first] = await office.letters()
    with pytest.raises(NotFound):
        await password_links.use_link(db, office.clock, first.token, cast.PASSWORD)
    await office.invite(role=Role.VIEWER)
    first, second = await office.letters()
    assert first.token != second.token
    await password_links.use_link(db, office.clock, second.token, cast.PASSWORD)
    assert await office.roles(bea) == {"Acme": (Role.VIEWER, True)}
    await office.remove(bea)  # a member who left may be invited again, too
    assert await office.roles(bea) == {}
    assert (await office.invite()).joined_at is None


async def test_an_invited_one_can_be_made_a_member_or_given_another_role(
    db: Database, office: Office
) -> None:
    account = office.account.account_id
    bea = (await office.invite()).user_id
    async with db.tx() as tx:
        await memberships.set_role(tx, office.tenant, account=account, user=bea, role=Role.ADMIN, by="test")
    assert (BEA, Role.ADMIN, False) in await office.team()
    async with db.tx() as tx:
        await memberships.add(tx, office.tenant, account=account, user=bea, role=Role.VIEWER, by="test")
    assert await office.roles(bea) == {"Acme": (Role.VIEWER, True)}
    with pytest.raises(Conflict):
        async with db.tx() as tx:
            await memberships.add(tx, office.tenant, account=account, user=bea, role=Role.OWNER, by="test")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "bea@acme.example\r\nBcc: x@evil.example"}, "email"),
        ({"first_name": "x" * 101}, "first_name"),
        ({"last_name": "\0"}, "last_name"),
    ],
)
async def test_bad_input_changes_nothing(office: Office, values: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as fact:
        await office.invite(**values)
    assert fact.value.field == field
    assert len(await office.team()) == 1
    assert await office.letters() == []


async def test_an_account_sends_at_most_a_hundred_letters_a_day(db: Database, office: Office) -> None:
    other = await cast.make_account(db, office.tenant, name="Other")
    for n in range(invitations.MOST):
        await office.invite(f"guest-{n}@acme.example")
    # each letter counts, of an invitation that was taken back too
    await office.remove((await office.user("guest-0@acme.example")).id)
    assert await office.refused("guest-0@acme.example") == "too_many_invitations"
    assert await office.refused() == "too_many_invitations"
    assert len(await office.team()) == invitations.MOST
    with pytest.raises(NotFound):
        await office.user()
    await office.invite(account=other.account_id)
    async with db.tx() as tx:
        await run(
            tx, "update mail set created_at = created_at - interval '1 day' where recipient like 'guest-0@%'"
        )
    await office.invite()
    assert await office.refused("late@acme.example") == "too_many_invitations"


async def test_the_last_letter_of_a_day_goes_out_once(db: Database, office: Office) -> None:
    await cast.crowd(db)
    for n in range(invitations.MOST - 1):
        await office.invite(f"guest-{n}@acme.example")
    made = await asyncio.gather(
        *[office.invite(f"last-{n}@acme.example") for n in range(6)], return_exceptions=True
    )
    assert [one.code for one in made if isinstance(one, Fact)] == ["too_many_invitations"] * 5
    assert len(await office.letters()) == invitations.MOST


async def test_nobody_invites_to_another_tenants_account(db: Database, office: Office) -> None:
    other = await cast.second_app(db)
    for tenant in (other.live, other.test):
        with pytest.raises(NotFound):
            await office.invite(tenant=tenant)
    with pytest.raises(NotFound):
        await office.invite(account=10**9)
    assert len(await office.team()) == 1
    with pytest.raises(NotFound):  # the user that was made on the way is gone with it
        await office.user()


async def test_an_inactive_user_is_told_nothing_and_does_not_join(db: Database, office: Office) -> None:
    bea = await cast.make_user(db, office.tenant, BEA)
    await cast.deactivate(db, office.tenant, bea.id)
    assert not (await office.invite()).active
    assert await office.letters() == []
    with pytest.raises(Fact):
        await office.tokens(bea.id)
    assert await office.roles(bea.id) == {}


async def test_the_same_address_invited_by_many_at_once(db: Database, office: Office) -> None:
    # as many as there are connections: on a slow machine others would give up waiting for one
    await cast.crowd(db, 8)
    accounts = [await cast.make_account(db, office.tenant, name=f"Account {n}") for n in range(4)]
    made = await asyncio.gather(
        *[office.invite(account=account.account_id) for account in accounts for _ in range(2)],
        return_exceptions=True,
    )
    codes = [one.code for one in made if isinstance(one, Fact)]
    assert codes == ["already_invited"] * 4
    assert len({one.user_id for one in made if isinstance(one, Membership)}) == 1
    assert len(await office.letters()) == 4


async def test_invited_and_signing_in_at_once(db: Database, office: Office) -> None:
    """Whichever comes first: nobody is left over, and no invitation is lost."""
    await cast.crowd(db)
    bea = await cast.make_user(db, office.tenant, BEA)
    accounts = [await cast.make_account(db, office.tenant, name=f"Account {n}") for n in range(4)]
    await asyncio.gather(
        *[office.invite(account=account.account_id) for account in accounts],
        *[office.tokens(bea.id) for _ in range(4)],
    )
    await office.tokens(bea.id)
    roles = await office.roles(bea.id)
    assert {account.name for account in accounts} <= set(roles)
    assert set(roles) - {account.name for account in accounts} <= {BEA}
    assert [home for _, home in roles.values()].count(True) == 1


async def test_taken_back_and_signing_in_at_once(db: Database, office: Office) -> None:
    await cast.crowd(db)
    for n in range(4):
        email = f"bea{n}@acme.example"
        bea = (await office.invite(email)).user_id
        await asyncio.gather(office.remove(bea), office.tokens(bea))
        roles = await office.roles(bea)
        assert "Acme" not in roles
        await office.tokens(bea)
        roles = await office.roles(bea)
        assert list(roles.values()) == [(Role.OWNER, True)]
