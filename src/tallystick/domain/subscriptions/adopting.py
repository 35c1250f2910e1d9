"""Taking other terms over, with their allowances, and beginning a period anew."""

from datetime import datetime

from tallystick.domain.catalog.terms import Allowance

from . import granting
from .allowances import Gift, allowance_of
from .model import Scheduled, Subscription
from .periods import anchor_for, frame_at
from .states import FUNDED
from .work import Work


def restart(row: Subscription, at: datetime) -> None:
    """Begin a new period at ``at`` from which periods are counted anew."""
    row.anchor = anchor_for(row.billing, row.terms.interval, at, row.time_zone)
    row.period_start, row.period_end = at, frame_at(row, at).end
    row.usage_since = at


def take_terms(row: Subscription, change: Scheduled) -> None:
    row.plan, row.version, row.plan_name = change.plan, change.version, change.plan_name
    row.terms, row.overrides = change.terms, change.overrides
    row.scheduled = None


async def adopt(work: Work, change: Scheduled, at: datetime, *, bridge: bool) -> None:
    """Take other terms over at ``at``, with their allowances.

    An allowance that goes on keeps its running period; with ``bridge`` what it gives more is granted at once, else
    at its next reset. One that resets otherwise, or is new, begins now; one that is gone lapses at its time.
    """
    row = work.subscription
    take_terms(row, change)
    await forsake(work, at)
    gifts = []
    begun = []
    for one in row.terms.allowances:
        period = work.periods.get(one.credit_type)
        if period is None:
            begun.append(one)
        elif period.period_end != at and (bridge or period.period_end is None):
            more = one.amount - period.amount
            if more > 0 and period.granted and row.status in FUNDED:
                period.granted += more
                gifts.append(Gift(one.credit_type, more, one.priority, period.period_end, 0, "granted"))
            period.amount = one.amount if more > 0 else period.amount
    await granting.give(work, gifts, at)
    await granting.begin(work, begun, at)


async def forsake(work: Work, at: datetime) -> None:
    """End the allowances that the terms have no more, or reset otherwise; what never expires is taken back."""
    terms = work.subscription.terms
    gone = []
    for code, period in sorted(work.periods.items()):
        one = allowance_of(terms, code)
        if one is None or one.reset != period.reset:
            work.end_period(code)
            gone += [
                lot
                for lot in work.lots
                if lot.credit_type == code and (one is not None or lot.expires_at is None)
            ]
    await granting.withdraw(work, gone, at, for_good=True)


def resetting(work: Work) -> list[Allowance]:
    """The allowances that begin anew when the trial ends: all but those that are given once and were."""
    return [
        one
        for one in work.subscription.terms.allowances
        if one.reset != "never" or one.credit_type not in work.periods
    ]
