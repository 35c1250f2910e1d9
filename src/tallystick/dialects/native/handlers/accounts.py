"""Accounts: who owns credits."""

from typing import Annotated, Any

from fastapi import Query, Request, Response

from tallystick.db.pool import Tx
from tallystick.dialects.native import forms, queries, shapes
from tallystick.dialects.native.auth import Anyone, Here, OwnAccount, Reader, Writer, may_patch
from tallystick.dialects.native.once import Key, answered, write_once
from tallystick.domain.identity import actions, views
from tallystick.domain.identity.model import AccountChanges
from tallystick.http.paging import page_body
from tallystick.kernel.errors import Forbidden

_OWN = {"name", "email", "first_name", "last_name", "phone", "address", "time_zone"}
"""What an account's owners may change themselves."""


async def create_account(
    native: Here, actor: Writer, request: Request, key: Key, body: forms.NewAccount
) -> Response:
    """Open an account."""
    given = body.model_dump(exclude_none=True)

    async def act(tx: Tx) -> tuple[int, Any]:
        made = await actions.create_account(tx, actor.tenant, **given)
        return 201, shapes.account(made)

    return await write_once(native, actor, request, key, body, act)


async def list_accounts(
    native: Here, actor: Reader, query: Annotated[queries.AccountsQuery, Query()]
) -> Response:
    """List accounts, the oldest first."""
    async with native.system.db.connection() as conn:
        page = await views.accounts(
            conn,
            actor.tenant,
            external_id=query.external_id,
            email=query.email,
            status=query.status,
            after=query.after,
            limit=query.limit,
        )
    return answered(page_body(page.map(shapes.account)))


async def read_account(native: Here, actor: Anyone, account: OwnAccount) -> Response:
    """Read an account."""
    async with native.system.db.connection() as conn:
        return answered(shapes.account(await views.account(conn, actor.tenant, account)))


async def patch_account(
    native: Here, actor: Anyone, account: OwnAccount, body: forms.AccountPatch
) -> Response:
    """Change an account.

    Fields that are absent stay as they are. Its owners and admins may change names, e-mail, phone, address and
    time zone.
    """
    changes: AccountChanges = body.model_dump(include=body.model_fields_set)  # type: ignore[assignment]
    if not may_patch(actor, account) and not changes.keys() <= _OWN:
        raise Forbidden(
            "The account's own people may change its names, e-mail, phone, address and time zone only."
        )
    async with native.system.db.tx() as tx:
        changed = await actions.patch_account(tx, actor.tenant, account, changes, by=actor.name)
    native.accounts.forget_external()
    return answered(shapes.account(changed))
