"""Allowances as grants of the ledger: given, rolled over, taken back, given again; each as of its own moment.

An allowance expires by its grant's own time, whatever runs late; so what was left of it is read from what lapsed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from tallystick.db.pool import all_rows
from tallystick.domain.catalog.terms import Allowance
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger import views as books
from tallystick.domain.ledger.commands import AnyCommand, EndDue, Grant, Labels, Reverse, order
from tallystick.domain.ledger.model import Answer
from tallystick.kernel.actor import SYSTEM
from tallystick.kernel.credits import format_credits
from tallystick.kernel.errors import Fact
from tallystick.kernel.ids import typeid

from .allowances import Gift, Lapsed, allowance_of, next_reset, rolled
from .model import AllowancePeriod, Lot
from .statements import q
from .states import FUNDED
from .work import Work


async def begin(
    work: Work, allowances: Iterable[Allowance], at: datetime, *, anchor: datetime | None = None
) -> None:
    """Begin a period of each allowance at ``at``, its resets counted from ``anchor`` (or as they were before).

    Where the last one ended just then, what lapsed with it is rolled over by the allowance's rule. Of a
    subscription whose allowances are withheld the period begins, and nothing is granted. What the customer used of
    it before under another subscription is not given again, where that was not paid for (see `_used_before`).
    """
    row = work.subscription
    funded = row.status in FUNDED and not work.dead
    wanted = list(allowances)
    lapsed = await _lapsed(work, wanted, at) if funded else {}
    fresh = funded and any(one.credit_type not in work.periods for one in wanted)
    used = await _used_before(work, at) if fresh else {}
    gifts: list[Gift] = []
    for one in wanted:
        before = work.periods.get(one.credit_type)
        base = anchor or (row.anchor if before is None else before.anchor)
        if before is not None:
            work.end_period(one.credit_type)
        latest = row.trial_end if row.status == "trialing" else None
        end = next_reset(one, base, at, row.time_zone, latest)
        period = AllowancePeriod(row.account, row.id, one.credit_type, at, end, base, one.reset, one.amount)
        work.periods[one.credit_type] = period
        if funded:
            over = rolled(one.rollover, lapsed.get(one.credit_type, ()))
            period.rolled = sum(lot.amount for lot in over)
            period.granted = one.amount
            gifts += [
                Gift(one.credit_type, lot.amount, one.priority, end, lot.rolls, "rolled") for lot in over
            ]
            amount = max(0, one.amount - used.get(one.credit_type, 0)) if before is None else one.amount
            gifts.append(Gift(one.credit_type, amount, one.priority, end, 0, "granted"))
    await give(work, gifts, at)


@dataclass(slots=True)
class _Used:
    credit_type: str
    used: int


async def _used_before(work: Work, at: datetime) -> dict[str, int]:
    """What was used of running allowances of subscriptions that are over, by credit type.

    It counts where a subscription gives more than its first invoice asks for: one without a price in advance, and
    one of the calendar, whose first period is charged in part. Else cancelling and subscribing again would multiply
    the allowance.
    """
    row = work.subscription
    if row.terms.base_amount and row.billing != "calendar":
        return {}
    values = {"account": row.account, "subscription": row.id, "at": at}
    return {one.credit_type: one.used for one in await all_rows(work.tx, _Used, q.used_before, values)}


async def _lapsed(work: Work, allowances: Sequence[Allowance], at: datetime) -> dict[str, list[Lapsed]]:
    """What lapsed of the lots that end at ``at``, by credit type; those lots are done with."""
    types = {one.credit_type for one in allowances}
    ending = [
        lot
        for lot in work.lots
        if lot.credit_type in types and lot.expires_at is not None and lot.expires_at <= at
    ]
    rolling = {one.credit_type for one in allowances if one.rollover.mode != "none"}
    over = [lot for lot in ending if lot.credit_type in rolling and lot.expires_at == at and not lot.closed]
    found: dict[str, list[Lapsed]] = {}
    if over:
        await _apply(work, [EndDue(account=work.account, effective_at=at)])
        amounts = await _amounts(work, over, at)
        for lot in over:
            if lot.grant_id in amounts:
                left = Lapsed(amounts[lot.grant_id], lot.rolls)
                found.setdefault(lot.credit_type, []).append(left)
    for lot in ending:
        lot.closed = True
    return found


async def _amounts(work: Work, lots: Sequence[Lot], at: datetime) -> dict[int, int]:
    """What each lot had free when it expired. What a hold kept pinned beyond lapses later, and is not rolled."""
    numbers = [lot.grant_id for lot in lots]
    made = [grant.created_at for grant in (await books.lots(work.tx, work.account, numbers)).values()]
    # a lot that was given so late that it was over lapsed when it was given
    return await books.lapsed(work.tx, work.account, numbers, at, max([at, *made]))


async def give(work: Work, gifts: Sequence[Gift], at: datetime) -> None:
    """Grant credits as of ``at``, note their lots, and log them."""
    row = work.subscription
    commands = [
        Grant(
            account=row.account,
            credit_type=gift.credit_type,
            amount=gift.amount,
            source="plan",
            priority=gift.priority,
            expires_at=gift.expires_at,
            effective_at=at,
            labels=Labels(reference=typeid("sub", row.id), description=f"Allowance of {row.plan_name}"),
        )
        for gift in gifts
        if gift.amount
    ]
    if not commands or work.dead:
        return
    for gift, answer in zip(
        [gift for gift in gifts if gift.amount], await _apply(work, commands), strict=True
    ):
        assert answer.entry is not None
        work.lots.append(
            Lot(
                row.account,
                answer.entry.seq,
                row.id,
                gift.credit_type,
                gift.amount,
                gift.rolls,
                gift.expires_at,
            )
        )
        amount = format_credits(gift.amount)
        work.note("allowance_" + gift.label, at, credit_type=gift.credit_type, amount=amount)


async def withdraw(work: Work, lots: Iterable[Lot], at: datetime, *, for_good: bool) -> None:
    """Take back what is free of the lots as of ``at``; what holds pin stays until they end.

    Unless ``for_good``, payment can give it again.
    """
    standing = [lot for lot in lots if not lot.closed and (lot.expires_at is None or lot.expires_at > at)]
    if not standing or work.dead:
        return
    await _apply(work, [EndDue(account=work.account, effective_at=at)])
    grants = await books.lots(work.tx, work.account, [lot.grant_id for lot in standing])
    taken = [(lot, grants[lot.grant_id].free) for lot in standing]
    commands = [
        Reverse(
            account=work.account,
            entry=lot.grant_id,
            amount=free,
            reason="The plan's allowance ended",
            effective_at=at,
        )
        for lot, free in taken
        if free
    ]
    await _apply(work, commands)
    for lot, free in taken:
        lot.closed = lot.closed or for_good
        lot.withdrawn += free
        if free:
            work.note("allowance_withdrawn", at, credit_type=lot.credit_type, amount=format_credits(free))


async def restore(work: Work, at: datetime) -> None:
    """Give allowances again after a payment: those taken back, less what was used; those withheld, whole."""
    row = work.subscription
    begun = []
    gifts: list[Gift] = []
    for one in row.terms.allowances:
        period = work.periods.get(one.credit_type)
        if period is None or (period.period_end is not None and period.period_end <= at):
            begun.append(one)
        elif not period.granted:
            period.granted = period.amount
            gifts.append(Gift(one.credit_type, period.amount, one.priority, period.period_end, 0, "granted"))
    for lot in work.lots:
        if lot.withdrawn and not lot.closed:
            lot.closed = True
            given = allowance_of(row.terms, lot.credit_type)
            if lot.expires_at is None or lot.expires_at > at:
                priority = 10 if given is None else given.priority
                gifts.append(
                    Gift(lot.credit_type, lot.withdrawn, priority, lot.expires_at, lot.rolls, "restored")
                )
    await give(work, gifts, at)
    await begin(work, begun, at)


async def _apply(work: Work, commands: Sequence[AnyCommand]) -> list[Answer]:
    """Have the ledger do it, all or nothing: a decline is raised."""
    if not commands:
        return []
    row = work.subscription
    orders = [
        order(
            one,
            tenant=work.tenant,
            actor=SYSTEM,
            server_key=None if isinstance(one, EndDue) else f"alw:{row.id}:{row.changes}:{number}",
        )
        for number, one in enumerate(commands)
    ]
    results = await ledger.apply(work.tx, work.heads, orders, work.rates)
    answers = []
    for result in results:
        if isinstance(result, Fact):
            raise result
        answers.append(result)
    return answers
