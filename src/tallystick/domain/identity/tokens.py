"""Access and refresh tokens: JWT (RFC 7519, RFC 8725), HS256 alone, under the server's own secret.

A sign-in is a family of refresh tokens of which one is current. Each refresh replaces it, and one that was
replaced and comes again was copied by somebody: the family ends, and with it its access tokens.

A contract that knows no replacing has families that do not rotate: their one refresh token is good for its day, as
often as it comes. Each kind is refused where the other is refreshed.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal
from uuid import UUID

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from tallystick.db.pool import Database, Tx, one_row, run
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import Clock
from tallystick.kernel.ids import uuid7

from .memberships import ensure_home, join_invitations
from .model import Secrets, refused
from .views import q

ACCESS_LIFE: Final = timedelta(minutes=60)
REFRESH_LIFE: Final = timedelta(days=1)
_PARTY: Final = "tallystick"
_ALGORITHM: Final = "HS256"

Typ = Literal["access", "refresh"]


@dataclass(frozen=True, slots=True)
class Tokens:
    access: str = field(repr=False)
    refresh: str = field(repr=False)
    access_expires_at: datetime
    refresh_expires_at: datetime


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What a token says: ``sub`` is the user, ``sid`` the family, ``home`` the home account's UUID."""

    iss: Literal["tallystick"]
    aud: Literal["tallystick"]
    typ: Typ
    iat: int
    exp: int
    jti: UUID
    sub: UUID
    sid: UUID
    tenant: int
    mode: Mode
    home: UUID | None


@dataclass(slots=True)
class _Subject:
    active: bool
    mode: str
    home: UUID | None


@dataclass(slots=True)
class _Family:
    current: UUID
    rotates: bool
    revoked_at: datetime | None
    active: bool


async def issue_tokens(
    tx: Tx, secrets: Secrets, *, tenant: int, user: UUID, now: datetime, rotates: bool = True
) -> Tokens:
    """Begin a family for a user whose identity is established.

    They join where they are invited, and have a home account. Raises NotFound for another app's user,
    Unauthenticated for an inactive one.
    """
    await join_invitations(tx, tenant, user)
    await ensure_home(tx, tenant, user)
    family, current = uuid7(), uuid7()
    tokens = await _sign(tx, secrets, tenant, user, family, current, now)
    if tokens is None:
        raise refused("invalid")
    values = {
        "id": family,
        "tenant": tenant,
        "user": user,
        "current": current,
        "rotates": rotates,
        "now": now,
    }
    # an access token may be had until the last moment of a refresh token that stays, and needs its family
    last = timedelta() if rotates else ACCESS_LIFE
    await run(tx, q.insert_family, {**values, "expires_at": tokens.refresh_expires_at + last})
    return tokens


async def refresh(db: Database, secrets: Secrets, clock: Clock, token: str) -> Tokens:
    """Replace a refresh token. Of two uses of one token, even at once, the second revokes the family.

    Takes the database, not a transaction: the revocation must be committed although the call then fails, which
    no caller's open transaction could promise. Raises Unauthenticated.
    """
    now = clock.now()
    claims = read_token(secrets, token, "refresh", now)
    async with db.tx() as tx:
        tokens = await _rotate(tx, secrets, claims, now)
    if tokens is None:
        raise refused("invalid")
    return tokens


async def refresh_plain(db: Database, secrets: Secrets, clock: Clock, token: str) -> str:
    """Another access token for a refresh token that stays as it is. Raises Unauthenticated."""
    now = clock.now()
    claims = read_token(secrets, token, "refresh", now)
    values = {"id": claims.sid, "tenant": claims.tenant, "user": claims.sub}
    async with db.connection() as conn:
        family = await one_row(conn, _Family, q.family, values)
        if family is None or family.rotates or family.current != claims.jti:
            raise refused("invalid")
        if not family.active:
            raise refused("inactive")
        if family.revoked_at is not None:
            raise refused("invalid")
        tokens = await _sign(conn, secrets, claims.tenant, claims.sub, claims.sid, claims.jti, now)
    if tokens is None:
        raise refused("invalid")
    return tokens.access


async def sign_out(tx: Tx, secrets: Secrets, token: str, now: datetime) -> None:
    """End the family of an access or refresh token; harmless when it has ended. Raises Unauthenticated."""
    claims = read_token(secrets, token, None, now)
    await run(tx, q.revoke_family, {"id": claims.sid, "tenant": claims.tenant, "now": now})


def read_token(secrets: Secrets, token: str, typ: Typ | None, now: datetime) -> Claims:
    """The claims of a token of this type (None: of either). Raises Unauthenticated."""
    try:
        read = jwt.decode(token, OctKey.import_key(secrets.access_token), algorithms=[_ALGORITHM])
        claims = msgspec.convert(read.claims, Claims)
    except (JoseError, msgspec.ValidationError, ValueError, TypeError, RecursionError):
        # what is not a token can fail in many ways before its signature is even looked at
        raise refused("invalid") from None
    if typ not in (None, claims.typ):
        raise refused("invalid")
    if claims.exp <= now.timestamp():
        raise refused("expired")
    return claims


async def _rotate(tx: Tx, secrets: Secrets, claims: Claims, now: datetime) -> Tokens | None:
    """The next tokens of the family, or None after seeing that it has none, and revoking it for a reuse."""
    values = {"id": claims.sid, "tenant": claims.tenant, "user": claims.sub}
    family = await one_row(tx, _Family, q.lock_family, values)
    if family is None or not family.rotates or family.revoked_at is not None or not family.active:
        return None
    if family.current != claims.jti:
        await run(tx, q.revoke_family, {**values, "now": now})
        return None
    current = uuid7()
    tokens = await _sign(tx, secrets, claims.tenant, claims.sub, claims.sid, current, now)
    if tokens is not None:
        expiry = tokens.refresh_expires_at
        await run(tx, q.rotate_family, {**values, "current": current, "expires_at": expiry})
    return tokens


async def _sign(
    tx: Tx, secrets: Secrets, tenant: int, user: UUID, family: UUID, current: UUID, now: datetime
) -> Tokens | None:
    subject = await one_row(tx, _Subject, q.token_subject, {"tenant": tenant, "user": user})
    if subject is None or not subject.active:
        return None
    issued = now.replace(microsecond=0)

    def sign(typ: Typ, jti: UUID, expiry: datetime) -> str:
        claims = Claims(
            iss=_PARTY,
            aud=_PARTY,
            typ=typ,
            iat=int(issued.timestamp()),
            exp=int(expiry.timestamp()),
            jti=jti,
            sub=user,
            sid=family,
            tenant=tenant,
            mode=Mode(subject.mode),
            home=subject.home,
        )
        key = OctKey.import_key(secrets.access_token)
        return jwt.encode({"alg": _ALGORITHM}, msgspec.to_builtins(claims), key, algorithms=[_ALGORITHM])

    access_end, refresh_end = issued + ACCESS_LIFE, issued + REFRESH_LIFE
    return Tokens(
        sign("access", uuid7(), access_end), sign("refresh", current, refresh_end), access_end, refresh_end
    )
