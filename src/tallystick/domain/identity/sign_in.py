"""Signing in with e-mail and password. Guessing is slow, and tells nothing about which addresses exist."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Database, Tx, one_row, run, value
from tallystick.kernel.actor import Mode
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound, TooManyAttempts, Unauthenticated

from . import passwords, views
from .actions import audit
from .model import Secrets, User, check_email, refused
from .tokens import Tokens, issue_tokens
from .views import q


@dataclass(frozen=True, slots=True)
class SignedIn:
    tenant: int
    user: User
    tokens: Tokens


@dataclass(slots=True)
class _Candidate:
    tenant_id: int
    user_id: UUID | None
    password_hash: str | None
    active: bool
    locked_until: datetime | None


async def sign_in(
    db: Database, secrets: Secrets, clock: Clock, *, app: UUID, mode: Mode, email: str, password: str
) -> SignedIn:
    """Give the user tokens for the app's tenant of this mode, where they join accounts that they are invited to.

    After 10 failures the address is locked, for a time that grows with each further one, whether anybody
    has it or not. Takes the database, not a transaction: failures must be counted although the call fails,
    and no transaction waits for argon2. Raises Unauthenticated, TooManyAttempts, NotFound for the app.
    """
    try:
        address = check_email("email", email)
    except Invalid:
        await passwords.verify_password(None, password)
        raise refused("wrong_password") from None
    values: dict[str, Any] = {"app": app, "email": address}
    async with db.connection() as conn:
        found = await one_row(conn, _Candidate, q.candidate, {**values, "mode": mode.value})
    if found is None:
        raise NotFound("app")
    now = clock.now()
    if found.locked_until is not None and found.locked_until > now:
        raise _locked(found.locked_until, now)
    right = await passwords.verify_password(found.password_hash, password) and found.active
    new_hash = None
    if right and found.password_hash is not None and passwords.outdated(found.password_hash):
        new_hash = await passwords.hash_password(password)
    async with db.tx() as tx:
        now = clock.now()
        if right:
            done = await _succeed(tx, secrets, found, {**values, "new_hash": new_hash, "now": now})
        else:
            done = await _fail(tx, {**values, "now": now})
    if isinstance(done, Fact):
        raise done
    return done


async def change_password(db: Database, clock: Clock, tenant: int, user: UUID, *, old: str, new: str) -> None:
    """Give a signed-in user, who knows their password, another. All their sign-ins and links end. Audited.

    A wrong ``old`` counts as a failed sign-in of their address: a stolen token is no way to guess on. Raises
    Invalid("old"), Invalid("password") for the new one, TooManyAttempts, Conflict("no_password"), NotFound.
    """
    async with db.connection() as conn:
        person, place = await views.user(conn, tenant, user), await views.tenant(conn, tenant)
        values: dict[str, Any] = {"app": place.app_id, "email": person.email}
        found = await one_row(conn, _Candidate, q.candidate, {**values, "mode": place.mode.value})
    if found is None or found.user_id != user or found.password_hash is None:
        raise Conflict("no_password", "There is no password to change; ask for a link to choose one.")
    now = clock.now()
    if found.locked_until is not None and found.locked_until > now:
        raise _locked(found.locked_until, now)
    new_hash = await passwords.hash_password(new)
    right = await passwords.verify_password(found.password_hash, old)
    values |= {"tenant": tenant, "id": user, "new_hash": new_hash, "verified_hash": found.password_hash}
    async with db.tx() as tx:
        values["now"] = clock.now()
        fact = await _change(tx, values) if right else await _fail(tx, values)
    if isinstance(fact, Unauthenticated):
        raise Invalid("old", "is not your password")
    if fact is not None:
        raise fact


async def _change(tx: Tx, values: dict[str, Any]) -> Fact | None:
    now, locked_until = values["now"], await value(tx, q.lock_failure, values)
    if locked_until is not None and locked_until > now:
        return _locked(locked_until, now)
    if not await run(tx, q.change_password, values):
        return refused("wrong_password")
    await run(tx, q.forget_failures, values)
    await run(tx, q.revoke_families, {"user": values["id"]})
    await run(tx, q.use_up_links, {"user": values["id"]})
    who = f"user:{values['id']}"
    await audit(tx, values["tenant"], actor=who, action="user.change_password", target=who)
    return None


async def _succeed(tx: Tx, secrets: Secrets, found: _Candidate, values: dict[str, Any]) -> SignedIn | Fact:
    # Read again under its lock: of many guesses at once, those after the tenth failure must learn nothing.
    now, locked_until = values["now"], await value(tx, q.lock_failure, values)
    if locked_until is not None and locked_until > now:
        return _locked(locked_until, now)
    assert found.user_id is not None, "a password was verified"
    verified = {**values, "id": found.user_id, "verified_hash": found.password_hash}
    if not await run(tx, q.record_sign_in, verified):
        return refused("wrong_password")
    await run(tx, q.forget_failures, values)
    tokens = await issue_tokens(tx, secrets, tenant=found.tenant_id, user=found.user_id, now=now)
    return SignedIn(found.tenant_id, await views.user(tx, found.tenant_id, found.user_id), tokens)


async def _fail(tx: Tx, values: dict[str, Any]) -> Fact:
    if await run(tx, q.count_failure, values):
        return refused("wrong_password")
    locked_until = await value(tx, q.lock_failure, values)
    return _locked(locked_until or values["now"], values["now"])


def _locked(until: datetime, now: datetime) -> TooManyAttempts:
    return TooManyAttempts(max(1, math.ceil((until - now).total_seconds())))
