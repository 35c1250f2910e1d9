"""The parts of a price, as data; and the pure checks of their fields.

Money is minor units of the terms' currency, unit prices millionths of a minor unit, quantities millionths.
"""

import re
from collections.abc import Collection, Sized
from typing import Any, Final, Literal

from msgspec import Struct

from tallystick.domain.identity.model import check_text
from tallystick.kernel.credits import MAX_AMOUNT, MICRO
from tallystick.kernel.errors import Invalid

Kind = Literal["flat", "per_unit", "graduated", "volume", "package", "stairstep", "percentage"]

MAX_PRICE: Final = 10**12
"""Largest price in minor units."""
MAX_UNIT_PRICE: Final = 10**15
"""Largest price of a unit, in millionths of a minor unit."""
MAX_TIERS: Final = 100

_KEY: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)


class Tier(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Units up to and with ``up_to`` (None: all the rest), at ``unit_price`` each, and ``flat`` once."""

    up_to: int | None
    unit_price: int = 0
    flat: int = 0


class Component(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One part of a price. ``flat`` is charged in advance, all others for a meter's quantity in arrears.

    ``free_units`` come off the quantity first; ``rate`` is parts per million of a quantity that is money in
    minor units; ``minimum`` is what the component costs at least in a period.
    """

    key: str
    kind: Kind
    name: str = ""
    amount: int = 0
    meter: str | None = None
    unit_price: int = 0
    free_units: int = 0
    tiers: tuple[Tier, ...] = ()
    package_size: int = 0
    package_price: int = 0
    rate: int = 0
    minimum: int = 0

    @property
    def label(self) -> str:
        return self.name or self.key


_USAGE: Final = frozenset({"meter", "free_units", "minimum"})
_FIELDS: Final[dict[str, frozenset[str]]] = {
    "flat": frozenset({"amount"}),
    "per_unit": _USAGE | {"unit_price"},
    "graduated": _USAGE | {"tiers"},
    "volume": _USAGE | {"tiers"},
    "stairstep": _USAGE | {"tiers"},
    "package": _USAGE | {"package_size", "package_price"},
    "percentage": _USAGE | {"rate"},
}
KINDS: Final = tuple(_FIELDS)
_ALL_FIELDS: Final = sorted(frozenset().union(*_FIELDS.values()))
_MOST: Final = {
    "amount": MAX_PRICE,
    "unit_price": MAX_UNIT_PRICE,
    "free_units": MAX_AMOUNT,
    "package_price": MAX_PRICE,
    "minimum": MAX_PRICE,
}


def check_component(where: str, part: Component) -> None:
    """Raises Invalid, naming the field below ``where``."""
    check_key(f"{where}.key", part.key)
    check_text(f"{where}.name", part.name, 255)
    one_of(f"{where}.kind", part.kind, KINDS)
    allowed = _FIELDS[part.kind]
    for name in _ALL_FIELDS:
        if name not in allowed and getattr(part, name):
            raise Invalid(f"{where}.{name}", f"is not a field of a {part.kind} component")
    for name, most in _MOST.items():
        between(f"{where}.{name}", getattr(part, name), 0, most)
    if part.kind == "flat":
        return
    if part.meter is None:
        raise Invalid(f"{where}.meter", "is required")
    check_key(f"{where}.meter", part.meter)
    if part.kind == "percentage":
        between(f"{where}.rate", part.rate, 1, MICRO)
    elif part.kind == "package":
        between(f"{where}.package_size", part.package_size, 1, MAX_AMOUNT)
    elif "tiers" in allowed:
        _check_tiers(f"{where}.tiers", part)


def _check_tiers(where: str, part: Component) -> None:
    if not 1 <= len(part.tiers) <= MAX_TIERS:
        raise Invalid(where, f"must be 1 to {MAX_TIERS}")
    below = 0
    for n, tier in enumerate(part.tiers):
        if tier.up_to is None:
            if n < len(part.tiers) - 1:
                raise Invalid(f"{where}.{n}.up_to", "may be null in the last tier alone")
        elif n == len(part.tiers) - 1:
            raise Invalid(f"{where}.{n}.up_to", "must be null in the last tier, which holds all the rest")
        elif not below < tier.up_to <= MAX_AMOUNT:
            raise Invalid(f"{where}.{n}.up_to", "must be greater than the tier's before, and not too large")
        else:
            below = tier.up_to
        if part.kind == "stairstep" and tier.unit_price:
            raise Invalid(f"{where}.{n}.unit_price", "is not a field of a stairstep's tier")
        between(f"{where}.{n}.unit_price", tier.unit_price, 0, MAX_UNIT_PRICE)
        between(f"{where}.{n}.flat", tier.flat, 0, MAX_PRICE)


def check_key(field: str, key: str) -> str:
    """Give back the key of a plan, component, feature, package or meter. Raises Invalid."""
    if _KEY.fullmatch(key) is None:
        raise Invalid(field, "must be 1 to 100 of A-Z, a-z, 0-9, _ . : -, a letter or digit first")
    return key


def between(field: str, value: Any, least: int, most: int) -> None:
    """Raises Invalid unless the value is an integer of this range."""
    if type(value) is not int or value < least:
        raise Invalid(field, f"must be at least {least}" if type(value) is int else "must be an integer")
    if value > most:
        raise Invalid(field, "is too large" if most else "must be 0")


def one_of(field: str, value: Any, known: Collection[str]) -> None:
    """Raises Invalid unless the value is one of those known."""
    if value not in known:
        raise Invalid(field, "must be one of " + ", ".join(known))


def at_most(field: str, values: Sized, most: int) -> None:
    """Raises Invalid when there are more."""
    if len(values) > most:
        raise Invalid(field, f"must be at most {most}")
