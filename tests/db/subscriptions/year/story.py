"""A year of a small company: what it sells, who buys, and what they do. All moments are whole seconds."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, Final

from .life import Customer
from .plans import Allowance, Plan, Price, Tier

BEGIN: Final = datetime(2027, 2, 27, 12, 0, tzinfo=UTC)
END: Final = datetime(2028, 3, 5, 12, 0, tzinfo=UTC)
"""A year and a week, with a leap day, and both changes of a daylight saving time."""

RATES: Final = {"image": ("credits", Fraction(5, 2)), "sms": ("credits", Fraction("0.333333"))}


@dataclass(frozen=True)
class Act:
    """Something that ``who`` does: a method of `Customer` and of the driver, with what it is given."""

    at: datetime
    who: str
    do: str
    args: dict[str, Any] = field(default_factory=dict)


@dataclass
class Story:
    """``people``: name -> time zone. ``money``: what they paid before, in minor units of their ``currency``."""

    people: dict[str, str] = field(default_factory=dict)
    money: dict[str, int] = field(default_factory=dict)
    currency: dict[str, str] = field(default_factory=dict)
    acts: list[Act] = field(default_factory=list)

    def person(self, name: str, zone: str, money: int = 0, currency: str = "USD") -> None:
        self.people[name], self.money[name], self.currency[name] = zone, money, currency

    def act(self, at: datetime, who: str, do: str, **args: Any) -> None:
        self.acts.append(Act(at, who, do, args))

    def in_order(self) -> list[Act]:
        return sorted(self.acts, key=lambda act: act.at)


def told(story: Story, end: datetime = END) -> dict[str, Customer]:
    """How it ends by the model."""
    people = {name: Customer(zone, RATES) for name, zone in story.people.items()}
    for name, minor in story.money.items():
        people[name].money = minor
    for act in story.in_order():
        person = people[act.who]
        person.live_until(act.at)
        getattr(person, act.do)(at=act.at, **act.args)
    for person in people.values():
        person.live_until(end)
    return people


def each(text: str) -> Fraction:
    """A price of a unit in minor units, such as ``"0.5"``."""
    return Fraction(text)


STEPS: Final = (Tier(100, each("3")), Tier(1000, each("1.25"), 50), Tier(None, each("0.333333")))

STAIRS: Final = (Tier(10), Tier(100, flat=700), Tier(None, flat=2500))

FLAT: Final = Plan(
    key="flat", rank=1, prices=(Price(key="base", kind="flat", amount=1999),),
    allowances={"credits": Allowance(1000)},
)  # fmt: skip
HYBRID: Final = Plan(
    key="hybrid", rank=2,
    prices=(
        Price(key="base", kind="flat", amount=4999),
        Price(key="calls", kind="per_unit", meter="calls", each=each("0.1"), free=100),
        Price(key="storage", kind="graduated", meter="gigabytes", tiers=STEPS),
    ),
    allowances={
        "credits": Allowance(2500, rollover=800),
        "boosts": Allowance(10, rollover="all", times=2),
    },
)  # fmt: skip
EVERYTHING: Final = Plan(
    key="everything", rank=3, trial_days=14,
    prices=(
        Price(key="base", kind="flat", amount=9900),
        Price(key="seats", kind="flat", amount=333),
        Price(key="calls", kind="volume", meter="calls", tiers=STEPS),
        Price(key="storage", kind="stairstep", meter="gigabytes", tiers=STAIRS),
        Price(key="messages", kind="package", meter="messages", size=250, package=1300, free=50),
        Price(key="turnover", kind="percentage", meter="turnover", rate=Fraction(29, 1000), minimum=500),
    ),
    allowances={"credits": Allowance(5000), "boosts": Allowance(3)},
    debits={"images": "image"},
)  # fmt: skip
QUARTERLY: Final = Plan(
    key="quarterly", months=3, rank=2, prices=(Price(key="base", kind="flat", amount=13500), *HYBRID.prices[1:]),
    allowances=HYBRID.allowances,
)  # fmt: skip
YEARLY: Final = Plan(
    key="yearly", months=12, rank=3, prices=(Price(key="base", kind="flat", amount=99000), *EVERYTHING.prices[2:]),
    allowances={"credits": Allowance(5000, rollover="all", times=1), "boosts": Allowance(3, rollover=4)},
)  # fmt: skip
WEEKLY: Final = replace(
    HYBRID, key="weekly", allowances={"boosts": Allowance(10, "weekly", rollover="all", times=2)}
)
QUARTERLY_WEEKLY: Final = replace(WEEKLY, key="quarterly-weekly", months=3)
DAILY: Final = replace(EVERYTHING, key="daily", allowances={"boosts": Allowance(3, "daily", rollover=1)})
ONCE: Final = Plan(
    key="once", months=0, rank=1, prices=(Price(key="fee", kind="flat", amount=25000),),
    allowances={"credits": Allowance(777, "never")},
)  # fmt: skip
YEN: Final = Plan(
    key="yen", rank=1, currency="JPY",
    prices=(
        Price(key="base", kind="flat", amount=1500),
        Price(key="calls", kind="graduated", meter="calls", tiers=STEPS, minimum=120),
    ),
    allowances={"credits": Allowance(100, "never")},
)  # fmt: skip
PLANS: Final = (FLAT, HYBRID, EVERYTHING, WEEKLY, QUARTERLY_WEEKLY, DAILY, QUARTERLY, YEARLY, ONCE, YEN)

NIUE, KIRITIMATI, NEW_YORK, KOLKATA = "Pacific/Niue", "Pacific/Kiritimati", "America/New_York", "Asia/Kolkata"
PLENTY: Final = 10_000_000


def quiet() -> Story:
    """People who do all they will ever do in the first hours: the clock may then run in any steps."""
    story = Story()
    anchors = [(2027, 1, 29), (2027, 1, 30), (2027, 1, 31), (2026, 12, 31), (2024, 2, 29)]
    zones = (NIUE, KIRITIMATI, NEW_YORK, KOLKATA)
    for n, (zone, anchor) in enumerate((zone, anchor) for zone in zones for anchor in anchors):
        name = f"{zone.split('/')[1]} {'-'.join(map(str, anchor))}"
        story.person(name, zone, PLENTY if n % 3 else 9000)
        at = BEGIN + timedelta(minutes=n)
        plan = (FLAT, HYBRID, QUARTERLY, YEARLY)[n % 4]
        start = datetime(*anchor, (11 * n) % 24, 30, 15, tzinfo=UTC)
        story.act(at, name, "subscribe", name="s", plan=plan, start=start, trial=False)
        story.act(at + timedelta(seconds=5), name, "use", metric="calls", quantity=Fraction(100 * n + 1, 2))
        story.act(at + timedelta(seconds=6), name, "use", metric="gigabytes", quantity=Fraction(50 * n))
        story.act(
            at + timedelta(seconds=9), name, "spend", credit="credits", amount=Fraction(f"{10 * n}.123457")
        )
    special = [
        ("in the hour that is skipped", NEW_YORK, datetime(2027, 1, 14, 7, 30, tzinfo=UTC), HYBRID),
        ("in the hour that is twice", NEW_YORK, datetime(2027, 2, 7, 6, 30, tzinfo=UTC), HYBRID),
    ]
    for n, (name, zone, start, plan) in enumerate(special):
        story.person(name, zone, PLENTY)
        story.act(
            BEGIN + timedelta(minutes=30 + n),
            name,
            "subscribe",
            name="s",
            plan=plan,
            start=start,
            trial=False,
        )
    later = BEGIN + timedelta(hours=1)
    story.person("tries", KOLKATA, PLENTY)
    story.act(later, "tries", "subscribe", name="s", plan=EVERYTHING)
    story.person("by the week", NEW_YORK, PLENTY)
    story.act(
        later,
        "by the week",
        "subscribe",
        name="s",
        plan=WEEKLY,
        start=datetime(2027, 9, 5, 5, 30, tzinfo=UTC),
    )
    story.person("by the day", NIUE, PLENTY)
    story.act(
        later, "by the day", "subscribe", name="s", plan=DAILY, start=datetime(2028, 1, 31, 20, tzinfo=UTC)
    )
    story.person("tries and cannot pay", NIUE)
    story.act(later + timedelta(seconds=1), "tries and cannot pay", "subscribe", name="s", plan=EVERYTHING)
    story.person("never pays", KIRITIMATI)
    story.act(later + timedelta(seconds=2), "never pays", "subscribe", name="s", plan=HYBRID)
    story.person("once", NEW_YORK, PLENTY)
    story.act(later + timedelta(seconds=3), "once", "subscribe", name="s", plan=ONCE)
    story.person("in the future", KIRITIMATI, PLENTY)
    story.act(
        later + timedelta(seconds=4),
        "in the future",
        "subscribe",
        name="s",
        plan=FLAT,
        start=datetime(2027, 8, 31, 5, tzinfo=UTC),
    )
    story.person("in yen", KOLKATA, PLENTY, "JPY")
    story.act(later + timedelta(seconds=7), "in yen", "subscribe", name="s", plan=YEN)
    story.act(later + timedelta(seconds=8), "in yen", "use", metric="calls", quantity=Fraction("1000.5"))
    for n, (name, zone) in enumerate((("the first", KIRITIMATI), ("the first of a quarter", NEW_YORK))):
        story.person(name, zone, PLENTY)
        plan = QUARTERLY if n else HYBRID
        story.act(later + timedelta(seconds=5 + n), name, "subscribe", name="s", plan=plan, calendar=True)
    deeds: list[tuple[str, str, dict[str, Any]]] = [
        ("goes down", "change", {"plan": FLAT}),
        ("pays by the quarter", "change", {"plan": QUARTERLY}),
        ("goes up", "change", {"plan": EVERYTHING}),
        ("goes up a year", "change", {"plan": YEARLY}),
        ("leaves", "cancel", {"at_end": True}),
        ("leaves now", "cancel", {"at_end": False}),
        ("rests a week", "pause", {"resume_at": BEGIN + timedelta(days=7)}),
        ("rests long", "pause", {"resume_at": BEGIN + timedelta(days=100, seconds=77)}),
    ]
    for n, (name, do, args) in enumerate(deeds):
        story.person(name, (NIUE, NEW_YORK, KOLKATA, KIRITIMATI)[n % 4], PLENTY)
        at = later + timedelta(minutes=n + 1)
        story.act(at, name, "subscribe", name="s", plan=HYBRID)
        story.act(at + timedelta(seconds=10), name, "use", metric="gigabytes", quantity=Fraction(777))
        story.act(at + timedelta(hours=3), name, do, name="s", **args)
    return story
