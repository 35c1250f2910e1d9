"""The users of an app, for its operators."""

from typing import Annotated, Any

import msgspec
from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Admin, Here
from tallystick.dialects.native.once import Key, answered, secret_digest_of, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.identity import actions, memberships, passwords, people, views
from tallystick.domain.identity.people import UserChanges
from tallystick.http.paging import page_body
from tallystick.kernel.errors import Conflict

from . import forms, shapes
from .access import UserId, must_be_live


async def list_users(native: Here, actor: Admin, query: Annotated[Listed, Query()]) -> Response:
    """List the app's users, the oldest first.

    They are the same in both modes.
    """
    async with native.system.db.connection() as conn:
        page = await views.users(conn, actor.tenant, after=query.after, limit=query.limit)
    return answered(page_body(page.map(shapes.user)))


async def create_user(
    native: Here, actor: Admin, request: Request, key: Key, body: forms.NewUser
) -> Response:
    """Make a user, perhaps with a password, as a member of accounts.

    No letter is sent: to invite somebody, there are the members of an account.
    """
    if body.password is not None or body.staff:
        must_be_live(actor)
    caller = native.caller(actor.tenant)
    places = [(await caller.account(place.account), place.role) for place in body.accounts]
    password = body.password
    hashed = None if password is None else await passwords.hash_password(password)

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_user(
            tx, actor.tenant, email=body.email, password_hash=hashed, by=actor.name,
            first_name=body.first_name, last_name=body.last_name, staff=body.staff,
        )  # fmt: skip
        for account, role in sorted(places):  # in one order, so that two of these cannot wait for each other
            await memberships.add(tx, actor.tenant, account=account, user=made.id, role=role, by=actor.name)
        return 201, shapes.user(made)

    digest = secret_digest_of(native, request, body)
    return await write_once(native, actor, request, key, body, act, digest=digest)


async def read_user(native: Here, actor: Admin, user: UserId) -> Response:
    """Read a user."""
    async with native.system.db.connection() as conn:
        return answered(shapes.user(await views.user(conn, actor.tenant, user)))


async def patch_user(
    native: Here, actor: Admin, request: Request, key: Key, user: UserId, body: forms.UserPatch
) -> Response:
    """Change a user's names, whether they may sign in, and whether they are staff.

    Nobody locks themselves out: who is signed in stays active, and staff.
    """
    must_be_live(actor)
    changes = msgspec.convert(body.model_dump(include=body.model_fields_set), UserChanges)
    if user == actor.user and not (changes.get("active", True) and changes.get("staff", True)):
        raise Conflict("own_user", "Nobody deactivates themselves, or ceases to be staff by themselves.")

    async def act(tx: Tx) -> tuple[int, Any]:
        return 200, shapes.user(await people.patch_user(tx, actor.tenant, user, changes, by=actor.name))

    return await write_once(native, actor, request, key, body, act)
