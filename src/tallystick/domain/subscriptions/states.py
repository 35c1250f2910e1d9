"""The states of a subscription, and every move between them that is legal. Nothing else changes a status."""

from typing import Final

from tallystick.kernel.errors import Conflict

from .model import Status, Subscription

MOVES: Final[dict[Status, frozenset[Status]]] = {
    # made, its first invoice unpaid (or its start still to come)
    "incomplete": frozenset({"trialing", "active", "cancelled", "ended"}),
    "trialing": frozenset({"active", "cancelled", "ended"}),
    "active": frozenset({"past_due", "paused", "cancelled", "ended"}),
    # unpaid after the grace: features stay, allowances do not
    "past_due": frozenset({"active", "cancelled", "ended"}),
    "paused": frozenset({"active", "cancelled", "ended"}),
    "cancelled": frozenset(),
    "ended": frozenset(),
}

LIVE: Final[frozenset[Status]] = frozenset({"trialing", "active", "past_due"})
"""Features may be used."""
FUNDED: Final[frozenset[Status]] = frozenset({"trialing", "active"})
"""Allowances are granted."""
OVER: Final[frozenset[Status]] = frozenset({"cancelled", "ended"})


def move(subscription: Subscription, to: Status) -> None:
    """Set the status. Raises Conflict("subscription_state") for a move that is not in the table."""
    if to not in MOVES[subscription.status]:
        raise wrong_state(subscription)
    subscription.status = to


def demand(subscription: Subscription, *allowed: Status) -> None:
    """Raises Conflict("subscription_ended") or Conflict("subscription_state") in any other state."""
    if subscription.status not in allowed:
        raise wrong_state(subscription)


def wrong_state(subscription: Subscription) -> Conflict:
    if subscription.status in OVER:
        return Conflict("subscription_ended", "The subscription has ended.", status=subscription.status)
    shown = subscription.status.replace("_", " ")
    first = " Its open invoice must be paid first." if subscription.status == "past_due" else ""
    return Conflict(
        "subscription_state",
        f"The subscription is {shown}, which does not allow it.{first}",
        status=subscription.status,
    )
