"""Where a wallet's credits of a span of entries come from and go to, in whole credits.

A lot is what one entry brought. A plan's lots are allocated, bought ones purchased, all others, and whatever came by a
transfer, a bonus. Usage and outgoing transfers are consumed, less what was given back of that usage; what expires or is
taken back is taken from where it came from. What was owed when the span began counts as consumed in it.

As in `whole` every part is a sum of rows, and a row the difference of two balances rounded down: so the parts always
add up to the rounded balance, whatever the amounts were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

from tallystick.db import arrays
from tallystick.db.pool import Tx, all_rows
from tallystick.db.sql import Queries
from tallystick.kernel.credits import floor_credits

from . import whole
from .model import Entry

q: Final = Queries("tallystick.domain.ledger", "flows.sql")


@dataclass(frozen=True, slots=True)
class Flow:
    """Whole credits. ``allocated + purchased + bonus - consumed`` is the balance posted, rounded down."""

    allocated: int = 0
    purchased: int = 0
    bonus: int = 0
    consumed: int = 0

    def __add__(self, more: "Flow") -> "Flow":
        return Flow(
            self.allocated + more.allocated,
            self.purchased + more.purchased,
            self.bonus + more.bonus,
            self.consumed + more.consumed,
        )

    def __sub__(self, less: "Flow") -> "Flow":
        return Flow(
            self.allocated - less.allocated,
            self.purchased - less.purchased,
            self.bonus - less.bonus,
            self.consumed - less.consumed,
        )

    def spent(self, entry: Entry) -> "Flow":
        """The same after an entry of usage."""
        return Flow(self.allocated, self.purchased, self.bonus, self.consumed - whole.row_amount(entry))


NOTHING: Final = Flow()


class Span(NamedTuple):
    """Entries of one wallet with the numbers (after, until], in a period that begins with the entry ``low``."""

    account: int
    credit_type: str
    low: int
    after: int
    until: int


class Asked(NamedTuple):
    """One wallet's period, by the moment at which it began."""

    account: int
    credit_type: str
    start: datetime


class Opening(NamedTuple):
    """What of each source was unspent when a period began, and what was owed; ``low`` is its first entry's number, or
    the next one's where it has none yet."""

    low: int
    flow: Flow


async def openings(conn: Tx, asked: Sequence[Asked]) -> list[Opening]:
    """How periods began. It reads what was split since, once for each; once a period has an entry it is final.

    That the accounts are the caller's tenant's, it has checked.
    """
    if not asked:
        return []
    values = {
        "accounts": arrays.int8s([one.account for one in asked]),
        "types": arrays.texts([one.credit_type for one in asked]),
        "starts": arrays.moments([one.start for one in asked]),
    }
    lows = [0] * len(asked)
    parts: list[dict[str, int]] = [{} for _ in asked]
    for row in await all_rows(conn, _Opening, q.flow_opening, values):
        lows[row.place - 1] = row.low
        parts[row.place - 1][row.part] = row.amount
    return [Opening(low, _rounded(found)) for low, found in zip(lows, parts, strict=True)]


def _rounded(parts: Mapping[str, int]) -> Flow:
    """Each part as the difference of two sums rounded down, so that they add up to the rounded whole."""
    sums, upto = [], 0
    for name in ("allocated", "purchased", "bonus", "consumed"):
        before, upto = upto, upto + parts.get(name, 0)
        sums.append(floor_credits(upto) - floor_credits(before))
    return Flow(sums[0], sums[1], sums[2], -sums[3])


async def flows(conn: Tx, spans: Sequence[Span]) -> list[Flow]:
    """What the entries of each span did. Those of what is still to be posted are not in it."""
    if not spans:
        return []
    values = {
        "accounts": arrays.int8s([span.account for span in spans]),
        "types": arrays.texts([span.credit_type for span in spans]),
        "lows": arrays.int8s([span.low for span in spans]),
        "afters": arrays.int8s([span.after for span in spans]),
        "untils": arrays.int8s([span.until for span in spans]),
    }
    found = [NOTHING] * len(spans)
    for row in await all_rows(conn, _Flow, q.flows, values):
        amount = -row.whole if row.part == "consumed" else row.whole
        found[row.place - 1] += Flow(**{row.part: amount})
    return found


@dataclass(slots=True)
class _Opening:
    place: int
    low: int
    part: str
    amount: int


@dataclass(slots=True)
class _Flow:
    place: int
    part: str
    whole: int
