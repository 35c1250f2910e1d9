"""What the demo's company sells: plans and packages; what operations cost, and who it is."""

from collections.abc import Awaitable
from typing import Final, TypeVar

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog import views as catalog_views
from tallystick.domain.catalog.model import Rate
from tallystick.domain.invoicing import settings as billing
from tallystick.domain.invoicing import views as invoicing_views
from tallystick.domain.invoicing.model import Seller, Settings
from tallystick.domain.metering import actions as metering
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import NotFound

from .plans import CREDIT_TYPES, FEATURES, PLANS
from .scene import BY, Scene

T = TypeVar("T")

RATES: Final = {"clustering": 10, "sms": 2, "voice": 5, "embedding": 1}
GRACE: Final = 7 * 86_400  # seconds
METERS: Final = ("api_calls", "gigabytes", "messages", "seats", "bandwidth", "turnover", "images")


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
        for code, name in CREDIT_TYPES.items():
            await catalog.put_credit_type(tx, scene.tenant, code=code, name=name, by=BY)
        for key, one in FEATURES.items():
            if await _missing(catalog_views.feature(tx, scene.tenant, key)):
                await catalog.create_feature(
                    tx, scene.tenant, key=key, name=one.name, type=one.type, description=one.description,
                    category=one.category, unit=one.unit, credit_type=one.credit_type, by=BY,
                )  # fmt: skip
        for key, (name, credits, bonus, price, days, said) in PACKAGES.items():
            if await _missing(catalog_views.package_by_key(tx, scene.tenant, key)):
                await catalog.create_package(
                    tx, scene.tenant, key=key, name=name, credit_type="credits", credits=credits * MICRO,
                    bonus=bonus * MICRO, price=price, currency="USD", expires_after_days=days, description=said, by=BY,
                )  # fmt: skip
        for key, plan in PLANS.items():
            if await _missing(catalog_views.plan_by_key(tx, scene.tenant, key)):
                await catalog.create_plan(
                    tx, scene.tenant, key=key, name=plan.name, description=plan.description, tier=plan.tier,
                    rank=plan.rank, terms=plan.terms, metadata={"features": list(plan.told)} if plan.told else None,
                    by=BY,
                )  # fmt: skip
            scene.plans[key] = (await catalog_views.plan_by_key(tx, scene.tenant, key)).id


async def _missing(found: Awaitable[T]) -> bool:
    try:
        await found
    except NotFound:
        return True
    return False
