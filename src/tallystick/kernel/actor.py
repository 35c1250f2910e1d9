"""Who is asking: the result of reading a credential."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final
from uuid import UUID

SYSTEM: Final = "system"
"""The actor of what happens by itself: a renewal, an expiry."""


class Mode(StrEnum):
    """An app's two modes, whose data never meet."""

    LIVE = "live"
    TEST = "test"


class Scope(StrEnum):
    """What a key may do; each includes those before it."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"

    def includes(self, needed: "Scope") -> bool:
        return _ORDER[self] >= _ORDER[needed]


class Role(StrEnum):
    """What a user may do in an account; each includes those before it."""

    VIEWER = "viewer"
    MEMBER = "member"
    ADMIN = "admin"
    OWNER = "owner"

    def includes(self, needed: "Role") -> bool:
        return _RANK[self] >= _RANK[needed]


_ORDER = {Scope.READ: 0, Scope.WRITE: 1, Scope.ADMIN: 2}
_RANK = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}


@dataclass(frozen=True, slots=True)
class Actor:
    """A caller whose credential was verified.

    A key acts for the whole tenant within its ``scope``. A user acts as staff for the whole tenant, or
    else as a member of ``memberships`` (internal account number -> role), with ``home`` when a request
    names no account.
    """

    tenant: int
    app: UUID
    mode: Mode
    name: str
    """``key:<id>`` or ``user:<id>``: what the audit log shows."""
    scope: Scope
    key: UUID | None = None
    user: UUID | None = None
    user_number: int = 0
    staff: bool = False
    home: int | None = None
    memberships: tuple[tuple[int, Role], ...] = ()

    @property
    def whole_tenant(self) -> bool:
        """Whether the actor may act for every account of its tenant."""
        return self.key is not None or self.staff

    def role_in(self, account: int) -> Role | None:
        """The user's role in the account (internal number), or None."""
        for number, role in self.memberships:
            if number == account:
                return role
        return None
