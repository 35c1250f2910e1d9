"""What happens to a subscription by itself, each as of the moment it is due: done late, it does the same.

`periods.next_due` says what is next; `catch_up` does all of it until a moment, and every action begins with that. The
end of a grace waits while an invoice is still to be charged for an earlier moment; the other steps go on meanwhile.
"""

from datetime import datetime, timedelta

from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import collecting
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Draft, Invoice, Reason
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.clock import iso

from . import charging, granting, letters
from .adopting import adopt, forsake, resetting, restart, take_terms
from .allowances import allowance_of
from .lines import draft_of, flat_lines, once_lines
from .model import Status, Subscription
from .periods import WAITING, Step, anchor_for, frame_at, frame_of, next_due, whole_second
from .states import move
from .work import Work


async def catch_up(work: Work, until: datetime) -> int:
    """Do everything that is due by ``until``, in order, each as of its own moment; give how many steps it took."""
    by, work.by = work.by, SYSTEM
    count = 0
    while (due := await _next(work, until)) is not None:
        moment, step = due
        # one that waited is never as of before what was done meanwhile
        at = max(moment, work.subscription.updated_at) if step in WAITING else moment
        await perform(work, step, at)
        # as it stands after the step, however many follow at once
        work.tell()
        count += 1
        assert next_due(work.subscription, work.periods.values()) != due, "a step must lead on"
    work.by = by
    return count


async def _next(work: Work, until: datetime) -> tuple[datetime, Step] | None:
    """The next step that is due by ``until`` and waits for no charge."""
    due = next_due(work.subscription, work.periods.values())
    if due is None or due[0] > until:
        return None
    if due[1] in WAITING and await collecting.pending(work.tx, work.account, due[0]):
        due = next_due(work.subscription, work.periods.values(), waiting=False)
    return due if due is not None and due[0] <= until else None


async def perform(work: Work, step: Step, at: datetime) -> None:
    """Do one step as of its moment."""
    match "end" if work.dead else step:
        case "end":
            await finish(work, at, "ended")
        case "unpaid_end":
            await _end_unpaid(work, at)
        case "grace_end":
            await _end_grace(work, at)
        case "pause_end":
            await resume(work, at)
        case "incomplete_end":
            await end_incomplete(work, at, "ended")
        case "start":
            await _start(work, at)
        case "trial_end":
            await _end_trial(work, at)
        case "renewal":
            await _renew(work, at)
        case "reset":
            ended = [one.credit_type for one in work.periods.values() if one.period_end == at]
            await _reset(work, ended, at)


# Beginning


async def _start(work: Work, at: datetime) -> None:
    """A start that was ahead has come: the trial begins, or the first invoice is issued."""
    work.subscription.waiting = False
    await begin(work, at)


async def begin(work: Work, at: datetime) -> Invoice | None:
    """Begin: with the trial's allowances, or with the first invoice; active at once when nothing is to pay."""
    row = work.subscription
    if row.trial_end is not None:
        move(row, "trialing")
        await granting.begin(work, row.terms.allowances, at, anchor=row.anchor)
        return None
    if row.recurring:
        assert row.period_end is not None
        lines = flat_lines(row.plan_name, row.terms, frame_of(row), row.period_start, row.period_end)
    else:
        lines = once_lines(row.plan_name, row.terms)
    draft = draft_of(row, "create", lines, row.period_start, row.period_end)
    made = await work.issue(draft, at)
    if made is None or made.status == "paid":
        await activate(work, at)
    return made


async def activate(work: Work, at: datetime) -> None:
    """Paid, or nothing to pay: active from now, in the period that runs anyway."""
    row = work.subscription
    move(row, "active")
    work.note("activated", at)
    await granting.begin(work, row.terms.allowances, at, anchor=row.anchor)


async def end_incomplete(work: Work, at: datetime, to: Status) -> None:
    """It never was paid: its invoice is void."""
    row = work.subscription
    for open_one in await invoices.unpaid(work.tx, row.account, row.id):
        await invoicing.void(work.tx, work.tenant, row.account, open_one.id, by=work.by, at=at)
    await finish(work, at, to)


async def _end_trial(work: Work, at: datetime) -> None:
    row = work.subscription
    if row.cancel_at_period_end:
        await finish(work, at, "ended")
        return
    move(row, "active")
    work.note("trial_ended", at)
    if row.scheduled is not None:
        take_terms(row, row.scheduled)
        work.note("downgraded", at, plan=row.plan_name)
    restart(row, at)
    await forsake(work, at)
    await granting.begin(work, resetting(work), at, anchor=row.anchor)
    await _bill_cycle(work, at, "cycle", usage=None)


# Renewing


async def _renew(work: Work, at: datetime) -> None:
    """The period ends: the next begins, or a cancel that waited takes effect."""
    row = work.subscription
    if row.cancel_at_period_end:
        await finish(work, at, "ended")
        return
    usage = await charging.usage(work.tx, row, frame_of(row), at, work.billed)
    change = row.scheduled
    work.note("renewed", at)
    if change is not None:
        if change.terms.interval != row.terms.interval:
            row.anchor = anchor_for(row.billing, change.terms.interval, at, row.time_zone)
        await adopt(work, change, at, bridge=False)
        work.note("downgraded", at, plan=row.plan_name)
    row.period_start, row.period_end = at, frame_at(row, at).end
    row.usage_since = at
    await _bill_cycle(work, at, "cycle", usage=usage)


async def _bill_cycle(work: Work, at: datetime, reason: Reason, usage: charging.Usage | None) -> None:
    """Invoice the period that begins in advance, and what was used in arrears; unpaid, the grace begins."""
    made = await work.issue(cycle_draft(work.subscription, usage, reason), at)
    if usage is not None:
        work.billed += usage[1]
    await begin_grace(work, made)


def cycle_draft(row: Subscription, usage: charging.Usage | None, reason: Reason = "cycle") -> Draft | None:
    """The invoice of the period that begins, with the usage of the one that ended."""
    assert row.period_end is not None
    lines = flat_lines(row.plan_name, row.terms, frame_of(row), row.period_start, row.period_end)
    lines += [] if usage is None else usage[0]
    return draft_of(row, reason, lines, row.period_start, row.period_end)


async def begin_grace(work: Work, made: Invoice | None) -> None:
    """An open invoice is to be paid within the grace; an earlier one's grace stays."""
    row = work.subscription
    if made is not None and made.status == "open" and row.status == "active" and row.grace_until is None:
        assert made.due_at is not None
        row.grace_until = made.due_at + timedelta(seconds=work.desk.settings.grace_seconds)


async def _reset(work: Work, credit_types: list[str], at: datetime) -> None:
    """Allowances begin anew by the terms of today; one that the terms have no more is over."""
    terms = work.subscription.terms
    again = []
    for code in sorted(credit_types):
        one = allowance_of(terms, code)
        if one is None:
            work.end_period(code)
        else:
            again.append(one)
    await granting.begin(work, again, at)


# Pausing


async def resume(work: Work, at: datetime) -> Invoice | None:
    """Go on in the period that still runs, else begin a new one now with its invoice."""
    row = work.subscription
    move(row, "active")
    row.paused_at = row.resume_at = None
    work.note("resumed", at)
    if row.period_end is None or at < row.period_end:
        ended = [
            code for code, one in work.periods.items() if one.period_end is not None and one.period_end <= at
        ]
        await _reset(work, ended, at)
        if row.grace_until is not None:
            row.grace_until = max(row.grace_until, at)
        return None
    frame = frame_of(row)
    usage = await charging.usage(work.tx, row, frame, row.period_end, work.billed)
    if row.scheduled is not None:
        take_terms(row, row.scheduled)
        work.note("downgraded", at, plan=row.plan_name)
    restart(row, whole_second(at))
    await forsake(work, at)
    await granting.begin(work, resetting(work), at, anchor=row.anchor)
    before = len(work.invoices)
    await _bill_cycle(work, at, "cycle", usage=usage)
    if row.grace_until is not None:
        row.grace_until = max(row.grace_until, at)
    return work.invoices[before] if len(work.invoices) > before else None


# Ending


async def _end_grace(work: Work, at: datetime) -> None:
    """Unpaid after the grace: the allowances' unspent rest is taken back until it is paid."""
    row = work.subscription
    row.grace_until = None
    unpaid = await invoices.unpaid(work.tx, row.account, row.id)
    if unpaid:
        await fall_due(work, at)
        await letters.past_due(work, unpaid)


async def fall_due(work: Work, at: datetime) -> None:
    """Become past due: features stay, allowances do not."""
    row = work.subscription
    move(row, "past_due")
    row.grace_until = None
    row.past_due_since = at
    row.unpaid_until = at + timedelta(days=work.desk.settings.end_unpaid_after_days)
    work.note("past_due", at, until=iso(row.unpaid_until))
    await granting.withdraw(work, work.lots, at, for_good=False)


async def _end_unpaid(work: Work, at: datetime) -> None:
    row = work.subscription
    for open_one in await invoices.unpaid(work.tx, row.account, row.id):
        await invoicing.mark_uncollectible(work.tx, work.tenant, row.account, open_one.id, by=work.by, at=at)
    await finish(work, at, "ended", bill=False)


async def finish(work: Work, at: datetime, to: Status, *, bill: bool = True) -> Invoice | None:
    """End or cancel: what was used so far is invoiced, the rest of the allowances is taken back for good."""
    row = work.subscription
    made = None
    if bill and not work.dead and row.recurring and row.status in ("active", "past_due", "paused"):
        until = at if row.period_end is None else min(at, row.period_end)
        lines, stored = await charging.usage(work.tx, row, frame_of(row), until, work.billed)
        made = await work.issue(draft_of(row, "cancel", lines, row.period_start, until), at)
        work.billed += stored
    move(row, to)
    row.ended_at = at
    if to == "cancelled":
        row.cancelled_at = at
    row.scheduled = row.grace_until = row.unpaid_until = row.paused_at = row.resume_at = None
    row.waiting = False
    for code in sorted(work.periods):
        work.end_period(code)
    work.note(to, at)
    await granting.withdraw(work, work.lots, at, for_good=True)
    return made
