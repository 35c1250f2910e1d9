"""The members of an account, and inviting others."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount
from tallystick.dialects.native.names import account_id
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.dialects.native.queries import Listed
from tallystick.domain.identity import invitations, memberships, views
from tallystick.domain.identity.password_links import address
from tallystick.http.paging import page_body

from . import forms, shapes
from .access import Managed, MemberId, may_manage, must_cover


async def list_members(
    native: Here, actor: Anyone, account: OwnAccount, query: Annotated[Listed, Query()]
) -> Response:
    """List an account's members, and who is invited."""
    async with native.system.db.connection() as conn:
        await views.account(conn, actor.tenant, account)
        rows = await views.team(conn, actor.tenant, account)
    return answered(page_body(query.slice_of(rows).map(shapes.member)))


async def invite_member(
    native: Here, actor: Anyone, request: Request, key: Key, account: Managed, body: forms.Invitation
) -> Response:
    """Invite somebody into an account, by e-mail.

    The letter has a link to choose a password, good for 7 days. They are a member from their next sign-in on, with
    Google or a password. At most 100 such letters a day go out for one account.
    """
    must_cover(actor, account, body.role)
    system = native.system

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await invitations.invite(
            tx, actor.tenant, account=account, email=body.email, role=body.role, by=actor.name,
            now=system.clock.now(), link=address(system.settings.public_url),
            first_name=body.first_name, last_name=body.last_name,
        )  # fmt: skip
        return 201, shapes.member(made)

    return await write_once(native, actor, request, key, body, act)


async def patch_member(
    native: Here, actor: Anyone, request: Request, key: Key, account: Managed, user: MemberId,
    body: forms.MemberPatch,
) -> Response:  # fmt: skip
    """Change a member's role, or what an invitation is to.

    Nobody gives a role above their own, or changes somebody who has one. An account keeps at least one owner.
    """
    must_cover(actor, account, body.role)

    async def act(tx: Tx) -> tuple[int, Any]:
        before = await memberships.member_locked(tx, actor.tenant, account, user)
        must_cover(actor, account, before.role)
        await memberships.set_role(
            tx, actor.tenant, account=account, user=user, role=body.role, by=actor.name
        )
        return 200, shapes.member(await memberships.member(tx, actor.tenant, account, user))

    return await write_once(native, actor, request, key, body, act)


async def remove_member(
    native: Here, actor: Anyone, request: Request, key: Key, account: OwnAccount, user: MemberId
) -> Response:
    """Remove a member, take an invitation back, or leave.

    An account keeps at least one owner. It holds within a second.
    """
    if user != actor.user:
        may_manage(actor, account)

    async def act(tx: Tx) -> tuple[int, Any]:
        row = await memberships.member_locked(tx, actor.tenant, account, user)
        if user != actor.user:
            must_cover(actor, account, row.role)
        await memberships.remove(tx, actor.tenant, account=account, user=user, by=actor.name)
        return 200, shapes.DeletedMember(account_id(row.account_uuid), shapes.user_id(user), True)

    return await write_once(native, actor, request, key, forms.Nothing(), act)
