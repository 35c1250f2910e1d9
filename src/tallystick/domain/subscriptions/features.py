"""What an account may use of a feature, as pure rules: is it allowed, how much is left, and why not.

A BOOLEAN feature is on or off by the terms of the account's subscriptions. A HARD_LIMIT is a number of units, counted
for each scope (a project, or '' for the account as a whole). A CREDIT_BASED feature is paid from the wallet of its
credit type, however the credits came there, with a plan or without, unless the plan says no or is paused.

Amounts asked for are millionths of a unit, as credits are. ``limit`` and ``used`` are units, ``allocated`` and
``consumed`` microcredits; ``available`` is units of a HARD_LIMIT, microcredits of a CREDIT_BASED feature.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal, Protocol

from tallystick.domain.catalog.model import Feature
from tallystick.domain.catalog.terms import Terms
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Invalid

Reason = Literal[
    "ok",
    "no_subscription",
    "incomplete",
    "paused",
    "not_in_plan",
    "limit_reached",
    "insufficient_credits",
    "account_blocked",
    "account_closed",
]
Value = bool | int | None
"""What terms say of a feature: on or off, a number of units, or None for as many as one likes."""
Claim = tuple[Value, Reason]

LIVE: Final = frozenset({"trialing", "active", "past_due"})
_BY_STATUS: Final[tuple[tuple[Reason, frozenset[str]], ...]] = (
    ("ok", LIVE),
    ("paused", frozenset({"paused"})),
    ("incomplete", frozenset({"incomplete"})),
)
STOPPED: Final[dict[str, Reason]] = {"blocked": "account_blocked", "closed": "account_closed"}


class Subscribed(Protocol):
    """What is asked of a subscription."""

    @property
    def status(self) -> str: ...
    @property
    def terms(self) -> Terms: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Entitlement:
    """An account's state of one feature. ``available`` None: without end, or a BOOLEAN feature.

    ``scopes`` are the units used by each named scope; ``allocated``, ``consumed`` and the period are those of the
    present allowance of the feature's credit type, None where there is none.
    """

    feature: Feature
    allowed: bool
    reason: Reason
    scope: str = ""
    limit: int | None = None
    used: int | None = None
    available: int | None = None
    allocated: int | None = None
    consumed: int | None = None
    period_start: datetime | None = None
    period_end: datetime | None = None
    scopes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Used:
    """What was consumed or given back: ``amount`` millionths of a unit. ``entry`` is the debit's seq."""

    feature: str
    type: str
    amount: int
    available: int | None
    scope: str = ""
    limit: int | None = None
    used: int | None = None
    credit_type: str | None = None
    entry: int | None = None
    replayed: bool = False


def claim(key: str, subscriptions: Sequence[Subscribed]) -> Claim:
    """The most that the account's unended subscriptions give of a feature, and whether they give it now."""
    for reason, statuses in _BY_STATUS:
        values = [one.terms.features.get(key, False) for one in subscriptions if one.status in statuses]
        given = [value for value in values if value is not False]
        if given:
            return None if None in given else max(given, key=lambda value: value or 0), reason
    return False, "not_in_plan" if subscriptions else "no_subscription"


def of_boolean(feature: Feature, claimed: Claim) -> Entitlement:
    value, reason = claimed
    allowed = reason == "ok" and value != 0
    return Entitlement(
        feature=feature, allowed=allowed, reason="not_in_plan" if reason == "ok" and not allowed else reason
    )


def of_limit(feature: Feature, claimed: Claim, used: int, units: int, scope: str = "") -> Entitlement:
    """Whether ``units`` more may be used. A limit below what is used leaves nothing, and takes nothing away."""
    value, reason = claimed
    limit = None if value is None or value is True else int(value)
    left = None if limit is None else max(limit - used, 0)
    if reason != "ok":
        left = 0
    elif left is not None and left < units:
        reason = "limit_reached"
    return Entitlement(
        feature=feature, allowed=reason == "ok", reason=reason, scope=scope, limit=limit, used=used, available=left
    )  # fmt: skip


def of_credits(feature: Feature, available: int, amount: int) -> Entitlement:
    """Whether ``amount`` microcredits may be spent of ``available``."""
    enough = available >= amount
    reason: Reason = "ok" if enough else "insufficient_credits"
    return Entitlement(feature=feature, allowed=enough, reason=reason, available=available)


def barred(key: str, subscriptions: Sequence[Subscribed]) -> Reason | None:
    """Why a CREDIT_BASED feature may not be used whatever the wallet holds: its plan says no, or is paused."""
    return barred_by(key, ((one.status, one.terms.features) for one in subscriptions))


def barred_by(key: str, subscriptions: Iterable[tuple[str, Mapping[str, Value]]]) -> Reason | None:
    """`barred` by the status of each subscription and what its terms say of features."""
    said = [(status, features[key]) for status, features in subscriptions if key in features]
    given = [status for status, value in said if value is not False]
    if not said or LIVE.intersection(given):
        return None
    if "paused" in given:
        return "paused"
    return None if given else "not_in_plan"


def withheld(entitlement: Entitlement, reason: Reason | None) -> Entitlement:
    """The same, not allowed for the ``reason`` that there is, whatever is left."""
    return entitlement if reason is None else replace(entitlement, allowed=False, reason=reason)


def stopped(entitlement: Entitlement, account_status: str) -> Entitlement:
    """The same for an account in this status: one that is blocked or closed uses nothing."""
    return withheld(entitlement, STOPPED.get(account_status))


def units_of(feature: Feature, amount: int) -> int:
    """The whole units of a HARD_LIMIT. Raises Invalid when there are none, or the feature is of another type."""
    if feature.type == "BOOLEAN":
        raise Invalid("feature", "is on or off: no amount of it can be used")
    if feature.type == "CREDIT_BASED":
        raise Invalid("feature", "is paid in credits: what was spent is given back by reversing its entry")
    units, rest = divmod(amount, MICRO)
    if rest or units < 1:
        raise Invalid("amount", "must be a whole number: the feature is counted in units")
    return units
