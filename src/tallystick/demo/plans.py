"""The demo's plans: three tiers, each by the month and by the year, and one of every other model; their features."""

from dataclasses import dataclass
from typing import Any, Final

from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms, Tier
from tallystick.kernel.credits import MICRO

CALLS: Final = Component(
    key="calls",
    kind="per_unit",
    name="API calls",
    meter="api_calls",
    unit_price=MICRO // 2,
    free_units=1000 * MICRO,
)
STORAGE: Final = Component(
    key="storage", kind="graduated", name="Storage", meter="gigabytes",
    tiers=(
        Tier(up_to=50 * MICRO, unit_price=0),
        Tier(up_to=500 * MICRO, unit_price=12 * MICRO),
        Tier(up_to=None, unit_price=8 * MICRO),
    ),
)  # fmt: skip
MESSAGES: Final = Component(
    key="messages",
    kind="package",
    name="Messages",
    meter="messages",
    package_size=100 * MICRO,
    package_price=250,
)
SEATS: Final = Component(
    key="seats", kind="volume", name="Seats", meter="seats",
    tiers=(Tier(up_to=10 * MICRO, unit_price=900 * MICRO), Tier(up_to=None, unit_price=700 * MICRO)),
)  # fmt: skip
BANDWIDTH: Final = Component(
    key="bandwidth", kind="stairstep", name="Bandwidth", meter="bandwidth",
    tiers=(
        Tier(up_to=100 * MICRO),
        Tier(up_to=1000 * MICRO, flat=1900),
        Tier(up_to=None, flat=9900),
    ),
)  # fmt: skip
TURNOVER: Final = Component(
    key="turnover", kind="percentage", name="Turnover", meter="turnover", rate=15_000, minimum=2500
)


@dataclass(frozen=True, slots=True)
class Plan:
    """``tier`` and ``rank`` group plans that differ in their interval alone. ``told``: what a list of plans shows."""

    name: str
    rank: int
    terms: Terms
    tier: str | None = None
    description: str = ""
    told: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Level:
    """What one of the tiers gives. ``calls`` and ``scrapes`` are credits a month."""

    projects: int
    keywords: int
    competitors: int
    members: int
    days: int
    calls: int
    scrapes: int
    extras: tuple[str, ...]

    @property
    def features(self) -> dict[str, bool | int | None]:
        switches = {key: key in self.extras for key in SWITCHES}
        return switches | {
            "assistant": True,
            "api_calls": True,
            "data_scrapes": True,
            "max_projects": self.projects,
            "max_keywords_per_project": self.keywords,
            "max_competitors_per_project": self.competitors,
            "max_team_members": self.members,
            "historical_data_days": self.days,
        }


SWITCHES: Final = ("api_access", "priority_support", "advanced_analytics", "sso")
STARTER: Final = Level(3, 50, 5, 3, 30, 1000, 1000, ())
PROFESSIONAL: Final = Level(10, 200, 25, 10, 90, 5000, 5000, SWITCHES[:3])
ENTERPRISE: Final = Level(50, 1000, 100, 50, 365, 25_000, 25_000, SWITCHES)


def _base(minor: int) -> Component:
    return Component(key="base", kind="flat", name="Base", amount=minor)


def _credits(amount: int, credit_type: str = "credits", **fields: Any) -> Allowance:
    return Allowance(credit_type=credit_type, amount=amount * MICRO, **fields)


def _tier(interval: Any, level: Level, components: Any, credits: Allowance, **fields: Any) -> Terms:
    allowances = (credits, _credits(level.calls, "api_calls"), _credits(level.scrapes, "data_scrapes"))
    return Terms(
        interval=interval,
        currency="USD",
        components=components,
        allowances=allowances,
        features=level.features,
        **fields,
    )


def _other(interval: Any, components: Any, allowances: Any, projects: int) -> Terms:
    return Terms(
        interval=interval,
        currency="USD",
        components=components,
        allowances=allowances,
        features={"assistant": True, "max_projects": projects},
    )


_UP_TO: Final = Rollover(mode="up_to", limit=500 * MICRO, periods=3)
_ALL: Final = Rollover(mode="all")
_BASIC: Final = ("STARTER", "To begin with", ("30-day history",))
_GROWING: Final = (
    "PROFESSIONAL",
    "Perfect for growing teams",
    ("90-day history", "Priority support", "Advanced analytics"),
)
_WHOLE: Final = (
    "ENTERPRISE",
    "For those who watch a whole market",
    ("365-day history", "Priority support", "Advanced analytics", "Single sign-on"),
)
_SCALE: Final = (MESSAGES, BANDWIDTH, TURNOVER)
_IMAGES: Final = {"images": "clustering"}
PLANS: Final[dict[str, Plan]] = {
    "starter": Plan("Starter", 1, _tier("monthly", STARTER, (_base(1900),), _credits(200)), *_BASIC),
    "starter-yearly": Plan(
        "Starter", 1, _tier("yearly", STARTER, (_base(19_000),), _credits(200)), *_BASIC
    ),
    "professional": Plan(
        "Professional", 2,
        _tier(
            "monthly", PROFESSIONAL, (_base(14_900), CALLS, STORAGE), _credits(1000, rollover=_UP_TO), trial_days=14
        ),
        *_GROWING,
    ),
    "professional-yearly": Plan(
        "Professional", 2,
        _tier("yearly", PROFESSIONAL, (_base(149_000), CALLS, STORAGE), _credits(1000, rollover=_ALL)),
        *_GROWING,
    ),
    "enterprise": Plan(
        "Enterprise", 3,
        _tier("monthly", ENTERPRISE, (_base(49_900), *_SCALE), _credits(5000), debits=_IMAGES),
        *_WHOLE,
    ),
    "enterprise-yearly": Plan(
        "Enterprise", 3,
        _tier("yearly", ENTERPRISE, (_base(499_000), *_SCALE), _credits(5000), debits=_IMAGES),
        *_WHOLE,
    ),
    "payg": Plan("Pay as you go", 1, _other("monthly", (CALLS, MESSAGES), (), 5)),
    "team": Plan("Team", 2, _other("quarterly", (SEATS, BANDWIDTH), (_credits(1500),), 25)),
    "setup": Plan(
        "Onboarding", 1,
        Terms(
            interval="one_time", currency="USD", components=(_base(25_000),),
            allowances=(_credits(250, reset="never"),),
        ),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feature:
    name: str
    type: Any
    description: str
    category: str = "WORKSPACE"
    unit: str = ""
    credit_type: str | None = None


FEATURES: Final[dict[str, Feature]] = {
    "max_projects": Feature(
        "Maximum Projects", "HARD_LIMIT", "Number of projects that can be created", unit="projects"
    ),
    "max_keywords_per_project": Feature(
        "Keywords per Project", "HARD_LIMIT", "Number of keywords that a project can track", unit="keywords"
    ),
    "max_competitors_per_project": Feature(
        "Competitors per Project", "HARD_LIMIT", "Number of apps that a project can compare with", unit="apps"
    ),
    "max_team_members": Feature(
        "Team Members", "HARD_LIMIT", "Number of people in the workspace", unit="people"
    ),
    "historical_data_days": Feature(
        "Historical Data", "HARD_LIMIT", "How far back the history of an app goes", unit="days"
    ),
    "api_access": Feature("API access", "BOOLEAN", "Asking by API key", "API"),
    "priority_support": Feature("Priority support", "BOOLEAN", "An answer within four hours"),
    "advanced_analytics": Feature("Advanced analytics", "BOOLEAN", "Comparisons and forecasts"),
    "sso": Feature("Single sign-on", "BOOLEAN", "Signing in with one's own directory"),
    "api_calls": Feature(
        "API Calls", "CREDIT_BASED", "Monthly API call credits", "API", "calls", "api_calls"
    ),
    "data_scrapes": Feature(
        "Data Scrapes",
        "CREDIT_BASED",
        "Monthly credits for data of the app stores",
        "API",
        "scrapes",
        "data_scrapes",
    ),
    "assistant": Feature(
        "Assistant", "CREDIT_BASED", "What the assistant does", "WORKSPACE", "credits", "credits"
    ),
}
CREDIT_TYPES: Final = {"api_calls": "API Calls", "data_scrapes": "Data Scrapes"}
"""Beside the one that every tenant begins with."""
