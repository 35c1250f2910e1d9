"""Who may do what here. A key acts for its tenant within its scope, staff as an admin key does.

Another user is a member of accounts: they may read their own, and see of others what strangers see.
"""

from typing import Annotated

from fastapi import Depends, Request

from tallystick.http.hot import count_for
from tallystick.kernel.actor import Actor, Role, Scope
from tallystick.kernel.errors import Forbidden, NotFound
from tallystick.kernel.ids import Inner

from .names import parse_entry, parse_hold
from .native import Native

_MEMBER = "Only an API key or staff may do this; you are signed in as a member of an account."


def must_write(actor: Actor) -> None:
    """Raises Forbidden unless the actor may write for the whole tenant."""
    _must(actor, Scope.WRITE)


def _must(actor: Actor, scope: Scope) -> None:
    if not actor.whole_tenant:
        raise Forbidden(_MEMBER)
    if not actor.scope.includes(scope):
        raise Forbidden(f"This needs the scope {scope.value}; the credential has {actor.scope.value}.")


def may_read(actor: Actor, account: int, what: str = "account") -> None:
    """Raises NotFound when the account is none of the actor's."""
    if not actor.whole_tenant and actor.role_in(account) is None:
        raise NotFound(what)


def may_patch(actor: Actor, account: int) -> bool:
    """Whether the actor may change the whole account (True), or the fields its owners may (False)."""
    if actor.whole_tenant:
        _must(actor, Scope.WRITE)
        return True
    role = actor.role_in(account)
    if role is None:
        raise NotFound("account")
    if not role.includes(Role.ADMIN):
        raise Forbidden("Only an owner or admin of the account may change it.")
    return False


def native_of(request: Request) -> Native:
    native: Native = request.app.state.native
    return native


async def _actor(request: Request) -> Actor:
    return await native_of(request).system.credentials.actor(request.headers.get("authorization"))


async def _reader(actor: Annotated[Actor, Depends(_actor)]) -> Actor:
    if not actor.whole_tenant:
        raise Forbidden(_MEMBER)
    return actor


async def _writer(actor: Annotated[Actor, Depends(_actor)]) -> Actor:
    _must(actor, Scope.WRITE)
    return actor


async def _admin(actor: Annotated[Actor, Depends(_actor)]) -> Actor:
    _must(actor, Scope.ADMIN)
    return actor


Anyone = Annotated[Actor, Depends(_actor)]
"""Whoever has a credential; what they may see depends on the account."""
Reader = Annotated[Actor, Depends(_reader)]
Writer = Annotated[Actor, Depends(_writer)]
Admin = Annotated[Actor, Depends(_admin)]
Here = Annotated[Native, Depends(native_of)]


async def _own_account(request: Request, native: Here, actor: Anyone, account: str) -> int:
    number = await native.caller(actor.tenant).account(account)
    may_read(actor, number)
    count_for(request.scope, (number,))
    return number


async def _own_hold(actor: Anyone, hold: str) -> Inner:
    inner = parse_hold(hold)
    may_read(actor, inner.account, "hold")
    return inner


async def _own_entry(actor: Anyone, entry: str) -> Inner:
    inner = parse_entry(entry)
    may_read(actor, inner.account, "entry")
    return inner


OwnAccount = Annotated[int, Depends(_own_account)]
"""The internal number of the account that the path names, which the actor may read. Counts for it."""
OwnHold = Annotated[Inner, Depends(_own_hold)]
"""What the path's id says. Whether the account is the tenant's, the view tells."""
OwnEntry = Annotated[Inner, Depends(_own_entry)]
