"""The rows of one account as the rules see them. Plain data: amounts in microcredits, times in UTC.

``fresh`` marks a row that is not in the database yet, ``changed`` one that must be written.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from tallystick.kernel.errors import Conflict, Fact, InsufficientCredits

Splits = list[list[int]]
"""``[[grant id, microcredits], ...]``; grant id 0 stands for what is owed."""

OWED: Final = 0
_NEVER: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(slots=True)
class Head:
    account: int
    tenant: int
    number: int
    uuid: UUID
    external_id: str | None
    status: str
    seq: int
    hold_seq: int
    last_at: datetime
    next_due_at: datetime | None
    changed: bool = False


@dataclass(slots=True)
class Wallet:
    credit_type: str
    posted: int = 0
    held: int = 0
    owed: int = 0
    overdraft: int = 0
    updated_at: datetime = _NEVER
    watches: list[int] | None = None
    """Thresholds of which somebody wants to hear when the wallet falls below; None for nearly all wallets."""
    fresh: bool = False
    changed: bool = False
    before: int = 0
    """What was posted and not held when a watched wallet was loaded."""

    @property
    def available(self) -> int:
        """What may be spent now, overdraft included."""
        return self.posted - self.held + self.overdraft

    def crossed(self) -> list[int]:
        """The watched thresholds that what is posted and not held fell below since the wallet was loaded."""
        own = self.posted - self.held
        return [threshold for threshold in self.watches or () if own < threshold <= self.before]


@dataclass(slots=True)
class Grant:
    id: int
    credit_type: str
    source: str
    amount: int
    remaining: int
    held: int
    priority: int
    expires_at: datetime | None
    closed: bool
    paid_minor: int | None
    currency: str | None
    created_at: datetime
    fresh: bool = False
    changed: bool = False

    @property
    def free(self) -> int:
        """Unspent and not pinned by a hold."""
        return self.remaining - self.held

    def expired(self, at: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= at


def burn_order(grant: Grant) -> tuple[int, datetime, int]:
    """Priority, then earliest expiry (none last), then oldest."""
    return grant.priority, grant.expires_at or _NEVER, grant.id


@dataclass(slots=True)
class Hold:
    id: int
    credit_type: str
    amount: int
    captured: int
    released: int
    reported: int
    state: str
    expires_at: datetime
    on_expiry: str
    splits: Splits
    reference: str | None
    description: str | None
    metadata: dict[str, Any] | None
    opened: dict[str, Any]
    op_key: str | None
    request_hash: bytes | None
    actor: str
    created_at: datetime
    ended_at: datetime | None = None
    fresh: bool = False
    changed: bool = False

    @property
    def remaining(self) -> int:
        """Held and neither captured nor released yet."""
        return self.amount - self.captured - self.released


@dataclass(slots=True)
class Entry:
    account: int
    seq: int
    credit_type: str
    kind: str
    amount: int
    posted_after: int
    held_after: int
    available_after: int
    contra: str
    splits: Splits
    actor: str
    effective_at: datetime
    operation: str | None = None
    quantity: int | None = None
    rate_version: int | None = None
    reference: str | None = None
    description: str | None = None
    metadata: dict[str, Any] | None = None
    hold: int | None = None
    reverses: int | None = None
    detail: dict[str, Any] | None = None
    op_key: str | None = None
    request_hash: bytes | None = None


@dataclass(slots=True)
class Answer:
    """What a command's stored rows say: its entry, if it posted one, and the facts beside it.

    ``facts`` are JSON values (microcredits, ISO times), so that a replay is the same to the byte.
    """

    kind: str
    account: UUID
    entry: Entry | None
    facts: dict[str, Any]
    replayed: bool = False


@dataclass(slots=True)
class Known:
    """What a key already led to: an answer, or the fact that declined it."""

    request_hash: bytes
    answer: Answer | None
    declined: Fact | None = None


@dataclass(slots=True)
class Outcome:
    """A row for what neither an entry nor a hold can say again. ``keep`` is in days, None for ever."""

    account: int
    op_key: str
    request_hash: bytes
    kind: str
    declined: bool
    answer: dict[str, Any]
    keep: int | None


@dataclass(slots=True)
class RateLine:
    """What one unit of an operation costs by a rate card's version: ``cost`` microcredits of a type."""

    version: int
    credit_type: str
    cost: int


@dataclass(slots=True)
class Signal:
    """A wallet fell below watched thresholds: ``crossed``, and was at ``available``, without overdraft, by ``at``."""

    account: int
    credit_type: str
    at: datetime
    available: int
    crossed: list[int]


class Moments:
    """What time it is for each tenant: the database's, and later for the few whose clock was set ahead."""

    __slots__ = ("_ahead", "_now")

    def __init__(self, now: datetime, ahead: dict[int, datetime] | None = None) -> None:
        self._now = now
        self._ahead = ahead or {}

    @classmethod
    def of_rows(cls, rows: Sequence[tuple[datetime, int | None, datetime | None]]) -> "Moments":
        """From the query ``clock``: one row without a tenant, or one for each that is ahead."""
        ahead = {tenant: moment for _, tenant, moment in rows if tenant is not None and moment is not None}
        return cls(rows[0][0], ahead)

    def of(self, tenant: int) -> datetime:
        return self._ahead.get(tenant, self._now)


@dataclass(slots=True)
class Account:
    """An account's books: what was loaded under its lock, and what the rules did to it since.

    ``burn`` has each wallet's open grants in burn order; spent ones may still stand in it, with nothing free.
    ``whole``: every active hold is here, not only those that commands name.
    """

    head: Head
    whole: bool = True
    wallets: dict[str, Wallet] = field(default_factory=dict)
    grants: dict[int, Grant] = field(default_factory=dict)
    burn: dict[str, list[Grant]] = field(default_factory=dict)
    holds: dict[int, Hold] = field(default_factory=dict)
    named: dict[int, Entry] = field(default_factory=dict)
    undone: dict[int, int] = field(default_factory=dict)
    known: dict[str, Known] = field(default_factory=dict)
    rates: dict[str, RateLine] = field(default_factory=dict)
    posted: list[Entry] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    def add_grant(self, grant: Grant) -> None:
        """Put a grant into the books; an open one also into its wallet's burn order."""
        self.grants[grant.id] = grant
        if not grant.closed:
            insort(self.burn.setdefault(grant.credit_type, []), grant, key=burn_order)

    def drop_spent(self, credit_type: str) -> None:
        """Keep the burn order short: what is spent need not be looked at again."""
        self.burn[credit_type] = [grant for grant in self.burn[credit_type] if not grant.closed]

    def reopen(self, grant: Grant) -> None:
        """Put a spent grant, to which credits return, back into the burn order if it was dropped."""
        grant.closed = False
        line = self.burn.setdefault(grant.credit_type, [])
        if not any(other is grant for other in line):
            insort(line, grant, key=burn_order)

    def wallet(self, credit_type: str) -> Wallet:
        """The wallet, made empty (and not yet in the books) when there is none."""
        return self.wallets.get(credit_type) or Wallet(credit_type, fresh=True)

    def copy(self) -> "Account":
        """Books that can be changed without changing these. Entries and outcomes are never changed."""
        twin = Account(
            replace(self.head),
            self.whole,
            {code: replace(wallet) for code, wallet in self.wallets.items()},
            holds={
                number: replace(hold, splits=[list(pin) for pin in hold.splits])
                for number, hold in self.holds.items()
            },
            named=self.named,
            undone=dict(self.undone),
            known=dict(self.known),
            rates=self.rates,
            posted=list(self.posted),
            outcomes=list(self.outcomes),
        )
        for grant in self.grants.values():
            twin.add_grant(replace(grant))
        return twin


def fact_to_json(fact: Fact) -> dict[str, Any]:
    """A decline as it is kept under its key."""
    if isinstance(fact, InsufficientCredits):
        return {"code": fact.code, "needed": fact.needed, "available": fact.available}
    return {"code": fact.code, "message": fact.message, "details": fact.details}


def fact_from_json(stored: dict[str, Any]) -> Fact:
    """The decline that `fact_to_json` kept."""
    if stored["code"] == InsufficientCredits.code:
        return InsufficientCredits(stored["needed"], stored["available"])
    return Conflict(stored["code"], stored["message"], **stored["details"])
