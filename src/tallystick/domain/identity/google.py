"""Signing in with Google: whose an access token is, Google says; who that is here, this says.

People are known by Google's subject, which never changes; an e-mail address may. An address that Google verified
also finds the user who was made for it beforehand, by an invitation or by hand.
"""

from dataclasses import asdict, dataclass
from typing import Any, Final, Protocol
from uuid import UUID

from tallystick.db.pool import Database, Tx, one_row, run
from tallystick.kernel.clock import Clock
from tallystick.kernel.errors import Conflict, Invalid

from . import views
from .actions import audit, create_user, lock_user
from .model import Secrets, User, check_email, storable
from .sign_in import SignedIn
from .tokens import issue_tokens
from .views import q

_BY: Final = "google"
_NAME: Final = 100


@dataclass(frozen=True, slots=True)
class GooglePerson:
    """Whom Google names. The address is one that Google has verified."""

    sub: str
    email: str
    first_name: str = ""
    last_name: str = ""


class GoogleRefused(Exception):
    """The token, or whom it names, does not do. ``str()`` of it may be shown: it holds no token."""


class GoogleDown(Exception):
    """Google was not reached, or what came is no answer. ``str()`` of it may be shown: it holds no token."""


class GooglePeer(Protocol):
    """Asks Google; implemented by `gateways.google`. Never called inside a transaction."""

    async def person(self, access_token: str) -> GooglePerson:
        """Whose token it is: one that is good, made out to us, of a verified address.

        Raises GoogleRefused, GoogleDown.
        """
        ...


@dataclass(slots=True)
class _Known:
    """A person's particulars as this app stores them."""

    sub: str
    email: str
    first_name: str
    last_name: str


@dataclass(slots=True)
class _Found:
    id: UUID
    email: str


async def sign_in_with_google(
    db: Database, secrets: Secrets, clock: Clock, peer: GooglePeer, tenant: int, access_token: str
) -> SignedIn:
    """Give the person tokens for the tenant, of the kind that does not rotate.

    The user is the one of this subject; else the one of this address, unless another subject has it; else a new one.
    They join the accounts that they are invited to; who then is in none gets one. Raises GoogleRefused, for an inactive
    user too, GoogleDown, NotFound for the tenant.
    """
    person = _known(await peer.person(access_token))
    now = clock.now()
    async with db.tx() as tx:
        app = (await views.tenant(tx, tenant)).app_id
        # first sign-ins of one person at once: the others wait here, and then find who was made
        await run(tx, q.lock_google_sub, {"app": app, "sub": person.sub})
        user = await _user_of(tx, tenant, app, person)
        if not user.active:
            raise GoogleRefused("This user may not sign in.")
        await run(tx, q.record_google_sign_in, {"id": user.id, "app": app, "now": now})
        tokens = await issue_tokens(tx, secrets, tenant=tenant, user=user.id, now=now, rotates=False)
        return SignedIn(tenant, await views.user(tx, tenant, user.id), tokens)


async def _user_of(tx: Tx, tenant: int, app: UUID, person: _Known) -> User:
    """The user, locked, with what Google says of them taken over."""
    values: dict[str, Any] = {"app": app, **asdict(person)}
    found = await one_row(tx, _Found, q.user_of_google_sub, values)
    if found is None:
        found = await one_row(tx, _Found, q.user_of_email, values) or await _made(tx, tenant, person)
        await _link(tx, tenant, found.id, values)
    elif found.email != person.email:
        # addresses change under the lock that new users are numbered under, before any user's own
        await run(tx, q.lock_addresses, values)
        await _move(tx, tenant, await lock_user(tx, tenant, found.id), values)
    user = await lock_user(tx, tenant, found.id)
    await run(tx, q.take_names, {**values, "id": found.id})
    return user


async def _link(tx: Tx, tenant: int, user: UUID, values: dict[str, Any]) -> None:
    """Let the user be known by Google's subject. Raises GoogleRefused where they are by another."""
    await lock_user(tx, tenant, user)
    if not await run(tx, q.set_google_sub, {**values, "id": user}):
        raise GoogleRefused("Another Google account has this e-mail address here.")
    details = {"email": values["email"]}
    await audit(tx, tenant, actor=_BY, action="user.link_google", target=f"user:{user}", details=details)


async def _move(tx: Tx, tenant: int, user: User, values: dict[str, Any]) -> None:
    """Take over the address that the person has now, unless another user has it. Links to the old one end."""
    if await run(tx, q.set_email, {**values, "id": user.id}):
        await run(tx, q.use_up_links, {"user": user.id})
        details = {"from": user.email, "to": values["email"]}
        await audit(tx, tenant, actor=_BY, action="user.set_email", target=f"user:{user.id}", details=details)


async def _made(tx: Tx, tenant: int, person: _Known) -> _Found:
    """A new user; or whoever was made for the address a moment ago."""
    try:
        made = await create_user(
            tx,
            tenant,
            email=person.email,
            password_hash=None,
            by=_BY,
            first_name=person.first_name,
            last_name=person.last_name,
        )
    except Conflict:
        made = await views.user_by_email(tx, tenant, person.email)
    return _Found(made.id, made.email)


def _known(person: GooglePerson) -> _Known:
    """Raises GoogleRefused for an address that cannot be used here."""
    try:
        email = check_email("email", person.email)
    except Invalid:
        raise GoogleRefused("The e-mail address cannot be used here.") from None
    return _Known(person.sub, email, _name(person.first_name), _name(person.last_name))


def _name(text: str) -> str:
    text = text.strip()[:_NAME]
    return text if storable(text) else ""
