"""Credits whose money goes back: taken as far as they are there, and given again. Under the account's lock."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tallystick.db.pool import Tx, all_rows
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import views as books
from tallystick.domain.ledger.commands import EndDue, Grant, Labels, Refund, order
from tallystick.domain.ledger.model import Answer, Head
from tallystick.domain.ledger.port import Rates
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.errors import Conflict, InsufficientCredits

from . import views
from .model import Dispute, Purchase, Take
from .refund_views import r

Heads = dict[int, Head]


@dataclass(slots=True)
class Named:
    """An account's row."""

    account: int
    id: UUID


Lot = tuple[int, int]
"""A grant's number, and microcredits of it."""


def part(whole: int, money: int, price: int) -> int:
    """What of ``whole`` credits ``money`` of their ``price`` bought: rounded down, and all of it with the last."""
    if money <= 0:
        return 0
    return whole if money >= price else whole * money // price


def lots_for(row: Purchase, before: int, after: int, price: int) -> list[Lot]:
    """The credits of a purchase for the money between two sums that went back of its price. Parts sum to the whole."""
    numbers = ((row.grant_id, row.credits), (row.bonus_grant_id, row.bonus))
    return [
        (grant, part(whole, after, price) - part(whole, before, price))
        for grant, whole in numbers
        if grant is not None
    ]


async def purchase_of(tx: Tx, account: int, invoice: UUID | None) -> Purchase | None:
    """The purchase that an invoice paid for, once its credits were given."""
    if invoice is None:
        return None
    row = await views.purchase_of(tx, account, invoice)
    return None if row is None or row.fulfilled_at is None else row


async def take_back(
    tx: Tx, heads: Heads, tenant: int, account: int, lots: Sequence[Lot], *, take: Take, labels: Labels, by: str,
    rates: Rates,
) -> list[dict[str, Any]]:  # fmt: skip
    """Take these credits back, as many as there are, and give rows of what was taken.

    ``unspent`` takes what is left of the grants themselves, ``wallet`` also other credits of the wallet, ``keep``
    nothing. Nothing is owed by it. ``heads`` were locked in ``tx`` and nobody wrote to the ledger since.
    """
    if take == "keep" or not lots or heads[account].status == "closed":
        return []
    end = order(EndDue(account=account), tenant=tenant, actor=SYSTEM)
    await ledger.apply(tx, heads, [end], rates)
    lines = [(await _line(tx, account, number), wanted) for number, wanted in lots]
    grants = await books.lots(tx, account, [number for line, _ in lines for number in line])
    taken = []
    for line, left in lines:
        for number in line:
            amount = min(left, grants[number].free) if take == "unspent" else left
            done = await _refund(
                tx, heads, tenant, account, number, amount, labels=labels, by=by, rates=rates
            )
            if done is None or done.entry is None:
                continue
            entry = done.entry
            left += entry.amount
            taken.append(
                {
                    "grant": number,
                    "entry": entry.seq,
                    "credit_type": entry.credit_type,
                    "amount": -entry.amount,
                }
            )
    return taken


async def _line(tx: Tx, account: int, grant: int) -> list[int]:
    """A grant, and those that gave its credits again after they were taken back."""
    heirs: dict[int, list[int]] = {}
    for row in await all_rows(tx, Dispute, r.disputes_of_account, {"account": account}):
        for one in row.returned:
            heirs.setdefault(one["of"], []).append(one["grant"])
    line = [grant]
    for number in line:
        line += heirs.get(number, [])
    return line


async def _refund(
    tx: Tx, heads: Heads, tenant: int, account: int, grant: int, amount: int, *, labels: Labels, by: str, rates: Rates
) -> Answer | None:  # fmt: skip
    """Take as much as the ledger allows: it says how much that is when it refuses."""
    while amount > 0:
        asked = Refund(
            account=account,
            grant=grant,
            amount=amount,
            reason=labels.description or "",
            reference=labels.reference,
        )
        [done] = await ledger.apply(tx, heads, [order(asked, tenant=tenant, actor=by)], rates)
        if isinstance(done, Answer):
            return done
        left = 0
        if isinstance(done, InsufficientCredits):
            left = done.available
        elif isinstance(done, Conflict) and done.code == "exceeds_grant":
            left = done.details["refundable"]
        else:
            raise done
        assert left < amount, "what the ledger refused is more than what it says is there"
        amount = left
    return None


async def give_again(
    tx: Tx, heads: Heads, tenant: int, account: int, taken: Sequence[dict[str, Any]], *, labels: Labels, by: str,
    rates: Rates,
) -> list[dict[str, Any]]:  # fmt: skip
    """Give credits again that were taken back, each with its grant's priority and expiry; rows of what was given, and
    ``of`` which grant.

    What would have expired meanwhile is not given.
    """
    if not taken or heads[account].status == "closed":
        return []
    grants = await books.lots(tx, account, [one["grant"] for one in taken])
    given = []
    for one in taken:
        was = grants[one["grant"]]
        asked = Grant(
            account=account, credit_type=one["credit_type"], amount=one["amount"], source="purchase",
            priority=was.priority, expires_at=was.expires_at, labels=labels,
        )  # fmt: skip
        [done] = await ledger.apply(tx, heads, [order(asked, tenant=tenant, actor=by)], rates)
        if isinstance(done, Answer) and done.entry is not None:
            given.append({**one, "of": one["grant"], "grant": done.entry.seq, "entry": done.entry.seq})
    return given
