"""What a component costs for a quantity: pure, in integers.

A component comes apart into charges: a tier of it each, a tier's flat fee, or all in one. Each charge is rounded
once, half to even, to minor units; what a component costs is their sum, so that the parts always add up to the whole.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tallystick.kernel.credits import MICRO, format_credits, share

from .components import Component, Tier
from .terms import Terms

UNIT: Final = MICRO * MICRO
"""Micro-quantity times micro-minor units, in a minor unit."""


@dataclass(frozen=True, slots=True)
class Charge:
    """One line of an invoice. ``amount`` in minor units is the truth.

    ``quantity`` (millionths) and ``unit_price`` (millionths of a minor unit) explain it where they can: both are None
    for what is charged once, such as a tier's flat fee; the rounding is in the amount alone.
    """

    component: str
    description: str
    quantity: int | None
    unit_price: int | None
    amount: int


def charges(component: Component, quantity: int) -> list[Charge]:
    """What the component costs for ``quantity`` (millionths) in a period; none when it costs and counts nothing.

    A ``flat`` component is charged whatever the quantity. From a usage kind the free units come off first, and
    tiers count what is left, each with its bound: ``graduated`` prices each tier's units at its own price, and adds
    its flat fee once a unit falls into it; ``volume`` prices all units by the tier that the quantity reaches;
    ``stairstep`` costs that tier's flat fee alone; ``package`` prices every package begun; ``percentage`` takes
    its rate of a quantity that is money. Below its ``minimum`` a further charge makes up the difference, for a
    quantity of zero too. A quantity below zero (corrections beyond what there was) is billed as zero.
    """
    if component.kind == "flat":
        return [Charge(component.key, component.label, None, None, component.amount)]
    billed = max(0, quantity - component.free_units)
    parts = list(_usage(component, billed)) if billed else []
    short = component.minimum - sum(part.amount for part in parts)
    if short > 0:
        parts.append(Charge(component.key, f"{component.label}: minimum", None, None, short))
    return parts


def quote(terms: Terms, quantities: Mapping[str, int]) -> list[Charge]:
    """What a period costs whose meters (by key) have these quantities; a meter that is not named has zero."""
    return [
        charge
        for component in terms.components
        for charge in charges(component, quantities.get(component.meter or "", 0))
    ]


def total(parts: list[Charge]) -> int:
    """Minor units."""
    return sum(part.amount for part in parts)


def _usage(component: Component, billed: int) -> Iterator[Charge]:
    key, label = component.key, component.label
    match component.kind:
        case "per_unit":
            price = component.unit_price
            yield Charge(key, label, billed, price, share(price, billed, UNIT))
        case "percentage":
            # a minor unit of what was metered costs ``rate`` millionths of one
            said = f"{label}: {format_credits(component.rate * 100)}%"
            yield Charge(key, said, billed, component.rate, share(component.rate, billed, UNIT))
        case "package":
            begun = -(-billed // component.package_size)
            said = f"{label}: packages of {format_credits(component.package_size)}"
            price = component.package_price
            yield Charge(key, said, begun * MICRO, price * MICRO, begun * price)
        case "graduated":
            below = 0
            for tier in component.tiers:
                units = (billed if tier.up_to is None else min(billed, tier.up_to)) - below
                said = f"{label}: {_span(tier, below)}"
                yield Charge(key, said, units, tier.unit_price, share(tier.unit_price, units, UNIT))
                if tier.flat:
                    yield Charge(key, f"{said}, flat", None, None, tier.flat)
                below += units
                if below == billed:
                    return
        case "volume":
            tier, below = _reached(component, billed)
            said = f"{label}: {_span(tier, below)}"
            yield Charge(key, said, billed, tier.unit_price, share(tier.unit_price, billed, UNIT))
            if tier.flat:
                yield Charge(key, f"{said}, flat", None, None, tier.flat)
        case "stairstep":
            tier, below = _reached(component, billed)
            yield Charge(key, f"{label}: {_span(tier, below)}", billed, None, tier.flat)
        case _:
            raise AssertionError(f"{component.kind} has no price")


def _reached(component: Component, billed: int) -> tuple[Tier, int]:
    """The tier that a quantity reaches, and the bound below it."""
    below = 0
    for tier in component.tiers:
        if tier.up_to is None or billed <= tier.up_to:
            return tier, below
        below = tier.up_to
    raise AssertionError("the last tier has no bound")


def _span(tier: Tier, below: int) -> str:
    if tier.up_to is None:
        return f"above {format_credits(below)}" if below else "all"
    upto = format_credits(tier.up_to)
    return f"{format_credits(below)} to {upto}" if below else f"up to {upto}"
