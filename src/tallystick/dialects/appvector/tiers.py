"""Plans as this contract has them: one a tier, paid monthly or yearly; how a request names one, and what is shown."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from tallystick.db.pool import Tx
from tallystick.domain.catalog import tiers as catalog
from tallystick.domain.catalog.model import Feature, Plan
from tallystick.domain.catalog.terms import Interval, Terms
from tallystick.domain.catalog.tiers import Tier
from tallystick.domain.subscriptions.monthly import a_month
from tallystick.http.drf.fields import REQUIRED, Char, Choice, Field
from tallystick.http.drf.validation import ValidationFailed
from tallystick.kernel.errors import NotFound
from tallystick.kernel.ids import parse_typeid
from tallystick.kernel.money import Money

_NAME: Final = Char(required=False, null=True, blank=True, max_length=255)
CYCLES: Final[Mapping[str, Interval]] = {"MONTHLY": "monthly", "YEARLY": "yearly"}
FIELDS: Final[Mapping[str, Field]] = {
    "plan_id": _NAME,
    "plan_tier": _NAME,
    "billing_cycle": Choice(CYCLES, required=False, null=True),
}
"""What names a plan in a body."""

LIMITS: Final = ("max_projects", "max_keywords_per_project", "max_competitors_per_project")
_HISTORY: Final = "historical_data_days"


async def wanted_plan(
    conn: Tx,
    tenant: int,
    currency: str,
    said: Mapping[str, Any],
    default: Interval,
    *,
    usual: str = "plan_id",
) -> Plan:
    """The plan that a body names (its `FIELDS`): by the id of any plan of the tier, or by the tier.

    Without ``billing_cycle`` it is paid as ``default`` says, where the tier has that; else as the plan that was named
    is, or the tier's first. Raises NotFound, and ValidationFailed where the tier has no plan of the cycle, and where no
    plan is named, of the field that is ``usual`` there.
    """
    id, name = said.get("plan_id") or None, said.get("plan_tier") or None
    if id is None and name is None:
        raise ValidationFailed({usual: [REQUIRED]})
    tier, named = await catalog.tier_of(
        conn, tenant, currency, plan=None if id is None else plan_id(id), name=name
    )
    if name is not None and name.upper() != tier.name:
        raise ValidationFailed({"plan_tier": ["It is not the tier of plan_id."]})
    cycle = said.get("billing_cycle")
    if cycle is None:
        return tier.at(default) or named or tier.face
    found = tier.at(CYCLES[cycle])
    if found is None:
        raise ValidationFailed({"billing_cycle": [f"{tier.name} is not sold {cycle.lower()}."]})
    return found


def plan_id(text: str) -> UUID:
    """A plan's id as a UUID or a TypeID. Raises NotFound for what is neither."""
    found = parse_typeid("plan", text)
    if found is not None:
        return found
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("plan") from None


def plan_item(tier: Tier, features: Mapping[str, Feature]) -> dict[str, Any]:
    """A row of the list. ``features`` has those of the tenant that its plan names, by key."""
    face = tier.face
    return {
        "id": str(face.id),
        "tier": tier.name,
        "name": face.name,
        "description": face.description,
        "monthly_price": _price(tier.at("monthly")),
        "yearly_price": _price(tier.at("yearly")),
        "limits": {key: limit_of(face.terms, key) for key in LIMITS},
        "credits": {
            "monthly_api_credits": a_month(face.terms.allowances, "api_calls"),
            "monthly_scrape_credits": a_month(face.terms.allowances, "data_scrapes"),
        },
        "features": _texts(face, features),
    }


def limit_of(terms: Terms, key: str) -> int | None:
    """Units of a HARD_LIMIT: None for no limit, 0 where the plan has none of it."""
    value = terms.features.get(key, 0)
    return None if value is None or value is True else int(value)


def _price(plan: Plan | None) -> str | None:
    return None if plan is None else str(Money(plan.terms.base_amount, plan.terms.currency))


def _texts(plan: Plan, features: Mapping[str, Feature]) -> list[str]:
    """What the plan has beyond its limits and credits: the texts of its metadata, else the names of its switches."""
    told = plan.metadata.get("features")
    if isinstance(told, list):
        return [text for text in told if isinstance(text, str)]
    found = [_history(plan.terms)] if plan.terms.features.get(_HISTORY, 0) != 0 else []
    for key, value in plan.terms.features.items():
        feature = features.get(key)
        if feature is not None and feature.type == "BOOLEAN" and value is not False and value != 0:
            found.append(feature.name)
    return found


def _history(terms: Terms) -> str:
    days = limit_of(terms, _HISTORY)
    return "Unlimited history" if days is None else f"{days}-day history"
