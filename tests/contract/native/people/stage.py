"""People for these tests: made with their roles, signed in, and reading their mail."""

import itertools
import re
from typing import Any

import psycopg

from tallystick.domain.identity import memberships
from tallystick.domain.identity.model import User
from tallystick.domain.identity.tokens import issue_tokens
from tallystick.kernel.actor import Role
from tallystick.kernel.clock import SystemClock
from tallystick.kernel.ids import account_of, parse_typeid, typeid
from tests import cast
from tests.contract.conformance.state import tables
from tests.contract.served import House

_LINK = re.compile(r"/password/([A-Za-z0-9_-]{32})$", re.MULTILINE)
_numbers = itertools.count(1)


class Person:
    """A user with an access token of the live app. ``id`` is as it is shown."""

    def __init__(self, house: House, user: User, access: str) -> None:
        self.user = user
        self.access = access
        self.id = typeid("user", user.id)
        self.email = user.email


def person(house: House, account: str | None = None, role: Role = Role.MEMBER, **fields: Any) -> Person:
    """Somebody new, who is perhaps a member of an account."""
    tenant, db = house.first.app.live, house.system.db
    fields.setdefault("email", f"person-{next(_numbers)}@example.com")

    async def make() -> tuple[User, str]:
        user = await cast.make_user(db, tenant, **fields)
        async with db.tx() as tx:
            if account is not None:
                await memberships.add(
                    tx, tenant, account=number_of(account), user=user.id, role=role, by="test"
                )
            now = SystemClock().now()
            made = await issue_tokens(tx, house.system.secrets, tenant=tenant, user=user.id, now=now)
        return user, made.access

    return Person(house, *house.run(make()))


def number_of(account: str) -> int:
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    return account_of(uuid)


def letters(house: House, email: str) -> list[tuple[str, str]]:
    """Kind and text of the letters to an address as they are written, the oldest first."""
    with psycopg.connect(house.database_url) as conn:
        query = "select kind, subject || E'\\n' || body from mail where recipient = %s order by place"
        return list(conn.execute(query, [email]).fetchall())


def link_in(house: House, email: str) -> str:
    """The token of the link in the newest letter to an address."""
    found = _LINK.search(letters(house, email)[-1][1])
    assert found is not None
    return found[1]


def stored(house: House, text: str) -> list[str]:
    """The tables in which a text stands, the outbox aside."""
    return [name for name, rows in tables(house) if name != "mail" and any(text in row for row in rows)]
