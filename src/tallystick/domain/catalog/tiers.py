"""Plans by tier, for contracts that sell one thing at several intervals: who names a plan of a tier means the tier.

A catalog plan has one interval. The active plans with the same ``tier``, in any case, are the members of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx, all_rows, one_row
from tallystick.kernel.errors import NotFound

from .model import Plan
from .offers import q
from .terms import Interval

_ORDER: Final[tuple[Interval, ...]] = ("monthly", "yearly", "quarterly", "one_time")
"""Of which member the tier has its id and name: the first that there is."""


@dataclass(frozen=True, slots=True)
class Tier:
    """``plans`` are its members, one an interval: of several the newest in the tenant's currency, else the newest."""

    name: str
    plans: dict[Interval, Plan]

    @property
    def face(self) -> Plan:
        """The member whose id, name and description stand for the tier."""
        return next(self.plans[interval] for interval in _ORDER if interval in self.plans)

    def at(self, interval: Interval) -> Plan | None:
        return self.plans.get(interval)


async def tiers(conn: Tx, tenant: int, currency: str) -> list[Tier]:
    """All tiers of the tenant, by rank; those without one come last, in the order in which they were made."""
    rows = await all_rows(conn, Plan, q.plans_with_tier, {"tenant": tenant})
    made: dict[str, dict[Interval, Plan]] = {}
    for row in sorted(rows, key=lambda row: (row.terms.currency == currency, row.number)):
        assert row.tier is not None
        made.setdefault(row.tier.upper(), {})[row.terms.interval] = row
    return sorted((Tier(name, plans) for name, plans in made.items()), key=_place)


async def tier_of(
    conn: Tx, tenant: int, currency: str, *, plan: UUID | None = None, name: str | None = None
) -> tuple[Tier, Plan | None]:
    """The tier of that name, or the one that an active plan belongs to, with that plan. Raises NotFound."""
    found = await tiers(conn, tenant, currency)
    if plan is None:
        return _named(found, name or ""), None
    row = await one_row(conn, Plan, q.plan, {"tenant": tenant, "id": plan})
    if row is None or row.tier is None or row.status != "active":
        raise NotFound("plan")
    return _named(found, row.tier), row


def _named(found: Iterable[Tier], name: str) -> Tier:
    for one in found:
        if one.name == name.upper():
            return one
    raise NotFound("plan")


def _place(one: Tier) -> tuple[Any, ...]:
    rank = one.face.rank
    return rank is None, rank or 0, one.face.number
