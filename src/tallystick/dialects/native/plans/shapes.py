"""How features, plans and packages are shown, each field of a component where its kind has it."""

from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from tallystick.dialects.native.answers import Credits, Money, Percentage, Quantity, Time, UnitPrice
from tallystick.dialects.native.names import actor_id
from tallystick.domain.catalog import model, pricing
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms, Tier
from tallystick.kernel.clock import iso
from tallystick.kernel.credits import format_credits
from tallystick.kernel.ids import typeid

Minor = Annotated[int, Meta(description="Minor units of the plan's currency.", examples=[2900])]


class PlanTier(msgspec.Struct):
    up_to: Quantity | None
    unit_price: UnitPrice
    flat: Minor


class PlanComponent(msgspec.Struct, kw_only=True):
    """``rate`` is per cent of what the meter says, which is money in minor units.

    ``minimum`` is what the component costs at least in a period.
    """

    key: str
    name: str
    kind: str
    amount: Minor | UnsetType = UNSET
    meter: str | UnsetType = UNSET
    unit_price: UnitPrice | UnsetType = UNSET
    tiers: list[PlanTier] | UnsetType = UNSET
    package_size: Quantity | UnsetType = UNSET
    package_price: Minor | UnsetType = UNSET
    rate: Percentage | UnsetType = UNSET
    free_units: Quantity | UnsetType = UNSET
    minimum: Minor | UnsetType = UNSET


class PlanRollover(msgspec.Struct):
    mode: str
    limit: Credits | None
    periods: int | None


class PlanAllowance(msgspec.Struct):
    credit_type: str
    amount: Credits
    reset: str
    rollover: PlanRollover
    priority: int


class PlanTerms(msgspec.Struct, kw_only=True):
    interval: str
    currency: str
    pricing_model: str
    base_amount: Money
    components: list[PlanComponent]
    allowances: list[PlanAllowance]
    features: dict[str, bool | int | None]
    trial_days: int
    debits: dict[str, str]


class Plan(PlanTerms, kw_only=True):
    """A plan as it stands. ``version`` names its terms, which never change."""

    id: str
    number: int
    key: str | None
    name: str
    description: str
    tier: str | None
    rank: int | None
    status: str
    version: int
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time


class PlanVersion(PlanTerms, kw_only=True):
    plan: str
    version: int
    created_at: Time
    created_by: str


class QuoteLine(msgspec.Struct):
    """``quantity`` and ``unit_price`` are null for what is charged once."""

    component: str
    description: str
    quantity: Quantity | None
    unit_price: UnitPrice | None
    amount: Money


class Quote(msgspec.Struct):
    """What a whole period would cost, before taxes. The lines add up to the total."""

    plan: str
    version: int
    lines: list[QuoteLine]
    total: Money


class Feature(msgspec.Struct):
    id: str
    number: int
    key: str
    name: str
    description: str
    type: str
    category: str
    unit: str
    credit_type: str | None
    created_at: Time
    updated_at: Time


class Package(msgspec.Struct):
    id: str
    number: int
    key: str | None
    name: str
    description: str
    credit_type: str
    credits: Credits
    bonus: Credits
    price: Money
    expires_after_days: int | None
    active: bool
    metadata: dict[str, Any]
    created_at: Time
    updated_at: Time


def plan(row: model.Plan) -> Plan:
    return Plan(
        **terms(row.terms),
        id=typeid("plan", row.id),
        number=row.number,
        key=row.key,
        name=row.name,
        description=row.description,
        tier=row.tier,
        rank=row.rank,
        status=row.status,
        version=row.version,
        metadata=row.metadata,
        created_at=iso(row.created_at),
        updated_at=iso(row.updated_at),
    )


def plan_version(plan: model.Plan, row: model.PlanVersion) -> PlanVersion:
    return PlanVersion(
        **terms(row.terms),
        plan=typeid("plan", plan.id),
        version=row.version,
        created_at=iso(row.created_at),
        created_by=actor_id(row.created_by),
    )


def terms(given: Terms) -> dict[str, Any]:
    """The fields of a `PlanTerms`."""
    return {
        "interval": given.interval,
        "currency": given.currency,
        "pricing_model": given.pricing_model,
        "base_amount": Money(given.base_amount, given.currency),
        "components": [component(part) for part in given.components],
        "allowances": [allowance(one) for one in given.allowances],
        "features": given.features,
        "trial_days": given.trial_days,
        "debits": given.debits,
    }


def component(part: Component) -> PlanComponent:
    shown = PlanComponent(key=part.key, name=part.name, kind=part.kind)
    if part.kind == "flat":
        shown.amount = part.amount
        return shown
    shown.meter = part.meter or ""
    shown.free_units = format_credits(part.free_units)
    shown.minimum = part.minimum
    match part.kind:
        case "per_unit":
            shown.unit_price = format_credits(part.unit_price)
        case "package":
            shown.package_size = format_credits(part.package_size)
            shown.package_price = part.package_price
        case "percentage":
            shown.rate = format_credits(part.rate * 100)
        case _:
            shown.tiers = [_tier(tier) for tier in part.tiers]
    return shown


def _tier(tier: Tier) -> PlanTier:
    up_to = None if tier.up_to is None else format_credits(tier.up_to)
    return PlanTier(up_to, format_credits(tier.unit_price), tier.flat)


def allowance(one: Allowance) -> PlanAllowance:
    rollover = _rollover(one.rollover)
    return PlanAllowance(one.credit_type, format_credits(one.amount), one.reset, rollover, one.priority)


def _rollover(rule: Rollover) -> PlanRollover:
    limit = None if rule.limit is None else format_credits(rule.limit)
    return PlanRollover(rule.mode, limit, rule.periods)


def quote(plan: model.Plan, charges: list[pricing.Charge]) -> Quote:
    currency = plan.terms.currency
    lines = [
        QuoteLine(
            charge.component,
            charge.description,
            None if charge.quantity is None else format_credits(charge.quantity),
            None if charge.unit_price is None else format_credits(charge.unit_price),
            Money(charge.amount, currency),
        )
        for charge in charges
    ]
    return Quote(typeid("plan", plan.id), plan.version, lines, Money(pricing.total(charges), currency))


def feature(row: model.Feature) -> Feature:
    return Feature(
        typeid("feat", row.id),
        row.number,
        row.key,
        row.name,
        row.description,
        row.type,
        row.category,
        row.unit,
        row.credit_type,
        iso(row.created_at),
        iso(row.updated_at),
    )


def package(row: model.Package) -> Package:
    return Package(
        typeid("pkg", row.id),
        row.number,
        row.key,
        row.name,
        row.description,
        row.credit_type,
        format_credits(row.credits),
        format_credits(row.bonus),
        Money(row.price, row.currency),
        row.expires_after_days,
        row.active,
        row.metadata,
        iso(row.created_at),
        iso(row.updated_at),
    )
