"""Webhook endpoints of the demo's company. Nobody is at their addresses: while the demo runs it plays their part.

What is played is the network alone (`webhooks.port.Sender`); every delivery and try is the domain's own.
"""

import asyncio
import time
from typing import Final

from tallystick import wiring
from tallystick.domain.webhooks import actions, jobs, replays, views
from tallystick.domain.webhooks.model import Delivery, Endpoint
from tallystick.domain.webhooks.port import Headers, Outcome, Sender

from .scene import BY, Scene

BILLING: Final = "https://billing.demo.invalid/events"
"""Falters at first, and takes what is sent again."""
CRM: Final = "https://crm.demo.invalid/hook"
"""Never answers."""
ENDPOINTS: Final = (
    (
        BILLING,
        ("payment.*", "refund.*", "dispute.*", "invoice.paid", "credits.low_balance"),
        "Billing",
        False,
    ),
    (CRM, ("payment.*", "checkout.*"), "Customer records", True),
)
TURNS: Final = 20
PATIENCE: Final = 30.0
"""Seconds for what a worker may have taken."""


class Receivers:
    """The demo's receivers; whatever is for others goes to them."""

    def __init__(self, others: Sender) -> None:
        self._others = others
        self._met: set[str] = set()

    async def send(self, url: str, headers: Headers, body: bytes) -> Outcome:
        if url == CRM:
            return Outcome(None, error="timed_out", detail="No answer within 20 seconds.", seconds=20.0)
        if url != BILLING:
            return await self._others.send(url, headers, body)
        id = dict(headers)["webhook-id"]
        if id in self._met:
            return Outcome(200, (("content-type", "application/json"),), b'{"received": true}', seconds=0.03)
        self._met.add(id)
        # every other one at once, the others when they come again
        if len(self._met) % 2:
            return Outcome(200, (("content-type", "application/json"),), b'{"received": true}', seconds=0.02)
        return Outcome(503, (("content-type", "text/plain"),), b"Deploying, back in a minute", seconds=0.01)


async def listen(scene: Scene) -> None:
    """Make the endpoints, which hear of what happens from now on."""
    await jobs.fan_out(scene.db)
    async with scene.db.tx() as tx:
        known = {one.url for one in await views.endpoints(tx, scene.tenant)}
        for url, types, described, ordered in ENDPOINTS:
            if url not in known:
                await actions.create_endpoint(
                    tx, scene.system.vault, scene.tenant, url=url, types=types, description=described,
                    ordered=ordered, allow_private=False, by=BY,
                )  # fmt: skip


async def deliver(scene: Scene) -> None:
    """Send what happened: some arrives, some when it is tried again, and one thing never does."""
    await jobs.fan_out(scene.db)
    async with wiring.sender(scene.system.settings) as others:
        receivers = Receivers(others)
        await _send(scene, receivers)
        for _ in range(2):
            for one in await _pending(scene):
                await _try_now(scene, one)
            await _send(scene, receivers)
        await _in_vain(scene, receivers)


async def _send(scene: Scene, receivers: Receivers) -> None:
    """Send what is due, for some turns: others' receivers may be slow, and are the worker's."""
    async with jobs.Courier(scene.db, receivers, scene.system.vault) as courier:
        for _ in range(TURNS):
            if not await courier.run() and not courier.busy:
                return
            await courier.wait(0.5)


async def _pending(scene: Scene) -> list[Delivery]:
    """What waits for its next try at the demo's endpoints."""
    found: list[Delivery] = []
    for one in await _ours(scene):
        async with scene.db.connection() as conn:
            page = await views.deliveries(conn, scene.tenant, endpoint=one.id, status="pending", limit=100)
        found += [row for row in page.rows if row.next_at is not None]
    return found


async def _try_now(scene: Scene, delivery: Delivery) -> None:
    async with scene.db.tx() as tx:
        await replays.replay(tx, scene.tenant, delivery.id, by=BY)


async def _in_vain(scene: Scene, receivers: Receivers) -> None:
    """Have a try-out of the endpoint that never answers tried until it is given up, without three days' wait."""
    for endpoint in await _ours(scene):
        if endpoint.url != CRM:
            continue
        async with scene.db.tx() as tx:
            tried = await views.deliveries(tx, scene.tenant, endpoint=endpoint.id, type=replays.PING, limit=1)
            if tried.rows:
                row = tried.rows[0]
            else:
                row = await replays.try_endpoint(tx, scene.tenant, endpoint.id, by=BY)
        until = time.monotonic() + PATIENCE
        while row.status == "pending" and time.monotonic() < until:
            if row.in_flight:
                await asyncio.sleep(0.1)  # a worker is at it
            else:
                await _try_now(scene, row)
                await _send(scene, receivers)
            async with scene.db.connection() as conn:
                row = await views.delivery(conn, scene.tenant, row.id)


async def _ours(scene: Scene) -> list[Endpoint]:
    urls = {url for url, *_ in ENDPOINTS}
    async with scene.db.connection() as conn:
        return [one for one in await views.endpoints(conn, scene.tenant) if one.url in urls and one.enabled]
