"""Twelve months on the test clock, month by month: who joins, what is used, changed, invoiced and paid.

Nearly everybody's periods begin at the same moment of a month, so that a look shortly after it, and one after the
trials, finds all new invoices within their grace. A run that was stopped goes on with the month it was in.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.invoicing import views as invoicing
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.metering.model import NewEvent
from tallystick.domain.payments import settling
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.domain.subscriptions import views
from tallystick.kernel.calendar import boundary
from tallystick.kernel.clock import iso, parse_moment
from tallystick.kernel.credits import MICRO
from tallystick.kernel.errors import Conflict

from . import hooks
from .cards import MENDS, mend, take_plans
from .credits import spend
from .money import buy, run_low, wait
from .papers import papers
from .people import CUSTOMERS, MONTHS, Person
from .scene import BY, LATER, Scene
from .tracking import track

TRIAL: Final = timedelta(days=14)
SPREAD: Final = timedelta(days=4)
"""Those who began with a trial renew so many days around its end's day: months are not equally long."""
AT_ONCE: Final = 4
"""So many payments at a time."""
_USED: Final = {
    "starter": (),
    "payg": ("api_calls", "messages"),
    "professional": ("api_calls", "gigabytes"),
    "professional-yearly": ("api_calls", "gigabytes"),
    "team": ("seats", "bandwidth"),
    "enterprise": ("messages", "bandwidth", "turnover", "images"),
}
_UP: Final = {
    "starter": "professional",
    "payg": "professional",
    "professional": "enterprise",
    "professional-yearly": "enterprise",
    "team": "enterprise",
}
_DOWN: Final = {
    "enterprise": "professional",
    "team": "professional",
    "professional": "starter",
    "professional-yearly": "professional",
}


@dataclass(slots=True)
class Year:
    """When it began, with how many customers, and how many months of it are done."""

    began: datetime
    customers: int
    months: int = 0


async def began(scene: Scene, first: int, customers: int) -> Year:
    """The year as it is kept with the first customer; it begins now, with so many, where none is."""
    async with scene.db.connection() as conn:
        row = await identities.account(conn, scene.tenant, first)
    kept = row.metadata.get("demo")
    if isinstance(kept, dict):
        return Year(parse_moment(kept["began"]), int(kept.get("customers", CUSTOMERS)), int(kept["months"]))
    year = Year((await scene.now()).replace(microsecond=0), customers)
    await _note(scene, first, year)
    return year


async def live(scene: Scene, people: list[Person], year: Year) -> None:
    """Let the year pass, or what is left of it."""
    for month in range(year.months, MONTHS):
        start = boundary(year.began, "monthly", month, "UTC")
        await scene.until(start)
        for person in people:
            await _month(scene, person, month, start)
        await take_plans(scene, month)
        await settle(scene, people, month)
        await _use(scene, people, month)
        await spend(scene, people, month)
        if month == MONTHS - 1:
            await scene.until(start + MENDS)
            await mend(scene)
        await scene.until(start + TRIAL + SPREAD)
        await settle(scene, people, month)
        await scene.until(boundary(year.began, "monthly", month + 1, "UTC") + LATER)
        await settle(scene, people, month + 1)
        if month == MONTHS - 2:
            await papers(scene, people)
        if month == MONTHS - 1:
            await _end(scene, people)
        year.months = month + 1
        await _note(scene, people[0].account, year)


async def _end(scene: Scene, people: list[Person]) -> None:
    """What the year ends with: cards that were declined a while ago, purchases, and who has only just come."""
    await hooks.listen(scene)
    await buy(scene, people)
    await track(scene, people[0])
    await scene.until(await scene.now() + MENDS)
    await run_low(scene, people)
    now = await scene.now()
    for person in people:
        await _month(scene, person, MONTHS, now)
    await wait(scene, people)
    await hooks.deliver(scene)


async def _note(scene: Scene, first: int, year: Year) -> None:
    kept = {"demo": {"began": iso(year.began), "customers": year.customers, "months": year.months}}
    async with scene.db.tx() as tx:
        await identity.patch_account(tx, scene.tenant, first, {"metadata": kept}, by=BY)


async def _month(scene: Scene, person: Person, month: int, start: datetime) -> None:
    """Join, or do what one does in this month."""
    if month == person.joins:
        async with _unless_done(), scene.db.tx() as tx:
            await subscriptions.subscribe(
                tx, scene.tenant, person.account, plan=scene.plans[person.plan], rates=rates_in_force, by=BY,
                start=start,
            )  # fmt: skip
        if person.n % 20 == 0:
            await _set_up(scene, person)
    elif month in person.acts:
        await _act(scene, person, person.acts[month])


async def _set_up(scene: Scene, person: Person) -> None:
    """Some buy the onboarding besides, which is paid once."""
    async with scene.db.connection() as conn:
        held = await views.subscriptions(
            conn, scene.tenant, account=person.account, plan=scene.plans["setup"]
        )
    if not held.rows:
        async with scene.db.tx() as tx:
            await subscriptions.subscribe(
                tx, scene.tenant, person.account, plan=scene.plans["setup"], rates=rates_in_force, by=BY
            )


async def _act(scene: Scene, person: Person, what: str) -> None:
    async with scene.db.connection() as conn:
        held = await views.current(conn, scene.tenant, person.account)
    if held is None:
        return
    keys = {id: key for key, id in scene.plans.items()}
    async with _unless_done(), scene.db.tx() as tx:
        of = (tx, scene.tenant, person.account, held.id)
        match what:
            case "upgrade" | "downgrade":
                other = (_UP if what == "upgrade" else _DOWN).get(keys[held.plan])
                if other is not None:
                    await subscriptions.change(*of, plan=scene.plans[other], rates=rates_in_force, by=BY)
            case "leave" | "cancel":
                await subscriptions.cancel(
                    *of, at_period_end=what == "leave", rates=rates_in_force, by=BY, reason="Too little used"
                )
            case "pause":
                await subscriptions.pause(*of, rates=rates_in_force, by=BY)
            case "resume":
                await subscriptions.resume(*of, rates=rates_in_force, by=BY)


@contextlib.asynccontextmanager
async def _unless_done() -> AsyncIterator[None]:
    """A month that is told again, or a state that does not allow it: the story goes on."""
    with contextlib.suppress(Conflict):
        yield


async def _use(scene: Scene, people: list[Person], month: int) -> None:
    """What everybody uses in a month, reported at once, some of it days late."""
    now = await scene.now()
    events = []
    for person in people:
        dice = person.dice
        dice.seed(f"{person.n}-{month}")
        for number, metric in enumerate(_USED[person.plan] * 2 if person.joins <= month else ()):
            late = timedelta(days=dice.randint(0, 20)) if person.joins < month else timedelta()
            events.append(
                NewEvent(
                    account=person.account, metric=metric, quantity=dice.randint(1, 90) * _SIZE[metric] * MICRO,
                    at=now - late, event_id=f"demo-{month}-{number}", metadata={"region": dice.choice(["eu", "us"])},
                )
            )  # fmt: skip
    await scene.system.usage.record(scene.tenant, BY, events)


_SIZE: Final = {
    "api_calls": 100, "gigabytes": 3, "messages": 20, "seats": 1, "bandwidth": 15, "turnover": 5000, "images": 1,
}  # fmt: skip


async def settle(scene: Scene, people: list[Person], month: int) -> None:
    """Who has not lapsed pays what is open; at the year's end a few have not yet."""
    of = {person.account: person for person in people}
    paying = []
    for invoice in await _open(scene):
        person = of.get(invoice.account)
        if person is None or invoice.subscription is None or month >= person.lapses:
            continue
        if month < MONTHS or person.n % 9:
            paying.append(invoice)
    lines = [paying[start::AT_ONCE] for start in range(AT_ONCE)]
    await asyncio.gather(*(_pay(scene, line) for line in lines))


async def _pay(scene: Scene, invoices: list[Invoice]) -> None:
    for invoice in invoices:
        async with _unless_done(), scene.db.tx() as tx:
            await settling.pay_invoice(
                tx, scene.tenant, invoice.account, invoice.id, rates=rates_in_force, by=BY, reference="Card"
            )


async def _open(scene: Scene) -> list[Invoice]:
    found: list[Invoice] = []
    before: int | None = None
    async with scene.db.connection() as conn:
        while True:
            page = await invoicing.invoices(conn, scene.tenant, status="open", limit=100, before=before)
            found += page.rows
            before = page.next_key
            if before is None:
                return found
