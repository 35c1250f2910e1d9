"""What a plan gives and costs, as it is stored in a plan's version; the pure checks of it; one customer's overrides.

Money is minor units of ``currency``, unit prices millionths of a minor unit, quantities and credits millionths.
"""

import re
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct

from tallystick.domain.identity.model import check_currency
from tallystick.kernel.credits import MAX_AMOUNT
from tallystick.kernel.errors import Invalid

from .components import (
    KINDS,
    MAX_PRICE,
    MAX_TIERS,
    MAX_UNIT_PRICE,
    Component,
    Kind,
    Tier,
    at_most,
    between,
    check_component,
    check_key,
    one_of,
)

__all__ = [
    "INTERVALS",
    "KINDS",
    "MAX_PRICE",
    "MAX_TIERS",
    "MAX_UNIT_PRICE",
    "Allowance",
    "Component",
    "Interval",
    "Kind",
    "Reset",
    "Rollover",
    "Terms",
    "Tier",
    "between",
    "check_key",
    "check_terms",
    "merge",
    "one_of",
    "terms_of",
    "terms_text",
]

Interval = Literal["monthly", "quarterly", "yearly", "one_time"]
Reset = Literal["daily", "weekly", "monthly", "never"]
Mode = Literal["none", "all", "up_to"]
INTERVALS: Final[tuple[Interval, ...]] = ("monthly", "quarterly", "yearly", "one_time")
RESETS: Final[tuple[Reset, ...]] = ("daily", "weekly", "monthly", "never")
MODES: Final[tuple[Mode, ...]] = ("none", "all", "up_to")

MAX_COMPONENTS: Final = 50
MAX_ALLOWANCES: Final = 50
MAX_FEATURES: Final = 500
MAX_DEBITS: Final = 500
MAX_TRIAL_DAYS: Final = 730
MAX_PRIORITY: Final = 1000
MAX_PERIODS: Final = 1000

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_AT: Final = re.compile(r" - at `\$\.(.+)`$")

T = TypeVar("T", Component, "Allowance")


class Rollover(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What becomes of unspent credits at a reset: at most ``limit`` of all lots, a lot at most ``periods`` times."""

    mode: Mode = "none"
    limit: int | None = None
    periods: int | None = None


class Allowance(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Credits granted anew at every reset."""

    credit_type: str
    amount: int
    reset: Reset = "monthly"
    rollover: Rollover = Rollover()
    priority: int = 10


class Terms(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The whole. ``features``: a limit of None is no limit. ``debits``: usage metric -> rate-card operation."""

    interval: Interval
    currency: str
    components: tuple[Component, ...] = ()
    allowances: tuple[Allowance, ...] = ()
    features: dict[str, bool | int | None] = {}
    trial_days: int = 0
    debits: dict[str, str] = {}

    @property
    def flats(self) -> tuple[Component, ...]:
        """What is charged in advance."""
        return tuple(part for part in self.components if part.kind == "flat")

    @property
    def usages(self) -> tuple[Component, ...]:
        """What is charged in arrears."""
        return tuple(part for part in self.components if part.kind != "flat")

    @property
    def pricing_model(self) -> Literal["flat", "usage", "hybrid"]:
        if not self.usages:
            return "flat"
        return "hybrid" if self.flats else "usage"

    @property
    def base_amount(self) -> int:
        """Minor units a period, charged in advance."""
        return sum(part.amount for part in self.flats)

    def meters(self) -> set[str]:
        """The keys of the meters whose quantities are billed."""
        return {part.meter for part in self.components if part.meter is not None}

    def credit_types(self) -> set[str]:
        """The codes of the credit types that are granted."""
        return {one.credit_type for one in self.allowances}


def terms_text(terms: Terms) -> str:
    """The terms as JSON, which `terms_of` reads back equal."""
    return msgspec.json.encode(terms).decode()


def terms_of(value: Mapping[str, Any]) -> Terms:
    """Stored terms, from their JSON object. Raises ValueError for what never were terms."""
    return msgspec.convert(value, Terms)


def check_terms(terms: Terms) -> Terms:
    """Give the terms back. Raises Invalid, naming the field (``components.0.tiers.1.up_to``).

    Whether features, credit types and meters are defined is not known here.
    """
    one_of("interval", terms.interval, INTERVALS)
    check_currency(terms.currency)
    at_most("components", terms.components, MAX_COMPONENTS)
    for n, part in enumerate(terms.components):
        check_component(f"components.{n}", part)
        if part.kind != "flat" and terms.interval == "one_time":
            raise Invalid(f"components.{n}.kind", "must be flat in a one-time plan")
        if any(part.key == other.key for other in terms.components[:n]):
            raise Invalid(f"components.{n}.key", "stands twice")
    at_most("allowances", terms.allowances, MAX_ALLOWANCES)
    for n, allowance in enumerate(terms.allowances):
        _check_allowance(f"allowances.{n}", allowance, terms.interval)
        if any(allowance.credit_type == other.credit_type for other in terms.allowances[:n]):
            raise Invalid(f"allowances.{n}.credit_type", "stands twice")
    _check_features("features", terms.features)
    _check_trial("trial_days", terms.trial_days, terms.interval)
    at_most("debits", terms.debits, MAX_DEBITS)
    for metric, operation in terms.debits.items():
        check_key(f"debits.{metric[:100]}", metric)
        check_key(f"debits.{metric}", operation)
    return terms


def merge(terms: Terms, overrides: Mapping[str, Any]) -> Terms:
    """The terms of one customer: those fields replaced that ``overrides`` names, as JSON values in inner units.

    ``{"components": {key: {field: value}}, "allowances": {credit_type: {...}}, "features": {key: value},
    "trial_days": n}``. A component must be the plan's, and keeps its key, kind and meter; an allowance may be of a
    further credit type. Whether features and credit types are defined, `actions.check_defined` tells. Raises
    Invalid, naming the field (``overrides.components.seats.amount``).
    """
    for name in overrides:
        if name not in ("components", "allowances", "features", "trial_days"):
            raise Invalid(f"overrides.{name[:100]}", "is not a field of overrides")
    components = {part.key: part for part in terms.components}
    for key, fields in _object("overrides.components", overrides).items():
        where = f"overrides.components.{key[:100]}"
        if key not in components:
            raise Invalid(where, "is not a component of the plan")
        before = msgspec.to_builtins(components[key])
        components[key] = _replaced(where, Component, before, fields, fixed=("key", "kind", "meter"))
        check_component(where, components[key])
    allowances = {one.credit_type: one for one in terms.allowances}
    for code, fields in _object("overrides.allowances", overrides).items():
        where = f"overrides.allowances.{code[:100]}"
        before = msgspec.to_builtins(allowances[code]) if code in allowances else {"credit_type": code}
        allowances[code] = _replaced(where, Allowance, before, fields, fixed=("credit_type",))
        _check_allowance(where, allowances[code], terms.interval)
    at_most("overrides.allowances", allowances, MAX_ALLOWANCES)
    features = _object("overrides.features", overrides)
    _check_features("overrides.features", features)
    trial_days = overrides.get("trial_days", terms.trial_days)
    _check_trial("overrides.trial_days", trial_days, terms.interval)
    return msgspec.structs.replace(
        terms,
        components=tuple(components.values()),
        allowances=tuple(allowances.values()),
        features=terms.features | features,
        trial_days=trial_days,
    )


def _check_allowance(where: str, one: Allowance, interval: Interval) -> None:
    if _CODE.fullmatch(one.credit_type) is None:
        raise Invalid(f"{where}.credit_type", "must be a credit type's code")
    between(f"{where}.amount", one.amount, 1, MAX_AMOUNT)
    one_of(f"{where}.reset", one.reset, RESETS)
    if interval == "one_time" and one.reset != "never":
        raise Invalid(f"{where}.reset", "must be never in a one-time plan")
    between(f"{where}.priority", one.priority, 0, MAX_PRIORITY)
    rule = one.rollover
    one_of(f"{where}.rollover.mode", rule.mode, MODES)
    if rule.mode != "none" and one.reset == "never":
        raise Invalid(f"{where}.rollover.mode", "must be none for an allowance that never resets")
    if (rule.limit is not None) != (rule.mode == "up_to"):
        raise Invalid(f"{where}.rollover.limit", "is given with the mode up_to, and with no other")
    if rule.limit is not None:
        between(f"{where}.rollover.limit", rule.limit, 1, MAX_AMOUNT)
    if rule.periods is not None:
        if rule.mode == "none":
            raise Invalid(f"{where}.rollover.periods", "must not be given with the mode none")
        between(f"{where}.rollover.periods", rule.periods, 1, MAX_PERIODS)


def _check_features(where: str, features: Mapping[str, Any]) -> None:
    at_most(where, features, MAX_FEATURES)
    for key, value in features.items():
        check_key(f"{where}.{key[:100]}", key)
        if value is not None and type(value) is not bool:
            between(f"{where}.{key}", value, 0, MAX_AMOUNT)


def _check_trial(where: str, days: Any, interval: Interval) -> None:
    between(where, days, 0, 0 if interval == "one_time" else MAX_TRIAL_DAYS)


def _object(where: str, overrides: Mapping[str, Any]) -> dict[str, Any]:
    found = overrides.get(where.partition(".")[2], {})
    if not isinstance(found, dict):
        raise Invalid(where, "must be a JSON object")
    return found


def _replaced(where: str, kind: type[T], before: dict[str, Any], fields: Any, *, fixed: tuple[str, ...]) -> T:
    if not isinstance(fields, dict):
        raise Invalid(where, "must be a JSON object")
    for name in fields:
        if name in fixed or name not in kind.__struct_fields__:
            raise Invalid(f"{where}.{name[:100]}", "is not a field that can be overridden")
    try:
        return msgspec.convert(before | fields, kind)
    except msgspec.ValidationError as error:
        at = _AT.search(str(error))
        field = where if at is None else f"{where}.{at[1][:100].replace('[', '.').replace(']', '')}"
        raise Invalid(field, "has the wrong form") from None
