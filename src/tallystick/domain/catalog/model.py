"""Credit types and rate cards, as data; and the pure checks of their fields. Costs are microcredits."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tallystick.kernel.credits import MAX_AMOUNT
from tallystick.kernel.errors import Invalid

MAX_RATES: Final = 1000
"""Operations that a rate card may price."""

_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
_OPERATION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,99}", re.ASCII)


@dataclass(slots=True)
class CreditType:
    """A unit of credit. ``default``: it is meant when a request names none."""

    code: str
    name: str
    default: bool
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
