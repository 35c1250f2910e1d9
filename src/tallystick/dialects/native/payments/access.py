"""Who may do what with money, and which row a path means. Whose it is the id says; the tenant's, the view tells."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from tallystick.dialects.native.auth import Anyone, Here, may_patch, may_read
from tallystick.dialects.native.native import Native
from tallystick.http.hot import count_for
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import Forbidden, NotFound
from tallystick.kernel.ids import owner_of, parse_typeid


def id_of(prefix: str, text: str, what: str) -> UUID:
    """Raises NotFound for what is no id of this kind."""
    uuid = parse_typeid(prefix, text)
    if uuid is None:
        raise NotFound(what)
    return uuid


def may_steer(actor: Actor, account: int, what: str = "account") -> None:
    """Keys that write, staff, and owners and admins of the account. Raises Forbidden, NotFound."""
    may_read(actor, account, what)
    may_patch(actor, account)


def steers(actor: Actor, account: int) -> bool:
    """Whether the actor is one whom `may_steer` lets."""
    try:
        may_steer(actor, account)
    except (Forbidden, NotFound):
        return False
    return True


async def listed_of(native: Native, actor: Actor, named: str | None) -> int | None:
    """The account whose rows a list shows: the one named, else a member's home; None for all of the tenant's.

    Raises NotFound.
    """
    account = None if actor.whole_tenant else actor.home
    if named is not None:
        account = await native.caller(actor.tenant).account(named)
    if account is not None:
        may_read(actor, account)
    elif not actor.whole_tenant:
        raise NotFound("account")
    return account


def _own(request: Request, actor: Actor, prefix: str, text: str, what: str) -> UUID:
    uuid = id_of(prefix, text, what)
    may_read(actor, owner_of(uuid), what)
    count_for(request.scope, (owner_of(uuid),))
    return uuid


async def _own_checkout(request: Request, actor: Anyone, checkout: str) -> UUID:
    return _own(request, actor, "co", checkout, "checkout")


async def _own_payment(request: Request, actor: Anyone, payment: str) -> UUID:
    return _own(request, actor, "pay", payment, "payment")


async def _own_refund(request: Request, actor: Anyone, refund: str) -> UUID:
    return _own(request, actor, "re", refund, "refund")


async def _own_dispute(request: Request, actor: Anyone, dispute: str) -> UUID:
    return _own(request, actor, "dp", dispute, "dispute")


async def _own_method(request: Request, actor: Anyone, method: str) -> UUID:
    return _own(request, actor, "pm", method, "payment method")


async def _steered(request: Request, native: Here, actor: Anyone, account: str) -> int:
    number = await native.caller(actor.tenant).account(account)
    may_steer(actor, number)
    count_for(request.scope, (number,))
    return number


OwnCheckout = Annotated[UUID, Depends(_own_checkout)]
OwnPayment = Annotated[UUID, Depends(_own_payment)]
OwnRefund = Annotated[UUID, Depends(_own_refund)]
OwnDispute = Annotated[UUID, Depends(_own_dispute)]
OwnMethod = Annotated[UUID, Depends(_own_method)]
"""What the path names, of an account that the actor may read."""
Steered = Annotated[int, Depends(_steered)]
"""The account that the path names, whose ways to pay the actor may change."""
