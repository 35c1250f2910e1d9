"""Paying as the demo's customers do: on the sandbox's pages, with its cards, and by bank transfer."""

import hashlib
from typing import Final
from uuid import UUID

from tallystick.domain.payments import checkouts, settings, settling, views
from tallystick.domain.payments.model import Checkout, Payment
from tallystick.domain.payments.policy import Policy
from tallystick.domain.payments.port import Site
from tallystick.gateways.sandbox import Sandbox

from .scene import BY, Scene

CUSTOMER: Final = "customer"
TRANSFER: Final = "manual"
INSTRUCTIONS: Final = (
    "Demo Company Ltd, Harbour Bank, account 0140 2210 7781\nPlease give the reference above."
)


async def open_tills(scene: Scene) -> None:
    """The sandbox is there unsaid; a bank transfer needs to be told where to. Who pays within a day is not reminded."""
    async with scene.db.tx() as tx:
        if await settings.policy(tx, scene.tenant) == Policy():
            await settings.put_policy(tx, scene.tenant, Policy(reminder_days=(1, 7)), by=BY)
        if not (await settings.gateway(tx, scene.system.till, scene.tenant, TRANSFER)).options:
            await settings.put_gateway(
                tx, scene.system.till, scene.tenant, TRANSFER, enabled=True, standard=False,
                options={"title": "Bank transfer", "instructions": INSTRUCTIONS}, secrets=None, by=BY,
            )  # fmt: skip


async def opened(
    scene: Scene,
    account: int,
    wanted: checkouts.Wanted,
    name: str,
    *,
    gateway: str = "sandbox",
    keep: bool = False,
) -> Checkout:
    """The checkout of this name: the same one each time."""
    key = f"demo:{name}"
    return await checkouts.open_checkout(
        scene.system.till, scene.tenant, account, wanted, gateway=gateway, save_method=keep, by=BY,
        key=(key, hashlib.sha256(key.encode()).digest()),
    )  # fmt: skip


async def paid(
    scene: Scene, account: int, wanted: checkouts.Wanted, name: str, *cards: str, keep: bool = False
) -> Payment | None:
    """Try these cards (their last digits) one after the other on a page; give its payment, if anything is paid on it.

    What was done on it before stays.
    """
    row = await opened(scene, account, wanted, name, keep=keep)
    till, sandbox, site = scene.system.till, _sandbox(scene), await _site(scene)
    for card in cards:
        if row.status == "open":
            seen = await sandbox.pay(site, row.id, card, keep)
            async with scene.db.tx() as tx:
                await settling.take(tx, till, scene.tenant, sandbox.name, seen, by=CUSTOMER)
                row = await views.checkout(tx, scene.tenant, row.id)
    return None if row.payment is None else await payment(scene, row.payment)


async def payment(scene: Scene, id: UUID) -> Payment:
    async with scene.db.connection() as conn:
        return await views.payment(conn, scene.tenant, id)


def _sandbox(scene: Scene) -> Sandbox:
    found = scene.system.till.gateways["sandbox"]
    assert isinstance(found, Sandbox)
    return found


async def _site(scene: Scene) -> Site:
    async with scene.db.connection() as conn:
        return await settings.site(conn, scene.system.till, scene.tenant, "sandbox")
