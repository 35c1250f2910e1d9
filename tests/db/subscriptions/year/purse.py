"""What allowances give: granted, reset, rolled over, taken back and given again."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from fractions import Fraction

from .calendar import period_at
from .customer import FUNDED, Share, Subscription
from .plans import Plan
from .wallet import Wallet


class Purse:
    """A customer's credits."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.wallets: dict[str, Wallet] = defaultdict(Wallet)

    def allow(
        self, sub: Subscription, credits: Iterable[str], at: datetime, *, anchor: datetime | None = None
    ) -> None:
        """Begin these allowances anew; what is left of lots that end just now goes on by the rule."""
        for credit in credits:
            allowance, before = sub.plan.allowances[credit], sub.shares.get(credit)
            base = anchor or (sub.anchor if before is None else before.anchor)
            share = sub.shares[credit] = Share(allowance, base, None)
            if allowance.reset != "never":
                step = {"monthly": "1"}.get(allowance.reset, allowance.reset)
                share.end = period_at(base, step, at, self.zone)[2]
                if sub.status == "trialing" and sub.trial_end is not None:
                    share.end = min(share.end, sub.trial_end)
            if sub.status in FUNDED:
                self.roll(sub, share, credit, at)
                share.given = Fraction(allowance.amount)
                self.grant(sub, credit, share.given, share.end, at)

    def grant(
        self,
        sub: Subscription,
        credit: str,
        amount: Fraction,
        until: datetime | None,
        at: datetime,
        rolled: int = 0,
    ) -> None:
        sub.lots.append((credit, self.wallets[credit].grant(at, amount, until, rolled=rolled)))

    def roll(self, sub: Subscription, share: Share, credit: str, at: datetime) -> None:
        rule = share.allowance.rollover
        if rule is None:
            return
        room = Fraction(rule) if isinstance(rule, int) else None
        by_age: dict[int, Fraction] = defaultdict(Fraction)
        for other, lot in sub.lots:
            times = share.allowance.times
            if other == credit and lot.expires_at == at and (times is None or lot.rolled < times):
                by_age[lot.rolled + 1] += lot.left
        for rolled, left in sorted(by_age.items()):
            amount = left if room is None else min(room, left)
            room = None if room is None else room - amount
            if amount:
                self.grant(sub, credit, amount, share.end, at, rolled)

    def turn(self, sub: Subscription, at: datetime) -> None:
        """Allowances whose span ends begin anew, or are over when the plan has them no more."""
        self.again(sub, [credit for credit, share in sub.shares.items() if share.end == at], at)

    def again(self, sub: Subscription, ended: list[str], at: datetime) -> None:
        for credit in ended:
            if credit not in sub.plan.allowances:
                del sub.shares[credit]
        self.allow(sub, [credit for credit in ended if credit in sub.plan.allowances], at)

    def resetting(self, sub: Subscription) -> list[str]:
        """All but what is given once, and was."""
        return [
            credit
            for credit, one in sub.plan.allowances.items()
            if one.reset != "never" or credit not in sub.shares
        ]

    def adopt(self, sub: Subscription, plan: Plan, at: datetime, *, now: bool) -> None:
        """Another plan: allowances go on in their spans; ``now``: what is given more comes at once."""
        sub.plan, sub.next_plan = plan, None
        self.forsake(sub, at)
        for credit, share in sub.shares.items():
            more = plan.allowances[credit].amount - share.allowance.amount
            if more > 0 and share.end != at and (now or share.end is None):
                if share.given and sub.status in FUNDED:
                    share.given += more
                    self.grant(sub, credit, Fraction(more), share.end, at)
                share.allowance = plan.allowances[credit]
        self.allow(sub, [credit for credit in plan.allowances if credit not in sub.shares], at)

    def forsake(self, sub: Subscription, at: datetime) -> None:
        """What the plan has no more lapses at its time; what it resets otherwise, at once."""
        for credit, share in list(sub.shares.items()):
            other = sub.plan.allowances.get(credit)
            if other is None or other.reset != share.allowance.reset:
                del sub.shares[credit]
                for one, lot in sub.lots:
                    if one == credit and (other is not None or lot.expires_at is None) and not lot.over(at):
                        lot.left = Fraction(0)

    def withdraw(self, sub: Subscription, at: datetime) -> None:
        for _, lot in sub.lots:
            if not lot.over(at):
                lot.lost, lot.left = lot.left, Fraction(0)

    def restore(self, sub: Subscription, at: datetime) -> None:
        """What was taken back is given again, if its time is not over; what came due meanwhile, whole."""
        begun = []
        for credit, allowance in sub.plan.allowances.items():
            share = sub.shares.get(credit)
            if share is None or (share.end is not None and share.end <= at):
                begun.append(credit)
            elif not share.given:
                share.given = Fraction(allowance.amount)
                self.grant(sub, credit, share.given, share.end, at)
        for credit, lot in list(sub.lots):
            if lot.lost and not lot.over(at):
                self.grant(sub, credit, lot.lost, lot.expires_at, at, lot.rolled)
            lot.lost = Fraction(0)
        self.allow(sub, begun, at)
