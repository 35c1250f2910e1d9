"""When a subscription's periods begin and end, and what falls due next. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from tallystick.domain.catalog.terms import Interval
from tallystick.kernel.calendar import Every, aligned, boundary, period_at

from .model import AllowancePeriod, Billing, Subscription
from .states import FUNDED

Step = Literal[
    "unpaid_end", "grace_end", "pause_end", "incomplete_end", "start", "trial_end", "renewal", "reset"
]
STEPS: Final[tuple[Step, ...]] = (
    "unpaid_end", "grace_end", "pause_end", "incomplete_end", "start", "trial_end", "renewal", "reset",
)  # fmt: skip
"""Of two that are due at one moment the first goes first: a period is not renewed by one whose grace is over."""

WAITING: Final[frozenset[Step]] = frozenset({"unpaid_end", "grace_end"})
"""These wait while an invoice of the account is still to be charged for a moment until theirs: that we, or a payment
gateway, are late never costs a customer the allowance."""

MONTHS: Final[dict[Interval, int]] = {"monthly": 1, "quarterly": 3, "yearly": 12}


FARTHEST: Final = timedelta(days=3660)
"""How far from now a start may be, or the end of a pause."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The whole period of the calendar, of which a shorter first one may be charged in part."""

    start: datetime
    end: datetime


def every(interval: Interval) -> Every:
    """The calendar's word for the interval of a recurring plan."""
    assert interval != "one_time"
    return interval


def whole_second(moment: datetime) -> datetime:
    """Anchors are whole seconds, so that every boundary is, and prorating by the second is exact."""
    return moment.replace(microsecond=0)


def anchor_for(billing: Billing, interval: Interval, start: datetime, zone: str) -> datetime:
    """What periods that begin at ``start`` are counted from."""
    if billing == "calendar" and interval != "one_time":
        return aligned(every(interval), start, zone)
    return start


def frame_at(subscription: Subscription, moment: datetime) -> Frame:
    """The whole period around ``moment`` by the subscription's anchor and interval."""
    _, start, end = period_at(
        subscription.anchor, every(subscription.terms.interval), moment, subscription.time_zone
    )
    return Frame(start, end)


def frame_of(subscription: Subscription) -> Frame:
    """The whole period in which the present one lies."""
    return frame_at(subscription, subscription.period_start)


def trial_end_of(start: datetime, days: int, zone: str) -> datetime:
    """So many days later, at the same time of the customer's day."""
    return boundary(start, "daily", days, zone)


def next_due(
    subscription: Subscription, allowances: Iterable[AllowancePeriod], *, waiting: bool = True
) -> tuple[datetime, Step] | None:
    """What happens to the subscription next if nobody does anything, and when.

    Without ``waiting``: next of what is not in `WAITING`.
    """
    coming = _coming(subscription, allowances)
    return min((due for due in coming if waiting or due[1] not in WAITING), key=_order, default=None)


def _order(due: tuple[datetime, Step]) -> tuple[datetime, int]:
    return due[0], STEPS.index(due[1])


def _coming(subscription: Subscription, allowances: Iterable[AllowancePeriod]) -> list[tuple[datetime, Step]]:
    """``renewal`` is also where a cancel that waited takes effect."""
    end = subscription.period_end
    coming: list[tuple[datetime | None, Step]] = []
    match subscription.status:
        case "incomplete":
            waiting = subscription.waiting
            coming = [(subscription.started_at, "start") if waiting else (end, "incomplete_end")]
        case "trialing":
            coming = [(subscription.trial_end, "trial_end")]
        case "active":
            coming = [(end, "renewal"), (subscription.grace_until, "grace_end")]
        case "past_due":
            coming = [(end, "renewal"), (subscription.unpaid_until, "unpaid_end")]
        case "paused":
            coming = [(subscription.resume_at, "pause_end")]
            if subscription.cancel_at_period_end:
                coming.append((end, "renewal"))
    if subscription.status in FUNDED:
        coming += [(period.period_end, "reset") for period in allowances if period.open]
    return [(moment, step) for moment, step in coming if moment is not None]
