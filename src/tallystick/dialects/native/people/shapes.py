"""How people and members are shown. No password, no token."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

import msgspec

from tallystick.dialects.native import shapes
from tallystick.dialects.native.answers import Time
from tallystick.dialects.native.names import account_id
from tallystick.domain.identity import model
from tallystick.kernel.actor import Actor
from tallystick.kernel.clock import iso
from tallystick.kernel.ids import typeid

RoleName = Literal["viewer", "member", "admin", "owner"]


class User(msgspec.Struct):
    """``staff`` act for every account of the app. ``number`` is what contracts with integer ids show."""

    id: str
    number: int
    email: str
    first_name: str
    last_name: str
    staff: bool
    active: bool
    created_at: Time
    last_login_at: Time | None


class Member(msgspec.Struct):
    """``status`` is joined, or invited until the first sign-in. Who is invited has shown no name yet.

    ``active`` is whether the user may sign in.
    """

    account: str
    user: str
    number: int
    email: str
    first_name: str
    last_name: str
    role: RoleName
    status: Literal["joined", "invited"]
    active: bool
    created_at: Time
    joined_at: Time | None


class DeletedMember(msgspec.Struct):
    account: str
    user: str
    deleted: bool


class Belonging(msgspec.Struct):
    """``home``: the account that is meant when a request names none, of tokens that are issued from now on."""

    account: str
    number: int
    name: str
    role: RoleName
    home: bool
    joined_at: Time | None


class Me(msgspec.Struct):
    """``type`` is user, with a ``user``, or key, with a ``key``.

    ``home`` is the account that this credential means when a request names none.
    """

    type: Literal["user", "key"]
    app: str
    mode: str
    scope: str
    staff: bool
    user: User | None
    key: shapes.ApiKey | None
    home: str | None
    memberships: list[Belonging]


class SignedOut(msgspec.Struct):
    signed_out: bool


class LinkAsked(msgspec.Struct):
    """The same whether somebody has the address or not."""

    detail: str


class PasswordSet(msgspec.Struct):
    """All sign-ins of the user have ended."""

    changed: bool


def user(row: model.User) -> User:
    return User(
        id=user_id(row.id),
        number=row.number,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        staff=row.staff,
        active=row.active,
        created_at=iso(row.created_at),
        last_login_at=None if row.last_login_at is None else iso(row.last_login_at),
    )


def member(row: model.Membership) -> Member:
    # an invitation must not tell whoever sends it what is known of somebody who has not come
    joined = row.joined_at is not None
    return Member(
        account=account_id(row.account_uuid),
        user=user_id(row.user_id),
        number=row.user_number,
        email=row.user_email,
        first_name=row.first_name if joined else "",
        last_name=row.last_name if joined else "",
        role=row.role.value,
        status="joined" if joined else "invited",
        active=row.active if joined else True,
        created_at=iso(row.created_at),
        joined_at=None if row.joined_at is None else iso(row.joined_at),
    )


def me_as_key(actor: Actor, row: model.ApiKey) -> Me:
    return Me(
        type="key",
        app=typeid("app", actor.app),
        mode=actor.mode.value,
        scope=actor.scope.value,
        staff=False,
        user=None,
        key=shapes.api_key(row),
        home=None,
        memberships=[],
    )


def me_as_user(actor: Actor, row: model.User, memberships: Sequence[model.Membership]) -> Me:
    homes = [account_id(one.account_uuid) for one in memberships if one.account_id == actor.home]
    return Me(
        type="user",
        app=typeid("app", actor.app),
        mode=actor.mode.value,
        scope=actor.scope.value,
        staff=row.staff,
        user=user(row),
        key=None,
        home=homes[0] if homes else None,
        memberships=[belonging(one) for one in memberships],
    )


def belonging(row: model.Membership) -> Belonging:
    return Belonging(
        account=account_id(row.account_uuid),
        number=row.account_number,
        name=row.account_name,
        role=row.role.value,
        home=row.home,
        joined_at=None if row.joined_at is None else iso(row.joined_at),
    )


def user_id(uuid: UUID) -> str:
    return typeid("user", uuid)
