"""Who the demo's customers are, and what they will do; the same every time."""

import random
from dataclasses import dataclass, field
from typing import Final

from tallystick.domain.identity import actions, views
from tallystick.kernel.errors import NotFound

from .scene import Scene

CUSTOMERS: Final = 200
FEWEST: Final = 24
"""With fewer not everything would occur."""
MOST: Final = 2000
MONTHS: Final = 12
LATECOMERS: Final = 6
"""So many join when the year is over: on trial, or with a first invoice that is not paid yet."""
_NAMES: Final = "Acme Globex Initech Umbrella Hooli Stark Wayne Tyrell Wonka Soylent".split()
_ZONES: Final = (
    "Africa/Kampala", "UTC", "America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Kiritimati", "Pacific/Niue",
)  # fmt: skip
_PLANS: Final = {
    "starter": 20,
    "payg": 12,
    "professional": 24,
    "professional-yearly": 16,
    "team": 16,
    "enterprise": 12,
}
_FATES: Final = {"": 50, "upgrade": 14, "downgrade": 8, "cancel": 6, "leave": 8, "pause": 6, "lapse": 8}


@dataclass(slots=True)
class Person:
    """A customer who subscribes in the month ``joins``; ``acts`` says what they do in later ones.

    ``lapses`` is the month from which they pay no more.
    """

    n: int
    account: int
    plan: str
    joins: int
    acts: dict[int, str] = field(default_factory=dict)
    lapses: int = MONTHS + 1

    @property
    def dice(self) -> random.Random:
        return random.Random(self.n)  # noqa: S311 - the same story every time


async def meet(scene: Scene, customers: int) -> list[Person]:
    """So many customers, made where they are not there yet. The first has some of everything."""
    return [_drawn(n, await account_of(scene, n), customers) for n in range(customers)]


def _drawn(n: int, account: int, customers: int) -> Person:
    dice = random.Random(n)  # noqa: S311 - the same story every time
    plan = dice.choices(list(_PLANS), list(_PLANS.values()))[0]
    person = Person(n, account, plan, 0 if n < 20 else dice.randrange(MONTHS))
    if n >= customers - LATECOMERS:
        return Person(n, account, "professional" if n % 2 else "starter", MONTHS)
    if n == 0:
        person.plan, person.acts = "professional", {4: "upgrade", 9: "downgrade"}
    elif n == 4:
        person.acts = {MONTHS - 1: "pause"}
    elif person.joins < MONTHS - 1:
        fate = dice.choices(list(_FATES), list(_FATES.values()))[0]
        month = dice.randint(person.joins + 1, MONTHS - 1)
        if fate == "lapse":
            person.lapses = month
        elif fate:
            person.acts[month] = fate
        if fate == "pause" and month + 2 < MONTHS:
            person.acts[month + 2] = "resume"
    return person


async def account_of(scene: Scene, n: int) -> int:
    """The customer of this number, made where it is not there yet."""
    name = f"{_NAMES[n % len(_NAMES)]} {n // len(_NAMES) + 1}"
    async with scene.db.tx() as tx:
        try:
            return await views.resolve(tx, scene.tenant, f"ext:demo-{n + 1}")
        except NotFound:
            made = await actions.create_account(
                tx, scene.tenant, external_id=f"demo-{n + 1}", name=name, email=f"billing@demo-{n + 1}.example",
                kind="business", currency="USD", time_zone=_ZONES[n % len(_ZONES)], metadata={"demo": True},
            )  # fmt: skip
            return made.account_id
