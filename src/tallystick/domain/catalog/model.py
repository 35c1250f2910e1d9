"""Credit types, rate cards, features, plans and packages, as data; and the pure checks of rates.

Costs are microcredits.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypedDict
from uuid import UUID

from tallystick.domain.identity.model import storable
from tallystick.kernel.credits import MAX_AMOUNT
from tallystick.kernel.errors import Invalid

from .terms import Terms, terms_of

MAX_RATES: Final = 1000
"""Operations that a rate card may price."""

MAX_DESCRIPTION: Final = 2000

UNIT_PRICE: Final = 1_000_000
"""What a credit costs unless its type says otherwise: one minor unit, in millionths of it."""

_LINES: Final = {ord(char): " " for char in "\n\r\t"}
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_OPERATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)


@dataclass(slots=True)
class CreditType:
    """A unit of credit. ``default``: it is meant when a request names none.

    ``unit_price`` is what a credit costs where any amount may be bought: millionths of a minor unit of the tenant's
    currency, None for `UNIT_PRICE`.
    """

    code: str
    name: str
    default: bool
    unit_price: int | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """What one unit of ``operation`` costs: ``cost`` microcredits of a type."""

    operation: str
    credit_type: str
    cost: int


@dataclass(frozen=True, slots=True)
class RateCard:
    """A version of a tenant's rate card, which never changes; ``rates`` stand by operation."""

    version: int
    effective_at: datetime
    created_at: datetime
    created_by: str
    rates: tuple[Rate, ...]


def check_code(code: str) -> str:
    """Raises Invalid when this can be no credit type's code."""
    if _CODE.fullmatch(code) is None:
        raise Invalid("code", "must be 1 to 63 of a-z, 0-9 and _, a letter first")
    return code


def check_description(text: str) -> str:
    """The description of what is sold, in lines. Raises Invalid."""
    if len(text) > MAX_DESCRIPTION:
        raise Invalid("description", f"must have at most {MAX_DESCRIPTION} characters")
    if not storable(text.translate(_LINES)):
        raise Invalid("description", "must not hold control characters")
    return text


def check_rates(rates: Sequence[Rate]) -> tuple[Rate, ...]:
    """The rates by operation. Raises Invalid naming the field (``rates.0.cost``)."""
    if len(rates) > MAX_RATES:
        raise Invalid("rates", f"must be at most {MAX_RATES}")
    seen: set[str] = set()
    for n, rate in enumerate(rates):
        if _OPERATION.fullmatch(rate.operation) is None:
            raise Invalid(
                f"rates.{n}.operation", "must be 1 to 100 of A-Z, a-z, 0-9, _ . : -, a letter or digit first"
            )
        if rate.operation in seen:
            raise Invalid(f"rates.{n}.operation", "stands twice")
        if not 0 < rate.cost <= MAX_AMOUNT:
            raise Invalid(f"rates.{n}.cost", "must be greater than 0 and at most 9007199254.740991")
        seen.add(rate.operation)
    return tuple(sorted(rates, key=lambda rate: rate.operation))


FeatureType = Literal["BOOLEAN", "HARD_LIMIT", "CREDIT_BASED"]
PlanStatus = Literal["active", "archived"]


@dataclass(slots=True)
class Feature:
    """What plans entitle to: a switch, a number that may be used at once, or what a credit type pays for."""

    id: UUID
    tenant_id: int
    number: int
    key: str
    name: str
    description: str
    type: FeatureType
    category: str
    unit: str
    credit_type: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(slots=True)
class Plan:
    """A plan as it stands, or one of its versions: ``terms`` are those of ``version`` and never change."""

    id: UUID
    tenant_id: int
    number: int
    key: str | None
    name: str
    description: str
    tier: str | None
    rank: int | None
    status: PlanStatus
    version: int
    terms: Terms
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime

    def __post_init__(self) -> None:
        if isinstance(self.terms, dict):
            self.terms = terms_of(self.terms)


@dataclass(slots=True)
class PlanVersion:
    """When terms were made, and by whom."""

    version: int
    terms: Terms
    created_at: datetime
    created_by: str

    def __post_init__(self) -> None:
        if isinstance(self.terms, dict):
            self.terms = terms_of(self.terms)


@dataclass(slots=True)
class Package:
    """Credits for a price: ``credits`` and ``bonus`` in microcredits, ``price`` in minor units of ``currency``."""

    id: UUID
    tenant_id: int
    number: int
    key: str | None
    name: str
    description: str
    credit_type: str
    credits: int
    bonus: int
    price: int
    currency: str
    expires_after_days: int | None
    active: bool
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class FeatureChanges(TypedDict, total=False):
    """The fields of a feature to change; what is absent stays. Key and type stay always."""

    name: str
    description: str
    category: str
    unit: str
    credit_type: str | None


class PlanChanges(TypedDict, total=False):
    """The fields of a plan to change; what is absent stays. Other ``terms`` make the next version."""

    name: str
    description: str
    tier: str | None
    rank: int | None
    status: PlanStatus
    metadata: dict[str, Any]
    terms: Terms | None


class PackageChanges(TypedDict, total=False):
    """The fields of a package to change; what is absent stays."""

    name: str
    description: str
    credit_type: str
    credits: int
    bonus: int
    price: int
    currency: str
    expires_after_days: int | None
    active: bool
    metadata: dict[str, Any]
