"""Links by which a password is chosen: mailed to whoever forgot theirs, or was invited and has none yet.

A link is a credential by itself, so only its hash is kept, and it is good once. Nobody learns by asking for one
whether the address exists: a request for an unknown address leaves the same row.
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Literal
from uuid import UUID

from tallystick.db.pool import Database, Tx, one_row, run
from tallystick.domain.mail import actions as mail
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Invalid, NotFound
from tallystick.kernel.ids import uuid7

from . import passwords, views
from .actions import lock_user, set_password
from .memberships import join_invitations
from .model import check_email
from .views import q

RESET_LIFE: Final = timedelta(hours=1)
INVITATION_LIFE: Final = timedelta(days=7)
AT_MOST: Final = 5
"""Links that are mailed to one address in an hour because somebody asked."""

_HOUR: Final = timedelta(hours=1)
_TOKEN: Final = 24
"""Bytes: 192 bits."""

Cause = Literal["reset", "invitation"]
Link = Callable[[str], str]
"""The address of the page where the owner of a token chooses a password."""


@dataclass(slots=True)
class PasswordLink:
    """Whose password a link that is still good lets its reader choose."""

    tenant: int
    user: UUID
    email: str
    cause: Cause
    expires_at: datetime


@dataclass(slots=True)
class _Candidate:
    user_id: UUID | None
    app: str
    asked: int


def address(public_url: str) -> Link:
    """Where links lead at this server."""
    return lambda token: f"{public_url}/password/{token}"


async def request_reset(db: Database, clock: Clock, tenant: int, email: str, *, link: Link) -> None:
    """Mail a link that is good for an hour to the address, if an active user has it, at most 5 times in an hour.

    Says nothing of what came of it, and does the same for an unknown address. Raises NotFound for the tenant alone.
    """
    try:
        to = check_email("email", email)
    except Invalid:
        return
    async with db.tx() as tx:
        await run(tx, q.lock_reset, {"tenant": tenant, "email": to})
        now = clock.now()
        values = {"tenant": tenant, "email": to, "since": now - _HOUR}
        found = await one_row(tx, _Candidate, q.reset_candidate, values)
        if found is None:
            raise NotFound("app")
        if found.asked >= AT_MOST:
            return
        token = await make(tx, tenant, user=found.user_id, email=to, cause="reset", now=now)
        told = {"app": found.app, "seller": found.app, "reset_url": link(token)}
        await mail.queue(
            tx,
            tenant,
            "password_reset",
            to if found.user_id is not None else "",
            key=f"password_reset:{uuid7()}",
            values=told,
        )


async def make(
    tx: Tx,
    tenant: int,
    *,
    user: UUID | None,
    email: str,
    cause: Cause,
    now: datetime,
    account: int | None = None,
) -> str:
    """The token of a new link; it is stored nowhere. ``account`` is that of an invitation."""
    token = secrets.token_urlsafe(_TOKEN)
    life = RESET_LIFE if cause == "reset" else INVITATION_LIFE
    values = {"hash": _hash(token), "tenant": tenant, "user": user, "email": email, "cause": cause}
    values |= {"account": account, "now": now, "expires_at": now + life}
    await run(tx, q.insert_link, values)
    return token


async def check_link(conn: Tx, token: str, now: datetime) -> PasswordLink:
    """Whose link it is. Raises NotFound for one that is unknown, used or expired, or whose user is not active."""
    row = await one_row(conn, PasswordLink, q.link, {"hash": _hash(token), "now": now})
    if row is None:
        raise NotFound("link")
    return row


async def use_link(db: Database, clock: Clock, token: str, password: str) -> PasswordLink:
    """Give the link's user this password. All their sign-ins end, and all their links; failed sign-ins are forgotten.

    Their open invitations in the link's tenant are accepted: whoever reads the address's mail has it. Audited. Of two
    uses at once one finds the link. Takes the database, since no transaction waits for argon2. Raises NotFound as
    `check_link` does, and Invalid for the password, which leaves the link good.
    """
    async with db.connection() as conn:
        found = await check_link(conn, token, clock.now())
    hashed = await passwords.hash_password(password)
    async with db.tx() as tx:
        app = (await views.tenant(tx, found.tenant)).app_id
        # first, as a sign-in does: before the user's lock
        await run(tx, q.forget_failures, {"app": app, "email": found.email})
        await lock_user(tx, found.tenant, found.user)
        found = await check_link(tx, token, clock.now())
        await set_password(tx, found.tenant, found.user, hashed, by=f"user:{found.user}")
        await join_invitations(tx, found.tenant, found.user)
    return found


def _hash(token: str) -> bytes:
    # whatever stands in an address may come here, half a surrogate pair too
    return sha256(token.encode("utf-8", "surrogatepass")).digest()
