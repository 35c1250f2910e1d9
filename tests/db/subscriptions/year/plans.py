"""What is sold: plans as a price list says them, and what a component costs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil
from typing import NamedTuple

Number = int | Fraction


class Tier(NamedTuple):
    """Up to (and with) so many units; None: the rest."""

    up_to: Number | None
    each: Fraction = Fraction(0)
    flat: int = 0


@dataclass(frozen=True, kw_only=True)
class Price:
    """One component. ``each`` is minor units a unit, ``rate`` a part of the metered money."""

    key: str
    kind: str
    amount: int = 0
    meter: str | None = None
    each: Fraction = Fraction(0)
    free: Number = 0
    tiers: tuple[Tier, ...] = ()
    size: Number = 0
    package: int = 0
    rate: Fraction = Fraction(0)
    minimum: int = 0


@dataclass(frozen=True)
class Allowance:
    """``rollover``: None, "all", or how many credits at most; ``times``: how often a lot may roll."""

    amount: int
    reset: str = "monthly"
    rollover: str | int | None = None
    times: int | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """``months`` of a billing period; 0: sold once. ``debits``: metric -> operation of the rate card."""

    key: str
    months: int = 1
    rank: int = 1
    currency: str = "USD"
    prices: tuple[Price, ...] = ()
    allowances: Mapping[str, Allowance] = field(default_factory=dict)
    trial_days: int = 0
    debits: Mapping[str, str] = field(default_factory=dict)

    def flats(self) -> list[Price]:
        return [price for price in self.prices if price.kind == "flat"]

    def metered(self) -> list[Price]:
        return [price for price in self.prices if price.kind != "flat"]


def cost(price: Price, quantity: Fraction, least: int) -> int:
    """Minor units for so much usage: each tier rounded once, half to even; and ``least`` at least."""
    return max(sum(round(part) for part in parts(price, quantity)), least)


def parts(price: Price, quantity: Fraction) -> Iterator[Fraction]:
    """What is rounded by itself."""
    charged = max(Fraction(0), quantity - price.free)
    if not charged:
        return
    match price.kind:
        case "per_unit":
            yield charged * price.each
        case "graduated":
            below = Fraction(0)
            for tier in price.tiers:
                top = charged if tier.up_to is None else min(charged, Fraction(tier.up_to))
                if top > below:
                    yield (top - below) * tier.each + tier.flat
                    below = top
        case "volume":
            tier = reached(price, charged)
            yield charged * tier.each + tier.flat
        case "stairstep":
            yield Fraction(reached(price, charged).flat)
        case "package":
            yield Fraction(ceil(charged / price.size) * price.package)
        case "percentage":
            yield charged * price.rate
        case _:
            raise AssertionError(price.kind)


def reached(price: Price, charged: Fraction) -> Tier:
    return next(tier for tier in price.tiers if tier.up_to is None or charged <= tier.up_to)
