"""Customers who pay by card: one whose card is good, and those whose card declines when it is charged again.

They take their plan on a page of the sandbox. From then on their invoices are charged by themselves.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tallystick.domain.identity import actions, views
from tallystick.domain.payments import methods
from tallystick.domain.payments import views as payments
from tallystick.domain.payments.checkouts import ForMethod, ForPlan
from tallystick.kernel.errors import NotFound

from .people import MONTHS
from .scene import BY, Scene
from .tills import paid

GOOD: Final = "4242"
DECLINES_LATER: Final = "0341"
MENDS: Final = timedelta(days=2)
"""How long after its declined renewal a customer brings another card."""


@dataclass(frozen=True, slots=True)
class Payer:
    """``joins`` is a month of the year, None: without a plan."""

    key: str
    name: str
    card: str
    joins: int | None


CHARGED: Final = Payer("demo-charged", "Cyberdyne", GOOD, MONTHS - 4)
LOST: Final = Payer("demo-lost", "Vandelay", DECLINES_LATER, MONTHS - 2)
"""Charged again for a week in vain, and past due since."""
MENDED: Final = Payer("demo-mended", "Initrode", DECLINES_LATER, MONTHS - 2)
RETRIED: Final = Payer("demo-retried", "Massive Dynamic", DECLINES_LATER, MONTHS - 1)
"""Declined at the year's end, and to be charged again in the days to come."""
STOPPED: Final = Payer("demo-stopped", "Oscorp", DECLINES_LATER, None)
"""Their automatic purchase was declined."""
CAST: Final = (CHARGED, LOST, MENDED, RETRIED, STOPPED)


async def take_plans(scene: Scene, month: int) -> None:
    """Who joins in this month pays for the plan on a page, and has the card kept."""
    for payer in CAST:
        if payer.joins == month:
            plan = ForPlan(scene.plans["starter"])
            await paid(
                scene, await account_of(scene, payer), plan, f"{payer.key}:plan", payer.card, keep=True
            )


async def mend(scene: Scene) -> None:
    """A customer whose card was declined saves another, which is charged at once."""
    account = await account_of(scene, MENDED)
    await paid(scene, account, ForMethod(), f"{MENDED.key}:card", GOOD, keep=True)
    async with scene.db.tx() as tx:
        [other] = [row for row in await payments.methods(tx, scene.tenant, account) if row.last4 == GOOD]
        await methods.make_standard(tx, scene.tenant, account, other.id, by=BY)
    await scene.tick()


async def account_of(scene: Scene, payer: Payer) -> int:
    async with scene.db.tx() as tx:
        try:
            return await views.resolve(tx, scene.tenant, f"ext:{payer.key}")
        except NotFound:
            made = await actions.create_account(
                tx, scene.tenant, external_id=payer.key, name=payer.name, email=f"billing@{payer.key}.example",
                kind="business", currency="USD", time_zone="UTC", metadata={"demo": True},
            )  # fmt: skip
            return made.account_id
