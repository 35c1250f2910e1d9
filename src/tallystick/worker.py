"""The worker: runs every domain's jobs, each in a loop of its own.

Any number of workers may run at once, be late, or be killed: jobs claim what is due with row locks, and nothing
that a request decides waits for them.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from .config import Settings
from .db.pool import Database
from .domain.appstores import jobs as appstores
from .domain.appstores.port import Stores
from .domain.dunning import jobs as dunning
from .domain.identity import jobs as identity
from .domain.ledger import jobs as ledger
from .domain.mail import jobs as mail
from .domain.mail.port import Mailer
from .domain.metering import jobs as metering
from .domain.payments import jobs as payments
from .domain.payments.till import Till
from .domain.reloads import jobs as reloads
from .domain.subscriptions import jobs as subscriptions
from .domain.webhooks import jobs as webhooks
from .kernel.clock import Clock, SystemClock
from .kernel.errors import Unavailable
from .wiring import app_stores, mailer, sender, till

log = structlog.get_logger()

BACKOFF = 30.0  # seconds, at most, between tries of a job that fails
LAST = 15.0  # seconds for which a step under way may go on when it is time to stop; each may be killed at any point
CONNECTIONS = 16  # enough for what all loops may have under way at once


@dataclass(frozen=True, slots=True)
class Job:
    """``run`` gives how much it did; it comes again after ``every`` seconds."""

    name: str
    every: float
    run: Callable[[], Awaitable[int]]


def jobs(money: Till, courier: webhooks.Courier, post: Mailer, stores: Stores, clock: Clock) -> list[Job]:
    """Every job there is."""
    db, rates = money.db, money.rates
    return [
        Job(
            "subscriptions.run_due",
            1,
            lambda: subscriptions.run_due(db, rates, at_once=subscriptions.AT_ONCE, in_order=True),
        ),
        Job("dunning.run_due", 1, lambda: dunning.run_due(money)),
        Job("payments.run_due", 0.2, lambda: payments.run_due(money)),
        Job("payments.purge_provider_events", 3600, lambda: payments.purge_provider_events(db)),
        Job("reloads.run_due", 0.2, lambda: reloads.run_due(money)),
        Job("webhooks.fan_out", 0.2, lambda: webhooks.fan_out(db)),
        Job("webhooks.deliver_due", 0.2, courier.run),
        Job("webhooks.purge", 3600, lambda: webhooks.purge(db)),
        Job("appstores.refresh_due", 60, lambda: appstores.refresh_due(db, stores)),
        Job("appstores.purge_fetches", 3600, lambda: appstores.purge_fetches(db)),
        Job("mail.send_due", 0.5, lambda: mail.send_due(db, post)),
        Job("ledger.sweep", 1, lambda: ledger.sweep(db, rates)),
        Job("ledger.purge_outcomes", 3600, lambda: ledger.purge_outcomes(db)),
        Job("metering.fold", 10, lambda: metering.fold(db)),
        Job("metering.add_partitions", 3600, lambda: metering.add_partitions(db)),
        Job(
            "identity.purge_refresh_families", 3600, lambda: identity.purge_refresh_families(db, clock.now())
        ),
        Job(
            "identity.purge_sign_in_failures", 3600, lambda: identity.purge_sign_in_failures(db, clock.now())
        ),
        Job("identity.purge_password_links", 3600, lambda: identity.purge_password_links(db, clock.now())),
        Job("identity.purge_request_keys", 3600, lambda: identity.purge_request_keys(db, clock.now())),
    ]


async def work(settings: Settings, database_url: str, stop: asyncio.Event) -> None:
    """Run all jobs until ``stop`` is set; a step under way is finished, unless it takes too long to.

    Waits for the database if it is away.
    """
    db = Database(database_url, size=CONNECTIONS)
    while not await _opened(db):
        if await _elapsed(stop, 1):
            return
    try:
        async with (
            till(settings, db) as money,
            sender(settings) as carrier,
            webhooks.Courier(db, carrier, money.vault) as courier,
            app_stores(settings) as stores,
        ):
            all_jobs = jobs(money, courier, mailer(settings), stores, SystemClock())
            loops = [asyncio.create_task(_repeat(job, stop), name=job.name) for job in all_jobs]
            await stop.wait()
            await _ended(loops)
    finally:
        await db.close()


async def _opened(db: Database) -> bool:
    try:
        await db.open()
    except Unavailable:
        return False
    return True


async def _ended(loops: list[asyncio.Task[None]]) -> None:
    """Let the loops end; what takes too long is broken off, to be taken up by the next worker."""
    _, late = await asyncio.wait(loops, timeout=LAST)
    for loop in late:
        log.warning("job broken off", job=loop.get_name())
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


async def _repeat(job: Job, stop: asyncio.Event) -> None:
    pause = job.every
    while not await _elapsed(stop, pause):
        try:
            done = await job.run()
        except Unavailable as fact:
            pause = min(max(pause, 1) * 2, BACKOFF)
            log.warning("job waits", job=job.name, reason=fact.message)
        except Exception:  # a fault of one job must not end the others
            pause = min(max(pause, 1) * 2, BACKOFF)
            log.exception("job failed", job=job.name)
        else:
            pause = job.every
            if done:
                log.debug("job done", job=job.name, count=done)


async def _elapsed(stop: asyncio.Event, seconds: float) -> bool:
    """Wait; True when it is time to stop."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
