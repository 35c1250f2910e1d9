"""One customer's life: what falls due happens at its moment, in order; what they do happens in between."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

from .plans import Allowance, Plan, Price
from .wallet import Lot

GRACE = timedelta(hours=24)
END_UNPAID = timedelta(days=30)
FUNDED = ("trialing", "active")
LIVE = ("trialing", "active", "past_due")
UNENDED = (*LIVE, "incomplete", "paused")


@dataclass(frozen=True)
class Line:
    """``what``: plan, usage, proration or correction; ``of``: the component's key."""

    what: str
    of: str
    amount: int
    start: datetime | None
    end: datetime | None


@dataclass
class Bill:
    why: str
    issued_at: datetime
    lines: list[Line]
    credit: int = 0
    """Of what was owed to the customer."""
    status: str = "open"

    @property
    def subtotal(self) -> int:
        return sum(line.amount for line in self.lines)

    @property
    def total(self) -> int:
        return max(0, self.subtotal)

    @property
    def due(self) -> int:
        return self.total - self.credit


@dataclass
class Span:
    """A stretch of time whose usage one plan's prices bill together: what was billed, and what it costs at least."""

    prices: tuple[Price, ...]
    start: datetime
    end: datetime
    least: dict[str, int]
    billed: dict[str, int] = field(default_factory=dict)


@dataclass
class Use:
    metric: str
    at: datetime
    quantity: Fraction


@dataclass
class Share:
    """An allowance as it runs: the span until its next reset, and what it gives in that."""

    allowance: Allowance
    anchor: datetime
    end: datetime | None
    given: Fraction = Fraction(0)


@dataclass
class Subscription:
    name: str
    plan: Plan
    status: str
    anchor: datetime
    zone: str
    begun: datetime
    calendar: bool = False
    trial_end: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    number: int = 0
    shares: dict[str, Share] = field(default_factory=dict)
    lots: list[tuple[str, Lot]] = field(default_factory=list)
    """What its allowances ever gave, by credit type."""
    spans: list[Span] = field(default_factory=list)
    next_plan: Plan | None = None
    cancel_at_end: bool = False
    past_due_since: datetime | None = None
    paused_at: datetime | None = None
    resume_at: datetime | None = None
    ended_at: datetime | None = None
    bills: list[Bill] = field(default_factory=list)
