"""Who may do what with a subscription: whoever may read its account reads it; owners and admins may end it."""

from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Depends

from tallystick.dialects.native.auth import Anyone, may_patch, may_read, must_write
from tallystick.kernel.actor import Actor
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import owner_of, parse_typeid


class Named(NamedTuple):
    """The subscription that a path names, and the account that its id says. The tenant's, the action tells."""

    account: int
    id: UUID


def parse_subscription(text: str) -> Named:
    """Raises NotFound."""
    uuid = parse_typeid("sub", text)
    if uuid is None:
        raise NotFound("subscription")
    return Named(owner_of(uuid), uuid)


def may_steer(actor: Actor, account: int) -> None:
    """Raises Forbidden, NotFound. Ending and taking up again is the customer's right, by owners and admins."""
    if not actor.whole_tenant and actor.role_in(account) is None:
        raise NotFound("subscription")
    may_patch(actor, account)


async def _readable(actor: Anyone, subscription: str) -> Named:
    named = parse_subscription(subscription)
    may_read(actor, named.account, "subscription")
    return named


async def _writable(actor: Anyone, subscription: str) -> Named:
    must_write(actor)
    return parse_subscription(subscription)


async def _steerable(actor: Anyone, subscription: str) -> Named:
    named = parse_subscription(subscription)
    may_steer(actor, named.account)
    return named


Readable = Annotated[Named, Depends(_readable)]
Writable = Annotated[Named, Depends(_writable)]
Steerable = Annotated[Named, Depends(_steerable)]
