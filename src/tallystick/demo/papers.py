"""Invoices beside the subscriptions, one of each state, and credit notes."""

from typing import Final

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identities
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import crediting, drafts, views
from tallystick.domain.invoicing.model import Draft, Invoice, NewLine
from tallystick.domain.payments import settling

from .people import Person
from .scene import BY, Scene

STATES: Final = ("draft", "open", "paid", "void", "uncollectible")
CUSTOMERS: Final = 10
"""So many get an invoice of each state."""


async def papers(scene: Scene, people: list[Person]) -> None:
    """Write what is not there yet."""
    for person in people[:CUSTOMERS]:
        for state in STATES:
            await _invoice(scene, person, state)
        await _credit(scene, person)


async def _invoice(scene: Scene, person: Person, state: str) -> None:
    memo = f"Workshop ({state})"
    if any(one.memo == memo for one in await _invoices(scene, person)):
        return
    line = NewLine(
        kind="one_time", description="Workshop, half a day", amount=45_000, unit_price=45_000_000_000
    )
    draft = Draft(account=person.account, currency="USD", lines=[line], memo=memo)
    async with scene.db.tx() as tx:
        if state == "draft":
            await drafts.create(tx, scene.tenant, draft, by=BY)
            return
        await invoicing.lock(tx, scene.tenant, person.account)
        now = await identities.now(tx, scene.tenant)
        made = await invoicing.issue(tx, scene.tenant, draft, at=now)
    of = (scene.tenant, person.account, made.id)
    async with scene.db.tx() as tx:
        match state:
            case "paid":
                await settling.pay_invoice(tx, *of, rates=rates_in_force, by=BY, reference="Bank transfer")
            case "void":
                await settling.void_invoice(tx, *of, rates=rates_in_force, by=BY, reason="Ordered by mistake")
            case "uncollectible":
                await settling.fail_invoice(tx, *of, rates=rates_in_force, by=BY, reason="Insolvent")


async def _credit(scene: Scene, person: Person) -> None:
    """A part of the first paid invoice is given back."""
    async with scene.db.connection() as conn:
        noted = await views.credit_notes(conn, scene.tenant, account=person.account)
    paid = [one for one in await _invoices(scene, person) if one.status == "paid" and one.total >= 500]
    if paid and not noted.rows:
        async with scene.db.tx() as tx:
            await crediting.create_credit_note(
                tx,
                scene.tenant,
                person.account,
                paid[-1].id,
                amount=500,
                reason="An outage of some hours",
                by=BY,
            )


async def _invoices(scene: Scene, person: Person) -> list[Invoice]:
    async with scene.db.connection() as conn:
        page = await views.invoices(conn, scene.tenant, account=person.account, limit=100)
    return list(page.rows)
