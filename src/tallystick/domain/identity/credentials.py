"""Who is asking: from the Authorization header to an Actor, at most one read a second for each header."""

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from tallystick.db.pool import Database, one_row, value
from tallystick.kernel.actor import Actor, Mode, Role, Scope
from tallystick.kernel.clock import Clock
from tallystick.kernel.ids import account_of

from . import keys
from .model import Secrets, refused
from .tokens import read_token
from .views import q

KEEP: Final = 1.0
"""Seconds for which a credential that was good is not read again: a revocation holds after at most these."""
MOST: Final = 10_000
"""Credentials remembered at once."""
_LONGEST: Final = 4096


class _Known(NamedTuple):
    actor: Actor
    until: float


class _Asked(NamedTuple):
    since: float
    task: asyncio.Task[_Known]


@dataclass(slots=True)
class _Key:
    id: UUID
    tenant_id: int
    scope: str
    hash: bytes
    expires_at: datetime | None
    revoked_at: datetime | None
    app_id: UUID
    mode: str


@dataclass(slots=True)
class _User:
    id: UUID
    number: int
    staff: bool
    app_id: UUID
    mode: str
    accounts: list[int]
    roles: list[str]
    home: int | None


class Credentials:
    """Reads credentials and remembers the good ones for a second, never the bad."""

    def __init__(
        self,
        db: Database,
        secrets: Secrets,
        clock: Clock,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db = db
        self._secrets = secrets
        self._clock = clock
        self._monotonic = monotonic
        self._known: dict[str, _Known] = {}
        self._asked: dict[str, _Asked] = {}
        self._seen: dict[UUID, datetime] = {}

    def cached(self, authorization: str | None) -> Actor | None:
        """The actor when it is remembered: for the hot routes, which then need not wait."""
        if authorization is None:
            return None
        known = self._known.get(authorization)
        if known is None or known.until <= self._monotonic():
            return None
        if known.actor.key is not None:
            self._seen[known.actor.key] = self._clock.now()
        return known.actor

    async def actor(self, authorization: str | None) -> Actor:
        """The caller that ``Bearer <API key or access token>`` names.

        Raises Unauthenticated, whose ``details["reason"]`` is "missing", "invalid", "expired" or "inactive".
        """
        actor = self.cached(authorization)
        if actor is not None:
            return actor
        token = _bearer(authorization)
        asked, now = self._asked.get(token), self._monotonic()
        if asked is None or now - asked.since >= KEEP:
            # who asks later than that must not be told what this read saw
            asked = _Asked(now, asyncio.create_task(self._read(token, now)))
            self._asked[token] = asked
            asked.task.add_done_callback(lambda task: self._answered(token, task))
        # shielded: one caller that goes away must not fail those who share the read
        known = await asyncio.shield(asked.task)
        self._remember(str(authorization), known)
        if known.actor.key is not None:
            self._seen[known.actor.key] = self._clock.now()
        return known.actor

    def seen_keys(self) -> dict[UUID, datetime]:
        """When each key was last used since the last call: for `keys.write_last_used`."""
        seen, self._seen = self._seen, {}
        return seen

    def _answered(self, token: str, task: asyncio.Task[_Known]) -> None:
        asked = self._asked.get(token)
        if asked is not None and asked.task is task:
            del self._asked[token]
        if not task.cancelled():
            task.exception()  # looked at, lest asyncio complain when every caller has gone

    def _remember(self, authorization: str, fresh: _Known) -> None:
        known = self._known
        known.pop(authorization, None)
        known[authorization] = fresh
        # The oldest stand first. Two go for each that comes, if they are over, so the rest is never gone through.
        now = self._monotonic()
        for header in list(islice(known, 2)):
            if len(known) > MOST or known[header].until <= now:
                del known[header]

    async def _read(self, token: str, since: float) -> _Known:
        now = self._clock.now()
        if token.startswith(keys.PREFIX):
            actor, expires_at = await self._of_key(token, now)
        else:
            actor, expires_at = await self._of_user(token, now)
        left = (expires_at - now).total_seconds() if expires_at is not None else KEEP
        return _Known(actor, since + min(KEEP, left))

    async def _of_key(self, text: str, now: datetime) -> tuple[Actor, datetime | None]:
        id = keys.key_id(text)
        if id is None:
            raise refused("invalid")
        async with self._db.connection() as conn:
            row = await one_row(conn, _Key, q.key_credential, {"id": id})
        given = keys.key_hash(self._secrets, text)
        if row is None or not hmac.compare_digest(row.hash, given) or row.revoked_at is not None:
            raise refused("invalid")
        if row.expires_at is not None and row.expires_at <= now:
            raise refused("expired")
        actor = Actor(
            tenant=row.tenant_id,
            app=row.app_id,
            mode=Mode(row.mode),
            name=f"key:{row.id}",
            scope=Scope(row.scope),
            key=row.id,
        )
        return actor, row.expires_at

    async def _of_user(self, token: str, now: datetime) -> tuple[Actor, datetime | None]:
        claims = read_token(self._secrets, token, "access", now)
        values = {"family": claims.sid, "tenant": claims.tenant, "user": claims.sub}
        async with self._db.connection() as conn:
            row = await one_row(conn, _User, q.user_credential, values)
            if row is None:
                raise refused("inactive" if await value(conn, q.inactive_user, values) else "invalid")
        memberships = tuple(
            (account, Role(role)) for account, role in zip(row.accounts, row.roles, strict=True)
        )
        # the token's home while the user is still a member of it, else the present one
        home = None if claims.home is None else account_of(claims.home)
        actor = Actor(
            tenant=claims.tenant,
            app=row.app_id,
            mode=Mode(row.mode),
            name=f"user:{row.id}",
            scope=Scope.ADMIN if row.staff else Scope.READ,
            user=row.id,
            user_number=row.number,
            staff=row.staff,
            home=home if home in row.accounts else row.home,
            memberships=memberships,
        )
        return actor, datetime.fromtimestamp(claims.exp, UTC)


def _bearer(authorization: str | None) -> str:
    """The token of the header (RFC 6750). Raises Unauthenticated."""
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer":
        raise refused("missing")
    token = token.strip()
    if not token or len(token) > _LONGEST:
        raise refused("invalid")
    return token
