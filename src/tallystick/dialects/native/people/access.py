"""Who may do what with people: an account's owners and admins see to its members, staff and admin keys to all.

Nobody gives a role above their own, or changes or removes somebody who has one. Anyone may leave.
"""

from typing import Annotated
from uuid import UUID

from fastapi import Depends

from tallystick.dialects.native.auth import Admin, Anyone, OwnAccount
from tallystick.kernel.actor import Actor, Mode, Role, Scope
from tallystick.kernel.errors import Forbidden, NotFound
from tallystick.kernel.ids import parse_typeid


def may_manage(actor: Actor, account: int) -> None:
    """Raises Forbidden for whoever may read the account and not change its members."""
    if actor.whole_tenant:
        if not actor.scope.includes(Scope.ADMIN):
            raise Forbidden(
                f"This needs the scope {Scope.ADMIN.value}; the credential has {actor.scope.value}."
            )
        return
    role = actor.role_in(account)
    if role is None or not role.includes(Role.ADMIN):
        raise Forbidden("Only an owner or admin of the account may change who its members are.")


def must_cover(actor: Actor, account: int, role: Role) -> None:
    """Raises Forbidden when the role is above the actor's own in the account."""
    own = Role.OWNER if actor.whole_tenant else actor.role_in(account)
    if own is None or not own.includes(role):
        raise Forbidden("The role is above your own in this account.")


def must_be_live(actor: Actor) -> None:
    """Raises Forbidden for a test key: users are the app's, the same in both of its modes."""
    if actor.key is not None and actor.mode is Mode.TEST:
        raise Forbidden("A user signs in to live data too: this needs a live key, or staff.")


def user_named(text: str, what: str = "user") -> UUID:
    """Raises NotFound."""
    uuid = parse_typeid("user", text)
    if uuid is None:
        raise NotFound(what)
    return uuid


async def _person(actor: Anyone) -> Actor:
    if actor.user is None:
        raise Forbidden("Only who is signed in as a user may do this; this is an API key.")
    return actor


async def _managed(actor: Anyone, account: OwnAccount) -> int:
    may_manage(actor, account)
    return account


async def _member(user: str) -> UUID:
    return user_named(user, "member")


async def _user(actor: Admin, user: str) -> UUID:
    return user_named(user)


Person = Annotated[Actor, Depends(_person)]
"""Whoever is signed in as a user."""
Managed = Annotated[int, Depends(_managed)]
"""The account that the path names, whose members the actor may change."""
MemberId = Annotated[UUID, Depends(_member)]
UserId = Annotated[UUID, Depends(_user)]
