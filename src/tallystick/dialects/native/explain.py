"""Where an entry's credits came from or went, in words and numbers."""

import msgspec

from tallystick.domain.catalog.model import RateCard
from tallystick.domain.ledger.explaining import Burned, Explanation
from tallystick.domain.ledger.model import Grant
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits, share

from . import shapes
from .answers import Credits, Money, Quantity, Time, money
from .names import account_id, actor_id, grant_id


class Part(msgspec.Struct):
    """Credits of one grant, or (``grant`` null) of the overdraft. ``paid`` is their share of the grant's price."""

    grant: str | None
    amount: Credits
    source: str | None
    priority: int | None
    expires_at: Time | None
    paid: Money | None
    why: str


class Untouched(msgspec.Struct):
    """A grant that was there and was not needed."""

    grant: str
    source: str
    priority: int
    expires_at: Time | None
    why: str


class RateLine(msgspec.Struct):
    version: int
    operation: str
    cost: Credits
    quantity: Quantity


class AskedBy(msgspec.Struct):
    """``idempotency_key`` is null when the client gave none."""

    idempotency_key: str | None
    actor: str


class Explained(msgspec.Struct):
    account: str
    entry: shapes.Entry
    contra: str
    parts: list[Part]
    others: list[Untouched]
    rate: RateLine | None
    hold: shapes.HoldRow | None
    reversals: list[shapes.Entry]
    request: AskedBy


def explanation(found: Explanation, card: RateCard | None) -> Explained:
    head, entry = found.head, found.entry
    key = entry.op_key
    return Explained(
        account_id(head.uuid),
        shapes.entry(head, entry),
        entry.contra,
        [_part(found, at) for at in range(len(found.parts))],
        [_untouched(found, grant) for grant in found.others],
        _rate(found, card),
        None if found.hold is None else shapes.hold(head, found.hold),
        [shapes.entry(head, row) for row in found.reversals],
        AskedBy(key[2:] if key is not None and key.startswith("c:") else None, actor_id(entry.actor)),
    )


def _part(found: Explanation, at: int) -> Part:
    part = found.parts[at]
    grant = part.grant
    if grant is None:
        return Part(None, format_credits(part.amount), None, None, None, None, _why_owed(part))
    price = None
    if grant.paid_minor is not None:
        price = share(grant.paid_minor, abs(part.amount), grant.amount)
    return Part(
        grant_id(found.head.account, grant.id),
        format_credits(part.amount),
        grant.source,
        grant.priority,
        None if grant.expires_at is None else iso(grant.expires_at),
        money(price, grant.currency),
        _why(found, at, grant),
    )


def _why_owed(part: Burned) -> str:
    if part.amount > 0:
        return "repays what was owed: incoming credits do that first"
    return "no grant had credits left: spent from the overdraft"


def _why(found: Explanation, at: int, grant: Grant) -> str:
    match found.entry.kind:
        case "grant" | "adjust" | "transfer" if found.parts[at].amount > 0:
            return "the grant that this entry made"
        case "reverse" if found.parts[at].amount > 0:
            return "returned to the grant it was burned from, the last burned first"
        case "expire":
            return f"the grant expired at {'' if grant.expires_at is None else iso(grant.expires_at)}"
        case "capture":
            return "set aside for the hold when it was opened or extended, in burn order"
        case "reverse":
            return "the unspent part of the grant, taken back"
        case "refund" if at == 0:
            return "the refunded grant's own unspent part first, then others in burn order"
    return _before(grant, _next(found, at))


def _next(found: Explanation, at: int) -> Grant | None:
    later = [part.grant for part in found.parts[at + 1 :] if part.grant is not None]
    return next(iter(later + found.others), None)


def _before(grant: Grant, other: Grant | None) -> str:
    """Why one grant burns before another: priority, then earliest expiry, then age."""
    if other is None:
        return f"priority {grant.priority}; no other grant stood beside it"
    if grant.priority != other.priority:
        return f"priority {grant.priority} before {other.priority}"
    if grant.expires_at != other.expires_at:
        ends = "it never expires" if grant.expires_at is None else f"it expires {iso(grant.expires_at)}"
        then = "never" if other.expires_at is None else iso(other.expires_at)
        return f"priority {grant.priority} like the next; earliest expiry: {ends}, the next {then}"
    return f"priority {grant.priority} and expiry like the next; the older grant first"


def _untouched(found: Explanation, grant: Grant) -> Untouched:
    burned = [part.grant for part in found.parts if part.grant is not None]
    why = "not needed"
    if burned and found.entry.amount < 0:
        why = f"not needed: {_before(burned[-1], grant)}"
    return Untouched(
        grant_id(found.head.account, grant.id),
        grant.source,
        grant.priority,
        None if grant.expires_at is None else iso(grant.expires_at),
        why,
    )


def _rate(found: Explanation, card: RateCard | None) -> RateLine | None:
    entry = found.entry
    if card is None or entry.quantity is None or entry.rate_version is None:
        return None
    for rate in card.rates:
        if rate.operation == entry.operation:
            cost, quantity = format_credits(rate.cost), format_credits(entry.quantity)
            return RateLine(entry.rate_version, rate.operation, cost, quantity)
    return None
