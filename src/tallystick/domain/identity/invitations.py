"""Inviting people to an account by e-mail.

An invitation is a membership that nobody has joined yet, of a user made for the address. It counts for nothing until
the user signs in, by whatever way: they then join wherever they are invited.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from tallystick.db.pool import Tx, one_row, run, value
from tallystick.domain.mail import actions as mail
from tallystick.domain.mail.views import letters_lately
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, NotFound
from tallystick.kernel.ids import uuid7

from . import password_links, views
from .actions import create_user, lock_user
from .memberships import audit_member, lock_account
from .model import Membership, User, check_email
from .password_links import Link
from .views import q

MOST: Final = 100
"""Invitation letters that go out for one account within a day."""
_DAY: Final = timedelta(days=1)
_KIND: Final = "invitation"


@dataclass(slots=True)
class _Scene:
    app: str
    account: str
    account_email: str
    inviter: str


async def invite(
    tx: Tx,
    tenant: int,
    *,
    account: int,
    email: str,
    role: Role,
    by: str,
    now: datetime,
    link: Link,
    first_name: str = "",
    last_name: str = "",
) -> Membership:
    """Invite whoever has the address to the account (internal number), and mail them. Audited as an act of ``by``.

    Who has no way to sign in yet is sent a link to choose a password by, good for 7 days. The names are for a user
    who is made here; an existing one keeps theirs. Raises Invalid, NotFound for the account,
    Conflict("already_member"), Conflict("already_invited"), and Conflict("too_many_invitations") after 100 letters
    for the account within a day.
    """
    to = check_email("email", email)
    user = await _user(tx, tenant, to, by, first_name, last_name)
    await lock_account(tx, tenant, account)
    await lock_user(tx, tenant, user.id)
    values = {"tenant": tenant, "account": account, "user": user.id, "role": role.value}
    if not await run(tx, q.insert_invitation, values):
        raise await _standing(tx, tenant, account, user.id)
    await audit_member(tx, tenant, by, "membership.invite", account, user.id, role)
    await _tell(tx, tenant, account, user, by, now, link)
    return await _row(tx, tenant, account, user.id)


async def _user(tx: Tx, tenant: int, email: str, by: str, first_name: str, last_name: str) -> User:
    """Who has the address; made when nobody has. Before other locks, since it may take the counter of users."""
    try:
        return await views.user_by_email(tx, tenant, email)
    except NotFound:
        pass
    try:
        return await create_user(
            tx,
            tenant,
            email=email,
            password_hash=None,
            by=by,
            first_name=first_name,
            last_name=last_name,
        )
    except Conflict:  # made a moment ago, by another invitation or a first sign-in
        return await views.user_by_email(tx, tenant, email)


async def _standing(tx: Tx, tenant: int, account: int, user: UUID) -> Conflict:
    """Why there is nobody to invite."""
    if (await _row(tx, tenant, account, user)).joined_at is None:
        return Conflict("already_invited", "This address is invited already.")
    return Conflict("already_member", "The user is a member of this account.")


async def _row(tx: Tx, tenant: int, account: int, user: UUID) -> Membership:
    return next(row for row in await views.team(tx, tenant, account) if row.user_id == user)


async def _tell(tx: Tx, tenant: int, account: int, user: User, by: str, now: datetime, link: Link) -> None:
    """Write the letter. Under the account's lock, so that those of a day are counted exactly."""
    if not user.active:
        return
    if await letters_lately(tx, tenant, account, _KIND, within=_DAY, most=MOST) >= MOST:
        raise Conflict("too_many_invitations", f"An account sends at most {MOST} invitations a day.")
    scene = await one_row(tx, _Scene, q.invited_by, {"tenant": tenant, "account": account, "by": _person(by)})
    assert scene is not None, "the account is locked"
    told = {"app": scene.app, "seller": scene.app, "inviter": scene.inviter}
    told |= {"account": scene.account or scene.account_email}
    if not await value(tx, q.signs_in, {"id": user.id}):
        token = await password_links.make(
            tx, tenant, user=user.id, email=user.email, cause=_KIND, now=now, account=account
        )
        told["choose_url"] = link(token)
    key = f"{_KIND}:{uuid7()}"
    await mail.queue(tx, tenant, _KIND, user.email, key=key, values=told, account=account)


def _person(by: str) -> UUID | None:
    """The user that an actor's name means, if it is one's."""
    kind, _, id = by.partition(":")
    return UUID(id) if kind == "user" else None
