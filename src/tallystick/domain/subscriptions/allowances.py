"""Which credits an allowance gives, until when, and what of the rest is rolled over. Pure; microcredits."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.domain.catalog.terms import Allowance, Reset, Rollover, Terms
from tallystick.kernel.calendar import Every, period_at

_EVERY: Final[dict[Reset, Every]] = {"daily": "daily", "weekly": "weekly", "monthly": "monthly"}


@dataclass(frozen=True, slots=True)
class Gift:
    """Credits to grant. ``rolls``: how often they were rolled over before."""

    credit_type: str
    amount: int
    priority: int
    expires_at: datetime | None
    rolls: int
    label: str


@dataclass(frozen=True, slots=True)
class Lapsed:
    """What was left of a lot when it expired."""

    amount: int
    rolls: int


def allowance_of(terms: Terms, credit_type: str) -> Allowance | None:
    return next((one for one in terms.allowances if one.credit_type == credit_type), None)


def next_reset(
    allowance: Allowance, anchor: datetime, moment: datetime, zone: str, latest: datetime | None
) -> datetime | None:
    """The first reset after ``moment``, counted from ``anchor``; not after ``latest``. None: it never is."""
    if allowance.reset == "never":
        return None
    end = period_at(anchor, _EVERY[allowance.reset], moment, zone)[2]
    return end if latest is None else min(end, latest)


def rolled(rule: Rollover, lapsed: Iterable[Lapsed]) -> list[Lapsed]:
    """What goes on into the next period, by how often it was rolled over then: the least often first.

    The rule's limit is for all together; what may not be rolled again is lost.
    """
    if rule.mode == "none":
        return []
    sums: dict[int, int] = {}
    for lot in lapsed:
        rolls = lot.rolls + 1
        if lot.amount and (rule.periods is None or rolls <= rule.periods):
            sums[rolls] = sums.get(rolls, 0) + lot.amount
    left = rule.limit
    kept = []
    for rolls, amount in sorted(sums.items()):
        taken = amount if left is None else min(amount, left)
        left = None if left is None else left - taken
        if taken:
            kept.append(Lapsed(taken, rolls))
    return kept
