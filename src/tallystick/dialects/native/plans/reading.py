"""Forms to the catalog's values: money read in its currency, credits in their type."""

from collections.abc import Awaitable, Callable
from typing import Any

from tallystick.domain.catalog.model import Plan
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms, Tier
from tallystick.kernel.errors import Invalid
from tallystick.kernel.money import parse_money

from . import forms

Resolve = Callable[[str | None], Awaitable[str]]
"""A credit type's code, or the app's default for None."""

_MONEY = ("amount", "package_price", "minimum")
_TERMS = ("interval", "currency", "components", "allowances", "features", "trial_days", "debits")


async def terms(body: forms.NewPlan, default: Resolve) -> Terms:
    """The terms of a new plan. Raises Invalid."""
    return Terms(
        interval=body.interval,
        currency=body.currency,
        components=_components(body.components, body.currency),
        allowances=await _allowances(body.allowances, default),
        features=body.features,
        trial_days=body.trial_days,
        debits=body.debits,
    )


async def other_terms(plan: Plan, body: forms.PlanPatch, default: Resolve) -> Terms | None:
    """The plan's terms with what the body gives of them, or None when it gives nothing. Raises Invalid."""
    given = body.model_fields_set.intersection(_TERMS)
    if not given:
        return None
    changes: dict[str, Any] = {name: getattr(body, name) for name in given}
    currency = changes.get("currency", plan.terms.currency)
    if "components" in given:
        changes["components"] = _components(body.components, currency)
    elif currency != plan.terms.currency and plan.terms.components:
        raise Invalid("components", "must be given with another currency")
    if "allowances" in given:
        changes["allowances"] = await _allowances(body.allowances, default)
    return _replace(plan.terms, changes)


def component_fields(where: str, body: forms.ComponentFields, currency: str) -> dict[str, Any]:
    """The given fields of a component, in inner units. Raises Invalid, naming the field below ``where``."""
    fields: dict[str, Any] = {}
    for name in body.model_fields_set:
        given = getattr(body, name)
        if given is None:
            continue
        if name in _MONEY:
            fields[name] = minor(f"{where}.{name}", given, currency)
        elif name == "tiers":
            fields[name] = tuple(_tier(f"{where}.tiers.{n}", tier, currency) for n, tier in enumerate(given))
        elif name == "rate":
            fields[name] = _parts_per_million(f"{where}.rate", given)
        else:
            fields[name] = given
    return fields


def minor(field: str, amount: int | str, currency: str) -> int:
    """Money in minor units. Raises Invalid."""
    try:
        return parse_money(amount, currency).minor
    except ValueError as error:
        raise Invalid(field, str(error)) from None


def _components(bodies: list[forms.NewComponent], currency: str) -> tuple[Component, ...]:
    return tuple(
        Component(**component_fields(f"components.{n}", body, currency)) for n, body in enumerate(bodies)
    )


def _tier(where: str, body: forms.NewTier, currency: str) -> Tier:
    flat = 0 if body.flat is None else minor(f"{where}.flat", body.flat, currency)
    return Tier(up_to=body.up_to, unit_price=body.unit_price or 0, flat=flat)


async def _allowances(bodies: list[forms.NewAllowance], default: Resolve) -> tuple[Allowance, ...]:
    return tuple(
        [
            Allowance(**{"credit_type": body.credit_type or await default(None), **allowance_fields(body)})
            for body in bodies
        ]
    )


def allowance_fields(body: forms.AllowanceFields) -> dict[str, Any]:
    """The given fields of an allowance, its credit type aside, in inner units."""
    fields = {name: getattr(body, name) for name in ("amount", "reset", "priority")}
    given = {name: value for name, value in fields.items() if value is not None}
    if body.rollover is not None:
        rule = body.rollover
        given["rollover"] = Rollover(mode=rule.mode, limit=rule.limit, periods=rule.periods)
    return given


def _parts_per_million(field: str, percent: int) -> int:
    """Of a per cent in millionths. Raises Invalid."""
    rate, rest = divmod(percent, 100)
    if rest:
        raise Invalid(field, "must have at most 4 decimals")
    return rate


def _replace(terms: Terms, changes: dict[str, Any]) -> Terms:
    fields: dict[str, Any] = {name: getattr(terms, name) for name in _TERMS}
    return Terms(**fields | changes)
