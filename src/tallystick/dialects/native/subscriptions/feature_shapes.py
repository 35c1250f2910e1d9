"""How entitlements are shown."""

import msgspec

from tallystick.dialects.native.answers import Credits, Quantity, Time
from tallystick.dialects.native.names import entry_id
from tallystick.domain.subscriptions import features
from tallystick.kernel.credits import MICRO, format_credits

from .shapes import time


class Entitlement(msgspec.Struct, kw_only=True):
    """An account's state of a feature.

    ``reason`` is ok, no_subscription, incomplete, paused, not_in_plan, limit_reached, insufficient_credits,
    account_blocked or account_closed. ``limit``, ``used`` and ``remaining`` are units of a HARD_LIMIT, ``remaining``,
    ``allocated`` and ``consumed`` credits of a CREDIT_BASED feature. ``unlimited``: there is no limit.
    """

    feature: str
    name: str
    type: str
    unit: str
    credit_type: str | None
    scope: str
    allowed: bool
    reason: str
    unlimited: bool
    limit: Quantity | None
    used: Quantity | None
    remaining: Quantity | None
    allocated: Credits | None
    consumed: Credits | None
    period_start: Time | None
    period_end: Time | None
    scopes: dict[str, Quantity]


class FeatureUse(msgspec.Struct, kw_only=True):
    """``amount`` is what was used or given back; ``entry`` is the debit of a CREDIT_BASED feature."""

    feature: str
    type: str
    scope: str
    amount: Quantity
    unlimited: bool
    limit: Quantity | None
    used: Quantity | None
    remaining: Quantity | None
    credit_type: str | None
    entry: str | None


def entitlement(row: features.Entitlement) -> Entitlement:
    counted = row.feature.type == "HARD_LIMIT"
    micro = MICRO if counted else 1
    return Entitlement(
        feature=row.feature.key,
        name=row.feature.name,
        type=row.feature.type,
        unit=row.feature.unit,
        credit_type=row.feature.credit_type,
        scope=row.scope,
        allowed=row.allowed,
        reason=row.reason,
        unlimited=counted and row.limit is None,
        limit=_units(row.limit),
        used=_units(row.used),
        remaining=None if row.available is None else format_credits(row.available * micro),
        allocated=_credits(row.allocated),
        consumed=_credits(row.consumed),
        period_start=time(row.period_start),
        period_end=time(row.period_end),
        scopes={scope: str(used) for scope, used in row.scopes.items()},
    )


def feature_use(row: features.Used, account: int) -> FeatureUse:
    counted = row.type == "HARD_LIMIT"
    micro = MICRO if counted else 1
    return FeatureUse(
        feature=row.feature,
        type=row.type,
        scope=row.scope,
        amount=format_credits(row.amount),
        unlimited=counted and row.limit is None,
        limit=_units(row.limit),
        used=_units(row.used),
        remaining=None if row.available is None else format_credits(row.available * micro),
        credit_type=row.credit_type,
        entry=None if row.entry is None else entry_id(account, row.entry),
    )


def _units(units: int | None) -> str | None:
    return None if units is None else str(units)


def _credits(micro: int | None) -> str | None:
    return None if micro is None else format_credits(micro)
