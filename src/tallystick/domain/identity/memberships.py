"""Who is a member of which account, with what role, and which of their accounts is a user's home.

In the caller's transaction, under the locks of `actions` in its order: account, then user.
"""

from dataclasses import dataclass
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, run, value
from tallystick.kernel.actor import Role
from tallystick.kernel.errors import Conflict, NotFound

from . import views
from .actions import audit, create_account, lock_user
from .model import Membership
from .views import q


@dataclass(slots=True)
class _Joined:
    account_id: int
    role: str


async def add(tx: Tx, tenant: int, *, account: int, user: UUID, role: Role, by: str) -> None:
    """Make a user a member, an invited one too; the first account in a tenant is their home. Audited.

    Raises NotFound, and Conflict("already_member").
    """
    await lock_account(tx, tenant, account)
    await lock_user(tx, tenant, user)
    if not await _insert_membership(tx, tenant, account, user, role):
        raise Conflict("already_member", "The user is a member of this account.")
    await audit_member(tx, tenant, by, "membership.add", account, user, role)


async def set_role(tx: Tx, tenant: int, *, account: int, user: UUID, role: Role, by: str) -> None:
    """Change the role of a member or of who is invited. Audited. Raises NotFound, and Conflict("last_owner")."""
    await lock_account(tx, tenant, account)
    if role is not Role.OWNER:
        await _keep_an_owner(tx, tenant, account, user)
    values = {"tenant": tenant, "account": account, "user": user, "role": role.value}
    if not await run(tx, q.set_role, values):
        raise NotFound("member")
    await audit_member(tx, tenant, by, "membership.set_role", account, user, role)


async def remove(tx: Tx, tenant: int, *, account: int, user: UUID, by: str) -> None:
    """End a membership, or take an invitation back; if it was the user's home, the oldest other becomes it. Audited.

    Raises NotFound, and Conflict("last_owner").
    """
    await lock_account(tx, tenant, account)
    await lock_user(tx, tenant, user)
    await _keep_an_owner(tx, tenant, account, user)
    values = {"tenant": tenant, "account": account, "user": user}
    if not await run(tx, q.delete_membership, values):
        raise NotFound("member")
    await run(tx, q.use_up_invitations, values)
    await _mark_home(tx, tenant, user)
    await audit_member(tx, tenant, by, "membership.remove", account, user, None)


async def set_home(tx: Tx, tenant: int, *, account: int, user: UUID) -> None:
    """Let an account that the user is a member of be their home. Raises NotFound."""
    await lock_user(tx, tenant, user)
    await run(tx, q.leave_home, {"tenant": tenant, "user": user})
    if not await run(tx, q.make_home, {"tenant": tenant, "account": account, "user": user}):
        raise NotFound("account")


async def join_invitations(tx: Tx, tenant: int, user: UUID) -> None:
    """Make the user, who has proved who they are, a member wherever they are invited in the tenant. Audited.

    Raises NotFound.
    """
    await lock_user(tx, tenant, user)
    values = {"tenant": tenant, "user": user}
    for joined in await all_rows(tx, _Joined, q.join_invitations, values):
        await audit_member(
            tx, tenant, f"user:{user}", "membership.join", joined.account_id, user, Role(joined.role)
        )
    await run(tx, q.use_up_joined, values)
    await _mark_home(tx, tenant, user)


async def ensure_home(tx: Tx, tenant: int, user: UUID) -> int:
    """The internal number of the user's home account; one of their own is made when they are in none.

    Who is only invited is in none: `join_invitations` comes before.

    So a request that names no account always means one. Raises NotFound.
    """
    person = await lock_user(tx, tenant, user)
    home = await _mark_home(tx, tenant, user)
    if home is not None:
        return home
    made = await create_account(tx, tenant, name=person.name, email=person.email)
    await _insert_membership(tx, tenant, made.account_id, user, Role.OWNER)
    return made.account_id


async def member_locked(tx: Tx, tenant: int, account: int, user: UUID) -> Membership:
    """A member of the account, or one who is invited, as they are until the transaction ends: locks the account.

    Raises NotFound.
    """
    await lock_account(tx, tenant, account)
    return await member(tx, tenant, account, user)


async def member(conn: Tx, tenant: int, account: int, user: UUID) -> Membership:
    """A member of the account, or one who is invited. Raises NotFound."""
    for row in await views.team(conn, tenant, account):
        if row.user_id == user:
            return row
    raise NotFound("member")


async def lock_account(tx: Tx, tenant: int, account: int) -> None:
    """Members come and go, and their roles change, under this lock. Raises NotFound."""
    if await value(tx, q.lock_account, {"tenant": tenant, "account": account}) is None:
        raise NotFound("account")


async def _insert_membership(tx: Tx, tenant: int, account: int, user: UUID, role: Role) -> int:
    values = {"tenant": tenant, "account": account, "user": user, "role": role.value}
    return await run(tx, q.insert_membership, values)


async def _keep_an_owner(tx: Tx, tenant: int, account: int, user: UUID) -> None:
    """Under the account's lock: refuses when the user is its only owner."""
    owners = {row.user_id for row in await views.members(tx, tenant, account) if row.role is Role.OWNER}
    if owners == {user}:
        raise Conflict("last_owner", "An account keeps at least one owner.")


async def _mark_home(tx: Tx, tenant: int, user: UUID) -> int | None:
    """Under the user's lock: the home, marked if it was not; None without memberships."""
    home = await views.home(tx, tenant, user)
    if home is None:
        return None
    if not home.home:
        await run(tx, q.make_home, {"tenant": tenant, "account": home.account_id, "user": user})
    return home.account_id


async def audit_member(
    tx: Tx, tenant: int, by: str, action: str, account: int, user: UUID, role: Role | None
) -> None:
    """Record what was done to a membership, with the role that it then has."""
    uuid = (await views.account(tx, tenant, account)).uuid
    details = {"account": str(uuid)} | ({} if role is None else {"role": role.value})
    await audit(tx, tenant, actor=by, action=action, target=f"user:{user}", details=details)
