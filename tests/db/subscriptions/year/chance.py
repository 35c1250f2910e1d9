"""Stories that dice tell: what a person does next is drawn from what, by the model, they can do."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from .customer import UNENDED, Subscription
from .life import Customer
from .plans import Plan
from .story import (
    BEGIN,
    END,
    EVERYTHING,
    FLAT,
    HYBRID,
    KIRITIMATI,
    KOLKATA,
    NEW_YORK,
    NIUE,
    QUARTERLY,
    RATES,
    YEARLY,
    Story,
)

SOLD: Final = (FLAT, HYBRID, EVERYTHING, QUARTERLY, YEARLY)
METRICS: Final = ("calls", "gigabytes", "messages", "turnover", "images")
ZONES: Final = (NIUE, KIRITIMATI, NEW_YORK, KOLKATA)
DAY: Final = timedelta(days=1)


def drawn(seed: int, people: int, *, end: datetime = END) -> Story:
    """The same story for a seed, every time."""
    story = Story()
    for n in range(people):
        dice = random.Random(f"{seed}-{n}")
        name = f"{seed}-{n}"
        story.person(name, dice.choice(ZONES), dice.choice([0, 0, 30_000, 1_000_000]))
        _Life(story, name, dice).draw(end)
    return story


class _Life:
    """One person's year, told to the model as it is drawn."""

    def __init__(self, story: Story, name: str, dice: random.Random) -> None:
        self.story = story
        self.name = name
        self.dice = dice
        self.person = Customer(story.people[name], RATES)
        self.person.money = story.money[name]
        self.now = BEGIN + timedelta(seconds=dice.randint(1, 40 * 86_400))
        self.sub: Subscription | None = None
        self.promised: datetime | None = None
        """When they mean to pay what is open."""

    def draw(self, end: datetime) -> None:
        while self.now < end:
            self.person.live_until(self.now)
            self._act()
            self._promise()
            pause = timedelta(seconds=int(self.dice.expovariate(1 / (9 * 86_400))) + 1)
            self.now += (
                min(pause, max(timedelta(seconds=1), self.promised - self.now)) if self.promised else pause
            )

    def _act(self) -> None:
        sub = self.sub
        if sub is None or sub.status not in UNENDED:
            self._subscribe()
            return
        if self.promised is not None and self.now >= self.promised:
            self.promised = None
            if any(bill.status == "open" for bill in sub.bills) and sub.status != "paused":
                self._do("pay", name=sub.name)
            return
        self.dice.choice(self._possible(sub))()

    def _possible(self, sub: Subscription) -> list[Callable[[], None]]:
        cancel_now, cancel_then, keep, change, keep_plan, pause, resume = (
            lambda: self._do("cancel", name=sub.name, at_end=False),
            lambda: self._do("cancel", name=sub.name, at_end=True),
            lambda: self._do("keep", name=sub.name),
            self._change,
            lambda: self._do("keep_plan", name=sub.name),
            lambda: self._do("pause", name=sub.name, resume_at=self._some_time()),
            lambda: self._do("resume", name=sub.name),
        )
        everyday = [self._use] * 8 + [self._spend] * 5
        match sub.status:
            case "active" if not self._owes(sub):
                acts = [*everyday, change, change, pause]
                if sub.cancel_at_end:
                    return [*everyday, keep, keep]
                if sub.next_plan is not None:
                    return [*everyday, keep_plan, keep_plan, change]
                return [*acts, cancel_then, cancel_now]
            case "trialing":
                return [*everyday, cancel_now] + ([keep] if sub.cancel_at_end else [cancel_then])
            case "active" | "past_due":
                return everyday
            case "paused":
                return [resume, self._spend, self._spend]
        return [self._spend]

    def _owes(self, sub: Subscription) -> bool:
        return any(bill.status == "open" for bill in sub.bills)

    def _subscribe(self) -> None:
        number = len(self.person.subscriptions) + 1
        args: dict[str, Any] = {"name": f"s{number}", "plan": self.dice.choice(SOLD)}
        if number > 1:
            args["trial"] = False
        elif self.dice.random() < 0.3:
            args["start"] = self.now - timedelta(seconds=self.dice.randint(1, 400 * 86_400))
            args["trial"] = False
        elif self.dice.random() < 0.3:
            args["calendar"] = True
            args["trial"] = False
        self._do("subscribe", **args)
        self.sub = self.person.subscriptions[args["name"]]

    def _change(self) -> None:
        assert self.sub is not None
        sub = self.sub
        others: list[Plan] = [plan for plan in SOLD if plan.key != sub.plan.key]
        self._do("change", name=sub.name, plan=self.dice.choice(others))

    def _use(self) -> None:
        assert self.sub is not None
        metric = self.dice.choice(METRICS)
        quantity = Fraction(self.dice.randint(1, 400_000_000), 1_000_000)
        late = self.now - timedelta(seconds=self.dice.randint(1, 33 * 86_400))
        args: dict[str, Any] = {}
        if self.dice.random() < 0.3 and late > self.sub.begun:
            args["used_at"] = late
        if metric == "images":
            quantity = Fraction(self.dice.randint(1, 300))
        self._do("use", metric=metric, quantity=quantity, **args)

    def _spend(self) -> None:
        amount = Fraction(self.dice.randint(1, 900_000_000), 1_000_000)
        self._do("spend", credit=self.dice.choice(["credits", "credits", "boosts"]), amount=amount)

    def _some_time(self) -> datetime | None:
        if self.dice.random() < 0.3:
            return None
        return self.now + timedelta(seconds=self.dice.randint(3600, 70 * 86_400))

    def _promise(self) -> None:
        """They pay most bills in time, some late, some never."""
        sub = self.sub
        if self.promised is None and sub is not None and self._owes(sub):
            seconds = self.dice.choice(
                [self.dice.randint(60, 80_000)] * 6 + [self.dice.randint(90_000, 40 * 86_400)]
            )
            self.promised = self.now + timedelta(seconds=seconds)

    def _do(self, what: str, **args: Any) -> None:
        self.story.act(self.now, self.name, what, **args)
        getattr(self.person, what)(at=self.now, **args)
