"""What the demo's company sells: a plan of every model, features, packages, and what operations cost."""

from collections.abc import Awaitable
from typing import Any, Final, TypeVar

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog import views as catalog_views
from tallystick.domain.catalog.model import Rate
from tallystick.domain.catalog.terms import Allowance, Component, Rollover, Terms, Tier
from tallystick.domain.invoicing import settings as billing
from tallystick.domain.invoicing import views as invoicing_views
from tallystick.domain.invoicing.model import Seller, Settings
from tallystick.domain.metering import actions as metering
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import NotFound

from .scene import BY, Scene

T = TypeVar("T")

RATES: Final = {"clustering": 10, "sms": 2, "voice": 5, "embedding": 1}

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
GRACE: Final = 7 * 86_400  # seconds
METERS: Final = ("api_calls", "gigabytes", "messages", "seats", "bandwidth", "turnover", "images")


def _base(minor: int) -> Component:
    return Component(key="base", kind="flat", name="Base", amount=minor)


def _credits(amount: int, **fields: Any) -> Allowance:
    return Allowance(credit_type="credits", amount=amount * MICRO, **fields)


def _terms(interval: Any, components: Any, allowances: Any, seats: int | None, **fields: Any) -> Terms:
    features = {"sso": seats is None, "projects": seats, "assistant": True}
    return Terms(
        interval=interval,
        currency="USD",
        components=components,
        allowances=allowances,
        features=features,
        **fields,
    )


_UP_TO: Final = Rollover(mode="up_to", limit=500 * MICRO, periods=3)
PLANS: Final[dict[str, tuple[str, str, int, Terms]]] = {
    "starter": ("Starter", "starter", 1, _terms("monthly", (_base(1900),), (_credits(200),), 3)),
    "payg": ("Pay as you go", "payg", 1, _terms("monthly", (CALLS, MESSAGES), (), 5)),
    "growth": (
        "Growth", "growth", 2,
        _terms("monthly", (_base(4900), CALLS, STORAGE), (_credits(1000, rollover=_UP_TO),), 20, trial_days=14),
    ),
    "growth-yearly": (
        "Growth, yearly", "growth", 2,
        _terms("yearly", (_base(49_000), CALLS, STORAGE), (_credits(1000, rollover=Rollover(mode="all")),), 20),
    ),
    "team": ("Team", "team", 3, _terms("quarterly", (SEATS, BANDWIDTH), (_credits(1500),), 50)),
    "scale": (
        "Scale", "scale", 4,
        _terms(
            "monthly", (_base(19_900), MESSAGES, BANDWIDTH, TURNOVER), (_credits(5000),), None,
            debits={"images": "clustering"},
        ),
    ),
    "setup": (
        "Onboarding", "setup", 1,
        Terms(
            interval="one_time", currency="USD", components=(_base(25_000),),
            allowances=(_credits(250, reset="never"),),
        ),
    ),
}  # fmt: skip
"""Key -> name, tier, rank, terms."""

FEATURES: Final[dict[str, tuple[str, Any, str | None]]] = {
    "sso": ("Single sign-on", "BOOLEAN", None),
    "projects": ("Projects", "HARD_LIMIT", None),
    "assistant": ("Assistant", "CREDIT_BASED", "credits"),
}
PACKAGES: Final = {
    "pack-small": ("500 credits", 500, 0, 900, None, "To begin with"),
    "pack-medium": ("1,000 credits", 1000, 0, 2500, None, "Perfect for small practices"),
    "pack-large": ("5,000 credits", 5000, 500, 7900, 365, "500 more of them for nothing, for a year"),
}
"""Key -> name, credits, bonus, price, days until it expires, description."""


async def open_shop(scene: Scene) -> None:
    """Make what is not there yet; the scene then knows the plans."""
    async with scene.db.tx() as tx:
        rates = [Rate(name, "credits", cost * MICRO) for name, cost in RATES.items()]
        await catalog.put_rate_card(tx, scene.tenant, rates=rates, by=BY)
        for metric in METERS:
            await metering.ensure_meter(tx, scene.tenant, metric, by=BY)
        if not (await invoicing_views.settings(tx, scene.tenant)).seller.name:
            seller = Seller(
                name="Demo Company Ltd", address=("1 Harbour Street", "Kampala"), email="billing@demo.example",
                tax_id="UG1000123456",
            )  # fmt: skip
            await billing.put_settings(tx, scene.tenant, Settings(seller=seller, grace_seconds=GRACE), by=BY)
        for key, (name, kind, credit_type) in FEATURES.items():
            if await _missing(catalog_views.feature(tx, scene.tenant, key)):
                await catalog.create_feature(
                    tx, scene.tenant, key=key, name=name, type=kind, credit_type=credit_type, by=BY
                )
        for key, (name, credits, bonus, price, days, said) in PACKAGES.items():
            if await _missing(catalog_views.package_by_key(tx, scene.tenant, key)):
                await catalog.create_package(
                    tx, scene.tenant, key=key, name=name, credit_type="credits", credits=credits * MICRO,
                    bonus=bonus * MICRO, price=price, currency="USD", expires_after_days=days, description=said, by=BY,
                )  # fmt: skip
        for key, (name, tier, rank, terms) in PLANS.items():
            if await _missing(catalog_views.plan_by_key(tx, scene.tenant, key)):
                await catalog.create_plan(
                    tx, scene.tenant, key=key, name=name, tier=tier, rank=rank, terms=terms, by=BY
                )
            scene.plans[key] = (await catalog_views.plan_by_key(tx, scene.tenant, key)).id


async def _missing(found: Awaitable[T]) -> bool:
    try:
        await found
    except NotFound:
        return True
    return False
