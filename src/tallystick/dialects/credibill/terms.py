"""What a plan of this contract costs, as the catalog's terms: a base fee, and usage of one metric at a unit price."""

from typing import Final

import msgspec

from tallystick.domain.catalog.terms import (
    MAX_PRICE,
    MAX_TRIAL_DAYS,
    MAX_UNIT_PRICE,
    Component,
    Interval,
    Terms,
    check_key,
)
from tallystick.domain.identity.model import check_currency
from tallystick.kernel.errors import Invalid

from .bodies import NewPlan, PlanPatch
from .errors import missing
from .numbers import Number, given, integer, millionths

BASE: Final = "base"
USAGE: Final = "usage"

_INTERVALS: Final[dict[str, Interval]] = {
    "monthly": "monthly",
    "quarterly": "quarterly",
    "yearly": "yearly",
    "one-time": "one_time",
}
_NEEDED: Final = {
    "flat": ("baseAmount",),
    "usage": ("usageMetric", "unitPrice"),
    "hybrid": ("baseAmount", "usageMetric", "unitPrice"),
}


def terms_of(plan: NewPlan) -> Terms:
    """The terms of a new plan. What its pricing model has no use for is left out. Raises Invalid, and `missing`."""
    there = {
        "baseAmount": given(plan.base_amount),
        "usageMetric": bool(plan.usage_metric),
        "unitPrice": given(plan.unit_price),
    }
    absent = [name for name in _NEEDED[plan.pricing_model] if not there[name]]
    if absent:
        raise missing(*absent)
    if plan.interval == "one-time" and plan.pricing_model != "flat":
        raise Invalid("pricingModel", "must be flat for a one-time plan")
    components = []
    if plan.pricing_model != "usage":
        components.append(Component(key=BASE, kind="flat", amount=_amount(plan.base_amount)))
    if plan.pricing_model != "flat":
        metric = check_key("usageMetric", plan.usage_metric or "")
        components.append(
            Component(
                key=USAGE,
                kind="per_unit",
                name=metric,
                meter=metric,
                unit_price=_price(plan.unit_price),
                free_units=_units(plan.free_units),
            )
        )
    return Terms(
        interval=_INTERVALS[plan.interval],
        currency=check_currency(plan.currency),
        components=tuple(components),
        trial_days=_trial(plan.trial_days, plan.interval == "one-time"),
    )


def changed(terms: Terms, patch: PlanPatch) -> Terms:
    """The terms with a patch's prices and trial. Raises Invalid for a price that they do not have."""
    parts = list(terms.components)
    if given(patch.base_amount):
        at = _place(parts, "baseAmount", "flat")
        parts[at] = msgspec.structs.replace(parts[at], amount=_amount(patch.base_amount))
    if given(patch.unit_price):
        at = _place(parts, "unitPrice", "per_unit")
        parts[at] = msgspec.structs.replace(parts[at], unit_price=_price(patch.unit_price))
    if given(patch.free_units):
        at = _place(parts, "freeUnits", None)
        parts[at] = msgspec.structs.replace(parts[at], free_units=_units(patch.free_units))
    trial = terms.trial_days
    if given(patch.trial_days):
        trial = _trial(patch.trial_days, terms.interval == "one_time")
    return msgspec.structs.replace(terms, components=tuple(parts), trial_days=trial)


def _place(parts: list[Component], field: str, kind: str | None) -> int:
    """Where the one component stands that the field is of; ``kind`` None is any that bills usage."""
    found = [n for n, part in enumerate(parts) if part.kind == kind or (kind is None and part.kind != "flat")]
    if len(found) != 1:
        raise Invalid(field, "is not a price of this plan" if not found else "is several prices of this plan")
    return found[0]


def _amount(raw: Number) -> int:
    return integer("baseAmount", raw, most=MAX_PRICE)


def _price(raw: Number) -> int:
    return millionths("unitPrice", raw, most=MAX_UNIT_PRICE, text=True)


def _units(raw: Number) -> int:
    return millionths("freeUnits", raw) if given(raw) else 0


def _trial(raw: Number, once: bool) -> int:
    if not given(raw):
        return 0
    days = integer("trialDays", raw, most=MAX_TRIAL_DAYS)
    if days and once:
        raise Invalid("trialDays", "must be 0 for a one-time plan")
    return days
