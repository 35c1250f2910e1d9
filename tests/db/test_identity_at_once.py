"""Everything that touches people, at once: nobody waits in a circle, and what is left agrees with itself."""

import asyncio
import random
import re
from collections.abc import Awaitable, Callable, Iterator

import pytest

from tallystick.db.pool import Database, all_rows, value
from tallystick.domain.identity import memberships, password_links, views
from tallystick.domain.identity.google import GooglePerson, GoogleRefused, sign_in_with_google
from tallystick.domain.identity.invitations import invite
from tallystick.domain.identity.model import Account, FirstRun, Secrets, User
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, NotFound, Unauthenticated
from tests import cast

pytestmark = pytest.mark.anyio

LINK = password_links.address("https://t.example")
EXPECTED = (Conflict, NotFound, GoogleRefused, Unauthenticated)


class _Body:
    def __init__(self, body: str) -> None:
        self.body = body


class _People:
    """A Google whose tokens say whom they name."""

    async def person(self, access_token: str) -> GooglePerson:
        sub, email = access_token.split(" ")
        return GooglePerson(sub, email, "Ann", "Lee")


class Crowd:
    """Six addresses, three accounts, and whatever may happen to them."""

    def __init__(
        self, db: Database, first: FirstRun, secrets: Secrets, accounts: list[Account], seed: int
    ) -> None:
        self.db, self.tenant, self.secrets, self.accounts = db, first.app.live, secrets, accounts
        self.clock, self.dice, self.other = cast.StoppedClock(), random.Random(seed), first.app.test

    def address(self) -> str:
        return f"p{self.dice.randrange(6)}@acme.example"

    def account(self) -> int:
        return self.dice.choice(self.accounts).account_id

    def role(self) -> Role:
        return self.dice.choice(list(Role))

    async def user(self) -> User:
        address = self.address()
        async with self.db.connection() as conn:
            return await views.user_by_email(conn, self.tenant, address)

    async def invited(self) -> None:
        async with self.db.tx() as tx:
            await invite(
                tx, self.tenant, account=self.account(), email=self.address(), role=self.role(), by="test",
                now=self.clock.now(), link=LINK,
            )  # fmt: skip

    async def added(self) -> None:
        user = await self.user()
        async with self.db.tx() as tx:
            await memberships.add(
                tx, self.tenant, account=self.account(), user=user.id, role=self.role(), by="test"
            )

    async def removed(self) -> None:
        user = await self.user()
        async with self.db.tx() as tx:
            await memberships.remove(tx, self.tenant, account=self.account(), user=user.id, by="test")

    async def moved_up(self) -> None:
        user = await self.user()
        async with self.db.tx() as tx:
            await memberships.set_role(
                tx, self.tenant, account=self.account(), user=user.id, role=self.role(), by="test"
            )

    async def at_home(self) -> None:
        user = await self.user()
        async with self.db.tx() as tx:
            await memberships.set_home(tx, self.tenant, account=self.account(), user=user.id)

    async def signed_in(self) -> None:
        user, tenant = await self.user(), self.dice.choice((self.tenant, self.other))
        async with self.db.tx() as tx:
            await issue_tokens(tx, self.secrets, tenant=tenant, user=user.id, now=self.clock.now())

    async def by_google(self) -> None:
        token = f"{self.dice.randrange(6)} p{self.dice.randrange(12)}@acme.example"
        await sign_in_with_google(self.db, self.secrets, self.clock, _People(), self.tenant, token)

    async def asked(self) -> None:
        await password_links.request_reset(self.db, self.clock, self.tenant, self.address(), link=LINK)

    async def chosen(self) -> None:
        async with self.db.connection() as conn:
            rows = await all_rows(conn, _Body, "select body from mail where body like '%/password/%'")
        tokens = re.findall(r"/password/([\w-]{32})\n", self.dice.choice(rows).body) if rows else ["none"]
        await password_links.use_link(self.db, self.clock, tokens[0], "correct horse battery")

    def acts(self) -> Iterator[Callable[[], Awaitable[None]]]:
        most = [self.invited, self.added, self.removed, self.moved_up, self.at_home, self.signed_in]
        while True:
            yield self.dice.choice([*most * 2, self.by_google, self.by_google, self.asked, self.chosen])


async def _story(db_url: str, db: Database, seed: int, length: int) -> None:
    first = await cast.first_app(db)
    accounts = [await cast.make_account(db, first.app.live, name=f"Account {n}") for n in range(3)]
    wide = Database(db_url, size=16)
    await wide.open()
    try:
        await cast.crowd(wide, 16)
        crowd = Crowd(wide, first, await cast.secrets(db), accounts, seed)
        todo = crowd.acts()

        async def someone() -> None:
            for _ in range(length):
                try:
                    await next(todo)()
                except EXPECTED:  # a circle of waiting would be a Busy
                    continue

        await asyncio.gather(*[someone() for _ in range(12)])
    finally:
        await wide.close()


ACTS = {
    *(f"membership.{act}" for act in ("invite", "join", "add", "remove", "set_role")),
    *(f"user.{act}" for act in ("create", "link_google", "set_email", "set_password")),
}
NO_HOME = """
select count(*) from (
    select from membership where joined_at is not null group by tenant_id, user_id having not bool_or(home)
) homeless
"""


@pytest.mark.parametrize(("seed", "length"), [(1, 12), pytest.param(2, 400, marks=pytest.mark.long)])
async def test_people_at_once(db_url: str, db: Database, seed: int, length: int) -> None:
    await _story(db_url, db, seed, length)
    async with db.connection() as conn:
        assert await value(conn, NO_HOME) == 0
        assert await value(conn, "select count(*) from membership where home and joined_at is null") == 0
        if length > 100:  # and all of it did happen
            seen = await value(conn, "select array_agg(distinct action) from audit_log")
            assert set(seen) >= ACTS
        doubled = "select count(*) - count(distinct email) from app_user"
        assert await value(conn, doubled) == 0
        strays = """
            select count(*) from password_link l where l.cause = 'invitation' and l.used_at is null
            and not exists (select from membership m where m.user_id = l.user_id and m.account_id = l.account_id)
        """
        assert await value(conn, strays) == 0
