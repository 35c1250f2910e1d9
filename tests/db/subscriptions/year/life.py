"""What becomes of a customer in time."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from fractions import Fraction

from .bills import Tab, part_of, rest_of
from .calendar import days_on, first_of, months_on, period_at
from .customer import END_UNPAID, FUNDED, GRACE, LIVE, Line, Subscription, Use
from .plans import Plan
from .purse import Purse

Due = tuple[datetime, int, Callable[[], None]]


class Customer(Tab, Purse):
    """``rates``: operation -> credit type and price in credits."""

    def __init__(self, zone: str, rates: Mapping[str, tuple[str, Fraction]]) -> None:
        Tab.__init__(self, zone)
        Purse.__init__(self, zone)
        self.rates = rates

    # Time ------------------------------------------------------------------------------------------

    def live_until(self, moment: datetime) -> None:
        """Everything that falls due up to and at this moment."""
        while True:
            due = [one for sub in self.subscriptions.values() for one in self._due(sub)]
            if not due:
                return
            at, _, act = min(due, key=lambda one: one[:2])
            if at > moment:
                return
            act()

    def _due(self, sub: Subscription) -> Iterable[Due]:
        def later(at: datetime, rank: int, act: Callable[[Subscription, datetime], None]) -> Due:
            return at, rank, lambda: act(sub, at)

        if sub.status == "incomplete":
            if sub.start is None:
                yield later(sub.anchor, 0, self._begin)
            elif sub.end is not None:
                yield later(sub.end, 0, self._never_paid)
        elif sub.status == "trialing":
            assert sub.trial_end is not None
            yield later(sub.trial_end, 0, self._trial_over)
        elif sub.status in ("active", "past_due"):
            if sub.end is not None:
                yield later(sub.end, 2, self._renew)
            unpaid = [bill for bill in sub.bills if bill.status == "open"]
            if sub.status == "active" and unpaid:
                yield later(unpaid[0].issued_at + GRACE, 1, self._fall_behind)
            if sub.past_due_since is not None:
                yield later(sub.past_due_since + END_UNPAID, 0, self._give_up)
        elif sub.status == "paused":
            if sub.resume_at is not None:
                yield later(sub.resume_at, 0, self._resume)
            if sub.cancel_at_end and sub.end is not None:
                yield later(sub.end, 2, self._renew)
        if sub.status in FUNDED:
            for share in sub.shares.values():
                if share.end is not None:
                    yield later(share.end, 3, self.turn)

    # What they do ------------------------------------------------------------------------------------

    def subscribe(
        self, name: str, plan: Plan, at: datetime, *, start: datetime | None = None, trial: bool = True,
        calendar: bool = False,
    ) -> None:  # fmt: skip
        sub = Subscription(name, plan, "incomplete", start or at, self.zone, at, calendar)
        self.subscriptions[name] = sub
        if plan.trial_days and trial:
            sub.trial_end = days_on(sub.anchor, plan.trial_days, self.zone)
        if sub.anchor <= at:
            self._begin(sub, at)

    def use(self, metric: str, quantity: Fraction, at: datetime, used_at: datetime | None = None) -> bool:
        """Whether it was recorded: a shortage of credits refuses it."""
        sub = next((sub for sub in self.subscriptions.values() if sub.status in LIVE), None)
        operation = None if sub is None else sub.plan.debits.get(metric)
        if operation is not None:
            credit, price = self.rates[operation]
            if not self.wallets[credit].spend(at, price * quantity):
                return False
        self.uses.append(Use(metric, used_at or at, quantity))
        return True

    def spend(self, credit: str, amount: Fraction, at: datetime) -> bool:
        return self.wallets[credit].spend(at, amount)

    def pay(self, name: str, at: datetime) -> None:
        """Pay all that is open."""
        sub = self.subscriptions[name]
        for bill in sub.bills:
            if bill.status == "open":
                bill.status = "paid"
        if sub.status == "incomplete" and sub.start is not None:
            self._activate(sub, at)
        elif sub.status == "past_due":
            self._catch_up(sub, at)

    def change(self, name: str, plan: Plan, at: datetime) -> None:
        sub = self.subscriptions[name]
        sub.cancel_at_end = False
        if plan.rank > sub.plan.rank and sub.status == "trialing":
            self.adopt(sub, plan, at, now=True)
        elif plan.rank > sub.plan.rank:
            self._upgrade(sub, plan, at)
        else:
            sub.next_plan = plan

    def keep_plan(self, name: str, at: datetime) -> None:
        self.subscriptions[name].next_plan = None

    def cancel(self, name: str, at: datetime, *, at_end: bool) -> None:
        sub = self.subscriptions[name]
        if sub.status == "incomplete":
            self._never_paid(sub, at, "cancelled")
        elif at_end:
            sub.cancel_at_end, sub.next_plan = True, None
        else:
            self._end(sub, at, "cancelled")

    def keep(self, name: str, at: datetime) -> None:
        self.subscriptions[name].cancel_at_end = False

    def pause(self, name: str, at: datetime, resume_at: datetime | None = None) -> None:
        sub = self.subscriptions[name]
        sub.status, sub.paused_at, sub.resume_at = "paused", at, resume_at

    def resume(self, name: str, at: datetime) -> None:
        self._resume(self.subscriptions[name], at)

    # Periods -----------------------------------------------------------------------------------------

    def _period(self, sub: Subscription, at: datetime) -> None:
        """Enter the billing period that contains the moment."""
        months = sub.plan.months
        if not months:
            sub.start, sub.end = at, None
        elif sub.calendar:
            sub.anchor = first_of(at, months, self.zone)
            sub.start, sub.end = at, months_on(sub.anchor, months, self.zone)
        else:
            _, sub.start, sub.end = period_at(sub.anchor, str(months), at, self.zone)

    def _begin(self, sub: Subscription, at: datetime) -> None:
        """The trial, or the first period with its bill."""
        if sub.trial_end is not None:
            sub.status, sub.start, sub.end = "trialing", at, sub.trial_end
            self.allow(sub, sub.plan.allowances, at, anchor=sub.anchor)
            return
        self._period(sub, at)
        self.bill(sub, "create", self.flat(sub), at)
        if all(bill.status == "paid" for bill in sub.bills):
            self._activate(sub, at)

    def _activate(self, sub: Subscription, at: datetime) -> None:
        sub.status = "active"
        self.allow(sub, sub.plan.allowances, at, anchor=sub.anchor)

    def _trial_over(self, sub: Subscription, at: datetime) -> None:
        if sub.cancel_at_end:
            self._end(sub, at, "ended")
            return
        sub.status, sub.anchor = "active", at
        if sub.next_plan is not None:
            sub.plan, sub.next_plan = sub.next_plan, None
        self.forsake(sub, at)
        self._period(sub, at)
        self.allow(sub, self.resetting(sub), at, anchor=sub.anchor)
        self.bill(sub, "cycle", self.flat(sub), at)

    def _never_paid(self, sub: Subscription, at: datetime, status: str = "ended") -> None:
        sub.status, sub.ended_at = status, at
        for bill in sub.bills:
            if bill.status == "open":
                bill.status = "void"
                self.money += bill.credit

    def _renew(self, sub: Subscription, at: datetime) -> None:
        if sub.cancel_at_end:
            self._end(sub, at, "ended")
            return
        usage = self.usage(sub, at)
        if sub.next_plan is not None:
            if sub.next_plan.months != sub.plan.months:
                sub.anchor = at
            self.adopt(sub, sub.next_plan, at, now=False)
        self._period(sub, at)
        self.bill(sub, "cycle", self.flat(sub) + usage, at)

    def _end(self, sub: Subscription, at: datetime, status: str) -> None:
        if sub.status in ("active", "past_due", "paused") and sub.end is not None:
            usage = self.usage(sub, min(at, sub.end))
            self.bill(sub, "cancel", usage, at)
        self._stop(sub, at, status)

    def _stop(self, sub: Subscription, at: datetime, status: str) -> None:
        sub.status, sub.ended_at = status, at
        sub.shares.clear()
        self.withdraw(sub, at)

    def _upgrade(self, sub: Subscription, plan: Plan, at: datetime) -> None:
        assert sub.start is not None
        assert sub.end is not None
        whole_start, whole_end = self.whole(sub)
        passed = part_of(whole_start, at, whole_start, whole_end)
        lines = [
            Line("proration", price.key, -rest_of(price.amount, passed), at, sub.end)
            for price in sub.plan.flats()
        ]
        lines += self.usage(sub, at)
        before = sub.plan
        if plan.months == before.months:
            lines += [
                Line("proration", price.key, rest_of(price.amount, passed), at, sub.end)
                for price in plan.flats()
            ]
            self.adopt(sub, plan, at, now=True)
        else:
            self.adopt(sub, plan, at, now=True)
            sub.anchor = at
            self._period(sub, at)
            lines += self.flat(sub)
        self.bill(sub, "change", lines, at)

    # Arrears -----------------------------------------------------------------------------------------

    def _fall_behind(self, sub: Subscription, at: datetime) -> None:
        sub.status, sub.past_due_since = "past_due", at
        self.withdraw(sub, at)

    def _catch_up(self, sub: Subscription, at: datetime) -> None:
        sub.status, sub.past_due_since = "active", None
        self.restore(sub, at)

    def _give_up(self, sub: Subscription, at: datetime) -> None:
        for bill in sub.bills:
            if bill.status == "open":
                bill.status = "uncollectible"
        self._stop(sub, at, "ended")

    def _resume(self, sub: Subscription, at: datetime) -> None:
        assert sub.end is not None
        sub.status, sub.paused_at, sub.resume_at = "active", None, None
        if at < sub.end:
            ended = [credit for credit, share in sub.shares.items() if share.end and share.end <= at]
            self.again(sub, ended, at)
            return
        usage = self.usage(sub, sub.end)
        if sub.next_plan is not None:
            sub.plan, sub.next_plan = sub.next_plan, None
        self.forsake(sub, at)
        sub.anchor = at
        self._period(sub, at)
        self.allow(sub, self.resetting(sub), at, anchor=sub.anchor)
        self.bill(sub, "cycle", self.flat(sub) + usage, at)
