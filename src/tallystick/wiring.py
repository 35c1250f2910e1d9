"""The composition root: builds what a process needs once, and passes it on as arguments."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import Metric

from .config import Settings, secret_key
from .db.pool import Database
from .domain.appstores.desk import AppStores
from .domain.appstores.port import Platform
from .domain.catalog.views import CreditTypes, rates_in_force
from .domain.identity.credentials import Credentials
from .domain.identity.google import GooglePeer
from .domain.identity.model import Secrets
from .domain.identity.vault import Vault
from .domain.identity.views import load_secrets
from .domain.ledger.lanes import Lanes
from .domain.ledger.port import Renewal
from .domain.ledger.reads import BalanceReader
from .domain.mail.port import Mailer
from .domain.metering.counter import RequestCounter
from .domain.metering.intake import UsageIntake
from .domain.payments.port import Gateway
from .domain.payments.till import Till
from .domain.subscriptions.buckets import Buckets
from .domain.subscriptions.holdings import fallen_due, lead_on
from .domain.subscriptions.monthly import MonthlyCredits
from .domain.subscriptions.views import billed
from .gateways.appstore import Apple
from .gateways.counted import Counted, families
from .gateways.deliver import HttpSender
from .gateways.email import FileMailer, SmtpMailer, mail_host
from .gateways.google import Google
from .gateways.manual import Manual
from .gateways.pace import Rate
from .gateways.playstore import Play
from .gateways.sandbox import Sandbox
from .gateways.stripe import stripe_gateway
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
    monthly: MonthlyCredits
    buckets: Buckets
    app_stores: AppStores
    requests: RequestCounter
    usage: UsageIntake
    till: Till
    google: GooglePeer | None
    """None: nobody signs in with Google."""
    store_figures: Callable[[], Iterator[Metric]]
    """How the app stores answered, for `/metrics`."""

    @property
    def vault(self) -> Vault:
        return self.till.vault


def mailer(settings: Settings) -> Mailer:
    """What sends e-mail: the server of the settings, or files in the data folder."""
    host = mail_host(settings.public_url)
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, host)
    return FileMailer(settings.data / "mail", host)


def sender(settings: Settings) -> HttpSender:
    """What sends webhooks: open it with ``async with``, once for a process."""
    return HttpSender(allow_private=settings.webhooks_allow_private)


@contextlib.asynccontextmanager
async def till(settings: Settings, db: Database) -> AsyncIterator[Till]:
    """What taking money needs, with its connections to gateways open. Raises ValueError without a good secret key."""
    vault = Vault(secret_key(settings))
    gateways: list[Gateway] = [Sandbox(db, vault), Manual()]
    defaults = {
        "stripe": {
            "secret_key": settings.stripe_secret_key,
            "webhook_secret": settings.stripe_webhook_secret,
            "api_base": settings.stripe_api_base,
        }
    }
    async with stripe_gateway() as stripe:
        gateways.append(stripe)
        by_name = {gateway.name: gateway for gateway in gateways}
        yield Till(db, vault, by_name, rates_in_force, settings.public_url, defaults)


@contextlib.asynccontextmanager
async def google(settings: Settings) -> AsyncIterator[GooglePeer | None]:
    """Whom to ask about Google's tokens; None where nobody signs in with Google."""
    if not settings.google_client_ids:
        yield None
        return
    peer = Google(settings.google_client_ids, settings.google_url)
    try:
        yield peer
    finally:
        await peer.aclose()


@contextlib.asynccontextmanager
async def app_stores(settings: Settings) -> AsyncIterator[Mapping[Platform, Counted]]:
    """The stores to ask about apps, and how that went so far."""
    android = Play(settings.play_store_url, Rate.of(settings.play_store_rate))
    apple = Apple(settings.app_store_url, Rate.of(settings.app_store_rate))
    try:
        yield {"android": Counted("android", android), "apple": Counted("apple", apple)}
    finally:
        await android.aclose()
        await apple.aclose()


@contextlib.asynccontextmanager
async def serving(apps: AppStores) -> AsyncIterator[AppStores]:
    """App-store data until the context is left: calls that are under way then are broken off."""
    try:
        yield apps
    finally:
        await apps.stop()


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
        renewal = Renewal(fallen_due, lead_on)
        lanes = Lanes(db, rates_in_force, renewal)
        balances = BalanceReader(db)
        requests = RequestCounter(db, credentials)
        usage = UsageIntake(db, rates_in_force, billed, renewal)
        await lanes.start()
        await balances.start()
        await requests.start()
        await usage.start()
        try:
            async with (
                till(settings, db) as money,
                google(settings) as peer,
                app_stores(settings) as stores,
                serving(AppStores(db, lanes, stores)) as apps,
            ):
                yield System(
                    settings,
                    db,
                    clock,
                    secrets,
                    credentials,
                    CreditTypes(db),
                    lanes,
                    balances,
                    MonthlyCredits(db),
                    Buckets(db, lanes, balances),
                    apps,
                    requests,
                    usage,
                    money,
                    peer,
                    lambda: families(stores.values()),
                )
        finally:
            await usage.stop()
            await lanes.stop()
            await balances.stop()
            await requests.stop()
    finally:
        await db.close()
