"""The composition root: builds what a process needs once, and passes it on as arguments."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .config import Settings
from .db.pool import Database
from .domain.catalog.views import CreditTypes, rates_in_force
from .domain.identity.credentials import Credentials
from .domain.identity.model import Secrets
from .domain.identity.views import load_secrets
from .domain.ledger.lanes import Lanes
from .domain.ledger.reads import BalanceReader
from .domain.metering.counter import RequestCounter
from .domain.metering.intake import UsageIntake
from .domain.subscriptions.holdings import lead_on
from .domain.subscriptions.views import billed
from .kernel.clock import Clock, SystemClock


@dataclass(frozen=True, slots=True)
class System:
    """Everything a request handler may use."""

    settings: Settings
    db: Database
    clock: Clock
    secrets: Secrets
    credentials: Credentials
    credit_types: CreditTypes
    lanes: Lanes
    balances: BalanceReader
    requests: RequestCounter
    usage: UsageIntake


@contextlib.asynccontextmanager
async def system(settings: Settings, database_url: str) -> AsyncIterator[System]:
    """A running system on a migrated database. Leaving drains the lanes and writes the statistics.

    Raises Unavailable when the database does not answer.
    """
    clock = SystemClock()
    db = Database(database_url)
    await db.open()
    try:
        async with db.connection() as conn:
            secrets = await load_secrets(conn)
        credentials = Credentials(db, secrets, clock)
        lanes = Lanes(db, rates_in_force)
        balances = BalanceReader(db)
        requests = RequestCounter(db, credentials)
        usage = UsageIntake(db, rates_in_force, billed, lead_on)
        await lanes.start()
        await balances.start()
        await requests.start()
        await usage.start()
        try:
            yield System(
                settings, db, clock, secrets, credentials, CreditTypes(db), lanes, balances, requests, usage
            )
        finally:
            await usage.stop()
            await lanes.stop()
            await balances.stop()
            await requests.stop()
    finally:
        await db.close()
