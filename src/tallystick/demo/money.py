"""What is bought besides: payments that came, were declined, sent back and disputed; transfers; credits that buy
themselves when they run low, and alerts."""

from typing import Final
from uuid import UUID

from tallystick.domain.catalog import views as catalog
from tallystick.domain.ledger import commands as command
from tallystick.domain.ledger import watching
from tallystick.domain.ledger.commands import Labels, order
from tallystick.domain.payments import checkouts, disputes, refund_views, refunds, settling
from tallystick.domain.payments.checkouts import ForAmount, ForPackage
from tallystick.domain.payments.model import Payment
from tallystick.domain.reloads import actions as reloads
from tallystick.domain.reloads import views as reload_views
from tallystick.kernel.credits import MICRO

from .cards import CHARGED, GOOD, STOPPED, account_of
from .people import Person
from .scene import BY, Scene
from .tills import TRANSFER, opened, paid, payment

DECLINED: Final = "9995"
DISPUTED: Final = "0259"
NO_REFUNDS: Final = "5126"
OUTCOMES: Final[tuple[disputes.Outcome, ...]] = ("won", "lost")
ROUND: Final = 100 * MICRO
"""Thresholds are multiples of so many microcredits."""


async def buy(scene: Scene, people: list[Person]) -> None:
    """Purchases of the year's last weeks, and what became of them."""
    small, large = await _package(scene, "pack-small"), await _package(scene, "pack-large")
    first, second, third = (person.account for person in people[:3])

    await paid(scene, first, ForPackage(large), "large", DECLINED, GOOD, keep=True)
    sent_back = await paid(scene, first, ForPackage(small), "small", GOOD)
    await _refund(scene, sent_back, 400, "Half of it was ordered by mistake")
    await _refund(
        scene, await paid(scene, second, ForPackage(small), "no-refunds", NO_REFUNDS), None, "Not needed"
    )

    await paid(scene, first, ForAmount("credits", 250 * MICRO), "disputed", DISPUTED)
    for outcome in OUTCOMES:
        row = await paid(scene, third, ForPackage(small), f"dispute-{outcome}", DISPUTED)
        await _close(scene, row, outcome)

    left = await opened(scene, second, ForPackage(large), "left")
    await paid(scene, second, ForPackage(large), "left", DECLINED)
    await checkouts.expire_checkout(scene.system.till, scene.tenant, second, left.id, by=BY)
    await _transfer(scene, second, small, came=True)
    await _transfer(scene, third, small, came=False)


async def run_low(scene: Scene, people: list[Person]) -> None:
    """Wallets that fall below what was set: two are filled again, and one whose card is declined is not."""
    stopped = await account_of(scene, STOPPED)
    package = await _package(scene, "pack-small")
    await paid(scene, stopped, ForPackage(package), f"{STOPPED.key}:first", STOPPED.card, keep=True)
    for account in (people[0].account, await account_of(scene, CHARGED), stopped):
        await _watch(scene, account, package)
    await scene.tick()


async def wait(scene: Scene, people: list[Person]) -> None:
    """What is under way when the year ends: a transfer that staff have not seen yet, a page that nobody paid on."""
    large = ForPackage(await _package(scene, "pack-large"))
    await opened(scene, people[0].account, large, "transfer-awaited", gateway=TRANSFER)
    await opened(scene, people[1].account, large, "open")


async def _refund(scene: Scene, row: Payment | None, amount: int | None, reason: str) -> None:
    assert row is not None
    async with scene.db.tx() as tx:
        asked = await refund_views.refunds(tx, scene.tenant, payment=row.id)
        if asked.rows:
            return
        made = await refunds.request(
            tx, scene.tenant, row.account, row.id, amount=amount, reason=reason, by=BY, rates=scene.system.till.rates
        )  # fmt: skip
    await refunds.perform(scene.system.till, row.account, made.id)


async def _close(scene: Scene, row: Payment | None, outcome: disputes.Outcome) -> None:
    assert row is not None
    async with scene.db.tx() as tx:
        found = await refund_views.disputes(tx, scene.tenant, payment=row.id, status="open")
        for one in found.rows:
            await disputes.close(
                tx, scene.tenant, row.account, one.id, outcome, rates=scene.system.till.rates, by=BY
            )


async def _transfer(scene: Scene, account: int, package: UUID, *, came: bool) -> None:
    """One that staff have decided upon."""
    name = "transfer-came" if came else "transfer-never-came"
    row = await opened(scene, account, ForPackage(package), name, gateway=TRANSFER)
    assert row.payment is not None
    of = (scene.system.till, scene.tenant, account, row.payment)
    if (await payment(scene, row.payment)).ended_at is not None:
        return
    async with scene.db.tx() as tx:
        if came:
            await settling.approve(tx, *of, reference="Statement 11, line 4", by=BY)
        else:
            await settling.reject(tx, *of, reason="Nothing came within a week", by=BY)


async def _watch(scene: Scene, account: int, package: UUID) -> None:
    """An automatic purchase and an alert somewhat below what there is, and a debit that leads below it."""
    async with scene.db.tx() as tx:
        if await reload_views.find(tx, scene.tenant, account, "credits") is not None:
            return
        available = (await watching.watched(tx, account, "credits")).available
        threshold = max(ROUND, available // ROUND * ROUND)
        await reloads.add_alert(tx, scene.tenant, account, "credits", threshold=threshold, email=True, by=BY)
        await reloads.put_auto_reload(
            tx,
            scene.tenant,
            account,
            "credits",
            threshold=threshold,
            package=package,
            monthly_cap=10_000,
            by=BY,
        )
    used = max(available - threshold, 0) // MICRO * MICRO + 5 * MICRO
    debit = command.Debit(
        account=account, credit_type="credits", amount=used, labels=Labels(reference="job-large")
    )
    asked = order(debit, tenant=scene.tenant, actor=BY, key=f"demo:{account}:low")
    await scene.system.lanes.submit_batch([asked])


async def _package(scene: Scene, key: str) -> UUID:
    async with scene.db.connection() as conn:
        return (await catalog.package_by_key(conn, scene.tenant, key)).id
