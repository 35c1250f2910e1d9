"""A shop that sells 1,000 credits for 29.00 USD through a Stripe of the test's own."""

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tallystick.db.pool import Database
from tallystick.domain.catalog import packages
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity.vault import Vault
from tallystick.domain.invoicing import verify as invoicing_verify
from tallystick.domain.ledger import verify as ledger_verify
from tallystick.domain.payments import charging, checkouts, jobs, settings, settling, views
from tallystick.domain.payments import verify as payments_verify
from tallystick.domain.payments.checkouts import ForMethod, ForPackage
from tallystick.domain.payments.model import Cause, Checkout, Payment
from tallystick.domain.payments.port import Notice
from tallystick.domain.payments.till import Till
from tallystick.gateways.stripe import Stripe
from tests.cast import first_app, make_account
from tests.doubles.stripe import StripeDouble

CREDIT = 1_000_000


@dataclass
class StripeShop:
    db: Database
    till: Till
    stripe: StripeDouble
    gateway: Stripe
    tenant: int
    package: UUID

    async def customer(self) -> int:
        return (await make_account(self.db, self.tenant, name="Ada", email="ada@example.org")).account_id

    async def checkout(self, account: int, wanted: Any = None, **said: Any) -> Checkout:
        return await checkouts.open_checkout(
            self.till,
            self.tenant,
            account,
            wanted or ForPackage(self.package),
            gateway="stripe",
            by="test",
            **said,
        )

    async def saved_card(self, account: int, last4: str = "4242") -> UUID:
        """Saved at a page, as Stripe's events tell."""
        before = len(self.stripe.events)
        page = await self.checkout(account, ForMethod())
        assert page.ref is not None
        self.stripe.customer_pays(page.ref, last4)
        await self.hear(self.stripe.events[before:])
        async with self.db.connection() as conn:
            [method] = await views.methods(conn, self.tenant, account)
        return method.id

    async def bill(self, account: int) -> UUID:
        """An open invoice of 29.00 USD, whose own page is not paid on."""
        page = await self.checkout(account)
        assert page.invoice is not None
        return page.invoice

    async def charge(self, account: int, invoice: UUID, *, cause: Cause = "request") -> Payment:
        """Ask for a charge of the saved card: the row is written, no money has moved."""
        async with self.db.tx() as tx:
            return await charging.request_charge(
                tx, self.tenant, account, invoice=invoice, cause=cause, by="test"
            )

    async def perform(self, payment: Payment) -> Payment:
        return await charging.perform(self.till, payment.account, payment.id)

    async def see(self, payment: Payment) -> Payment:
        async with self.db.connection() as conn:
            return await views.payment(conn, self.tenant, payment.id)

    async def work(self) -> int:
        return await jobs.run_due(self.till)

    async def hear(self, events: Sequence[dict[str, Any]]) -> list[bool]:
        """Take events as they are received, one commit each; whether each was new."""
        new = []
        for event in events:
            told = await self.read(event)
            async with self.db.tx() as tx:
                new.append(
                    await settling.notice(tx, self.till, self.tenant, "stripe", told, by="gateway:stripe")
                )
        return new

    async def read(self, event: dict[str, Any]) -> Notice:
        async with self.db.connection() as conn:
            site = await settings.site(conn, self.till, self.tenant, "stripe")
        headers, body = self.stripe.signed(event)
        return self.gateway.read(site, headers, body, datetime.now(UTC))

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.db.url, row_factory=dict_row) as conn:
            return conn.execute(query.encode(), values).fetchall()

    def balance(self, account: int) -> int:
        """Whole credits."""
        found = self.rows("select posted from wallet where account_id = %s", account)
        return sum(int(row["posted"]) for row in found) // CREDIT

    async def prove(self) -> None:
        """All books are right: the ledger's, the invoices', the payments'."""
        assert (await ledger_verify.verify(self.db)).faults == []
        assert await invoicing_verify.verify(self.db) == []
        assert await payments_verify.verify(self.db) == []

    def state(self, account: int) -> str:
        """What the books say of an account, without ids and times."""
        asked = {
            "payments": "select status, cause, amount, applied, to_credit, to_refund, refunded, failure_code"
            " from payment where account_id = %s order by status, amount",
            "checkouts": "select status, kind, amount from checkout where account_id = %s order by status",
            "invoices": "select status, total, amount_paid, credited"
            " from invoice where account_id = %s order by status",
            "purchases": "select fulfilled_at is not null as given from purchase where account_id = %s",
            "wallets": "select posted, held, owed from wallet where account_id = %s",
            "refunds": "select status, cause, amount, worked from refund where account_id = %s order by status, amount",
            "disputes": "select status, amount from dispute where account_id = %s",
            "methods": "select brand, last4, standard, removed_at is not null as gone"
            " from payment_method where account_id = %s order by last4",
            "account": "select status from account_head where account_id = %s",
            "told": "select type, count(*) from event where account_id = %s and type in"
            " ('payment.succeeded', 'checkout.completed', 'invoice.paid', 'dispute.closed') group by 1 order by 1",
        }
        with psycopg.connect(self.db.url, row_factory=dict_row) as conn:
            found = {
                name: conn.execute(query.encode(), [account]).fetchall() for name, query in asked.items()
            }
        return json.dumps(found, indent=1, default=str)


@asynccontextmanager
async def open_shop(db: Database, stripe: StripeDouble) -> AsyncIterator[StripeShop]:
    made = await first_app(db)
    gateway = Stripe(retries=0, seconds=10)
    said = {"secret_key": stripe.key, "webhook_secret": stripe.secret, "api_base": stripe.url}
    till = Till(
        db, Vault(b"v" * 32), {"stripe": gateway}, rates_in_force, "https://bill.example", {"stripe": said}
    )
    async with db.tx() as tx:
        package = await packages.create_package(
            tx, made.app.live, name="1,000 credits", credit_type="credits", credits=1000 * CREDIT, price=2900,
            currency="USD", by="test",
        )  # fmt: skip
    try:
        yield StripeShop(db, till, stripe, gateway, made.app.live, package.id)
    finally:
        await gateway.close()
