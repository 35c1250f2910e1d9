"""What is charged, and when: flat prices in advance, usage in arrears, and what came late."""

from datetime import datetime, timedelta
from fractions import Fraction

from .calendar import first_of
from .customer import Bill, Line, Span, Subscription, Use
from .plans import cost


class Tab:
    """A customer's bills. ``money`` is owed to the customer, in minor units: later bills use it up."""

    def __init__(self, zone: str) -> None:
        self.zone = zone
        self.uses: list[Use] = []
        self.subscriptions: dict[str, Subscription] = {}
        self.money = 0

    @property
    def bills(self) -> list[Bill]:
        return [bill for sub in self.subscriptions.values() for bill in sub.bills]

    def flat(self, sub: Subscription) -> list[Line]:
        """In advance; a calendar's short first period by the second."""
        assert sub.start is not None
        passed = Fraction(0)
        if sub.calendar and sub.end is not None:
            first, end = self.whole(sub)
            passed = part_of(first, sub.start, first, end)
        what, span = ("plan", (sub.start, sub.end)) if sub.end else ("one_time", (None, None))
        return [Line(what, price.key, rest_of(price.amount, passed), *span) for price in sub.plan.flats()]

    def usage(self, sub: Subscription, at: datetime) -> list[Line]:
        """In arrears: what was used up to now; and what came late for what was billed before, by whichever
        subscription in this currency."""
        lines = []
        billed = [
            span
            for one in self.subscriptions.values()
            if one.plan.currency == sub.plan.currency
            for span in one.spans
        ]
        for span in billed:
            for price in span.prices:
                now = cost(price, self.used(price.meter, span.start, span.end), span.least[price.key])
                if now != span.billed[price.key]:
                    more = now - span.billed[price.key]
                    lines.append(Line("correction", price.key, more, span.start, span.end))
                    span.billed[price.key] = now
        if sub.start is not None and sub.end is not None and sub.status != "trialing":
            # what another subscription was billed for is not billed again
            start = max([sub.start, *(span.end for one in self.subscriptions.values() for span in one.spans)])
            whole = self.whole(sub)
            before, upto = part_of(whole[0], start, *whole), part_of(whole[0], at, *whole)
            least = {
                price.key: round(price.minimum * upto) - round(price.minimum * before)
                for price in sub.plan.metered()
            }
            span = Span(tuple(sub.plan.metered()), start, at, least)
            for price in span.prices:
                span.billed[price.key] = cost(price, self.used(price.meter, start, at), least[price.key])
                lines.append(Line("usage", price.key, span.billed[price.key], start, at))
            sub.spans.append(span)
        return lines

    def used(self, metric: str | None, start: datetime, end: datetime) -> Fraction:
        return sum(
            (use.quantity for use in self.uses if use.metric == metric and start <= use.at < end), Fraction(0)
        )

    def bill(self, sub: Subscription, why: str, lines: list[Line], at: datetime) -> None:
        """None when nothing is to pay and nothing is given back."""
        if not any(line.amount for line in lines):
            return
        bill = Bill(why, at, lines)
        if bill.subtotal < 0:
            self.money -= bill.subtotal
        bill.credit = min(self.money, bill.total)
        self.money -= bill.credit
        if bill.due == 0:
            bill.status = "paid"
        sub.bills.append(bill)

    def whole(self, sub: Subscription) -> tuple[datetime, datetime]:
        assert sub.start is not None
        assert sub.end is not None
        if sub.calendar:
            return first_of(sub.start, sub.plan.months, self.zone), sub.end
        return sub.start, sub.end


def rest_of(amount: int, passed: Fraction) -> int:
    """Of a period's price, what falls to its rest: the whole less the rounded part that has passed."""
    return amount - round(amount * passed)


def part_of(start: datetime, end: datetime, whole_start: datetime, whole_end: datetime) -> Fraction:
    one = timedelta(seconds=1)
    return Fraction((end - start) // one, (whole_end - whole_start) // one)
