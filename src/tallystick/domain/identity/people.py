"""Changing what is known of a user; in the caller's transaction."""

from typing import TypedDict
from uuid import UUID

from tallystick.db.pool import Tx, run

from . import actions, views
from .model import User, check_text
from .views import q


class UserChanges(TypedDict, total=False):
    """The fields of a user to change; what is absent stays."""

    first_name: str
    last_name: str
    active: bool
    staff: bool


async def patch_user(tx: Tx, tenant: int, user: UUID, changes: UserChanges, *, by: str) -> User:
    """Change what is given, and give the user as they are then. Locks the user. What changes is audited.

    Who is no longer active is signed out everywhere within a second. Raises Invalid, NotFound.
    """
    before = await actions.lock_user(tx, tenant, user)
    first = check_text("first_name", changes.get("first_name", before.first_name), 100)
    last = check_text("last_name", changes.get("last_name", before.last_name), 100)
    if (first, last) != (before.first_name, before.last_name):
        await run(tx, q.set_names, {"tenant": tenant, "id": user, "first_name": first, "last_name": last})
        await actions.audit(tx, tenant, actor=by, action="user.rename", target=f"user:{user}")
    if changes.get("active", before.active) != before.active:
        await actions.set_active(tx, tenant, user, not before.active, by=by)
    if changes.get("staff", before.staff) != before.staff:
        await actions.set_staff(tx, tenant, user, not before.staff, by=by)
    return await views.user(tx, tenant, user)
