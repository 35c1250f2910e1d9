"""The shop's side of the pages: it opens them, and sees what came of it."""

import re
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Component, Terms
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import drafts
from tallystick.domain.invoicing import settings as billing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import ONE, Draft, NewLine, Seller, Settings
from tallystick.domain.ledger import views as ledger
from tallystick.domain.payments import (
    charging,
    checkouts,
    jobs,
    portal,
    refund_views,
    settings,
    settling,
    views,
)
from tallystick.domain.payments.checkouts import ForMethod, ForPackage, ForPlan
from tallystick.domain.payments.links import invoice_url, portal_token
from tallystick.domain.payments.model import Checkout, Dispute, Method, Payment
from tallystick.domain.payments.port import Site
from tallystick.gateways.sandbox import Sandbox
from tallystick.kernel.ids import typeid
from tests.contract.served import House

CREDIT = 1_000_000


class Counter:
    """``home`` is where the shop is. It works in test mode, whose time it moves."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.home = house.url + "/healthz?shop"
        self.tenant = house.first.app.test
        self.till = house.system.till
        self._ahead = timedelta()
        house.run(self._furnish())

    # What is sold

    def customer(self) -> Account:
        async def make() -> Account:
            async with self.till.db.tx() as tx:
                return await identity.create_account(tx, self.tenant, email="ada@example.com")

        return self.house.run(make())

    def sells_credits(
        self, account: Account, *, name: str = "1,000 credits", gateway: str | None = None
    ) -> Checkout:
        """1,000 credits and 100 for nothing, for 10 dollars."""

        async def sell() -> Checkout:
            async with self.till.db.tx() as tx:
                package = await catalog.create_package(
                    tx, self.tenant, name=name, credit_type="credits", credits=1000 * CREDIT, bonus=100 * CREDIT,
                    price=1000, currency="USD", by="test",
                )  # fmt: skip
            return await self._open(account, ForPackage(package.id), gateway=gateway)

        return self.house.run(sell())

    def sells_plan(self, account: Account, *, trial_days: int = 0) -> Checkout:
        """49 dollars a month."""

        async def sell() -> Checkout:
            base = Component(key="base", kind="flat", amount=4900)
            terms = Terms(interval="monthly", currency="USD", components=(base,), trial_days=trial_days)
            async with self.till.db.tx() as tx:
                plan = await catalog.create_plan(tx, self.tenant, name="Growth", terms=terms, by="test")
            return await self._open(account, ForPlan(plan.id))

        return self.house.run(sell())

    def saves_card(self, account: Account, card: str) -> None:
        """As if the customer had saved it on a page."""

        async def save() -> None:
            order = await self._open(account, ForMethod())
            site, sandbox = await self._sandbox()
            await sandbox.pay(site, order.id, card, True)
            seen = await sandbox.answer(site, order.id, True)
            async with self.till.db.tx() as tx:
                await settling.take(tx, self.till, self.tenant, "sandbox", seen, by="test")

        self.house.run(save())

    def charges(self, account: Account, invoice: UUID) -> Payment:
        """Charge an invoice to the saved card, without the customer."""

        async def charge() -> Payment:
            async with self.till.db.tx() as tx:
                asked = await charging.request_charge(
                    tx, self.tenant, account.account_id, invoice=invoice, cause="request", by="test"
                )
            return await charging.perform(self.till, account.account_id, asked.id)

        return self.house.run(charge())

    def bills(self, account: Account) -> UUID:
        """An invoice of 5 dollars, open."""

        async def bill() -> UUID:
            line = NewLine(kind="one_time", description="Setup", amount=500, quantity=ONE)
            async with self.till.db.tx() as tx:
                draft = Draft(account=account.account_id, currency="USD", lines=[line])
                made = await drafts.create(tx, self.tenant, draft, by="test")
                await drafts.finalize(tx, self.tenant, account.account_id, made.id, by="test")
            return made.id

        return self.house.run(bill())

    def takes_transfers(self, instructions: str) -> None:
        async def put() -> None:
            options = {"instructions": instructions}
            async with self.till.db.tx() as tx:
                await settings.put_gateway(
                    tx, self.till, self.tenant, "manual", enabled=True, standard=False, options=options,
                    secrets=None, by="test",
                )  # fmt: skip

        self.house.run(put())

    def voids(self, account: Account, invoice: UUID) -> None:
        async def void() -> None:
            async with self.till.db.tx() as tx:
                await settling.void_invoice(
                    tx, self.tenant, account.account_id, invoice, rates=self.till.rates, by="test"
                )

        self.house.run(void())

    # Addresses

    def url_of(self, order: Checkout) -> str:
        assert order.url is not None
        return order.url

    def shop(self, order: Checkout) -> re.Pattern[str]:
        """Where the customer is sent after paying."""
        return re.compile(re.escape(f"{self.house.url}/healthz?paid={typeid('co', order.id)}"))

    def portal(self, account: Account) -> str:
        return self.house.run(portal.portal_url(self.till, self.tenant, account.account_id, self.home))

    def invoice_page(self, invoice: UUID) -> str:
        return invoice_url(self.house.system.vault, self.house.url, invoice)

    def old_portal(self, account: Account) -> str:
        named = typeid("acct", account.uuid)
        token = portal_token(self.till.vault, named, int(time.time()) - 1, self.home)
        return f"{self.house.url}/portal/{named}/{token}"

    # What happens meanwhile

    def waits(self, seconds: int) -> None:
        async def move() -> None:
            self._ahead += timedelta(seconds=seconds)
            async with self.till.db.tx() as tx:
                await identity.set_clock(tx, self.tenant, self._ahead)

        self.house.run(move())

    def got_the_transfer(self, order: Checkout, amount: int | None = None) -> None:
        async def approve() -> None:
            assert order.payment is not None
            async with self.till.db.tx() as tx:
                await settling.approve(
                    tx, self.till, self.tenant, order.account, order.payment, amount=amount, by="test"
                )

        self.house.run(approve())

    def paid_and_killed(self, order: Checkout) -> None:
        """The sandbox took the money, and the server died before it noted that."""

        async def pay() -> None:
            site, sandbox = await self._sandbox()
            await sandbox.pay(site, order.id, "4242", False)

        self.house.run(pay())

    def confirmed_and_killed(self, payment: Payment) -> None:
        """The same, of a payment that the customer approved on its own page."""

        async def confirm() -> None:
            site, sandbox = await self._sandbox()
            await sandbox.confirm(site, payment.id, True)

        self.house.run(confirm())

    def works(self) -> None:
        """Let the worker do what is due."""
        self.house.run(jobs.run_due(self.till, tenant=self.tenant))

    def expires(self, order: Checkout) -> None:
        work = checkouts.expire_checkout(self.till, self.tenant, order.account, order.id, by="test")
        self.house.run(work)

    # What came of it

    def balance(self, account: Account) -> int:
        """Whole credits."""
        found = self.house.run(ledger.balances(self.till.db, self.tenant, account.account_id))
        return sum(wallet.posted for wallet in found.wallets) // CREDIT

    def methods(self, account: Account) -> list[Method]:
        async def read() -> list[Method]:
            async with self.till.db.connection() as conn:
                return await views.methods(conn, self.tenant, account.account_id)

        return self.house.run(read())

    def payments(self, account: Account) -> list[Payment]:
        async def read() -> list[Payment]:
            async with self.till.db.connection() as conn:
                return list((await views.payments(conn, self.tenant, account=account.account_id)).rows)

        return self.house.run(read())

    def disputes(self, account: Account) -> list[Dispute]:
        async def read() -> list[Dispute]:
            async with self.till.db.connection() as conn:
                return list((await refund_views.disputes(conn, self.tenant, account=account.account_id)).rows)

        return self.house.run(read())

    def number_of(self, order: Checkout) -> str:
        async def read() -> str:
            assert order.invoice is not None
            async with self.till.db.connection() as conn:
                return (await invoices.invoice(conn, self.tenant, order.invoice)).number or ""

        return self.house.run(read())

    async def _sandbox(self) -> tuple[Site, Sandbox]:
        sandbox = self.till.gateways["sandbox"]
        assert isinstance(sandbox, Sandbox)
        async with self.till.db.connection() as conn:
            return await settings.site(conn, self.till, self.tenant, "sandbox"), sandbox

    async def _open(self, account: Account, wanted: Any, **more: Any) -> Checkout:
        return await checkouts.open_checkout(
            self.till, self.tenant, account.account_id, wanted, save_method=True, by="test", cancel_url=self.home,
            success_url=self.house.url + "/healthz?paid={CHECKOUT_SESSION_ID}", **more,
        )  # fmt: skip

    async def _furnish(self) -> None:
        async with self.till.db.tx() as tx:
            seller = Seller(name="Northwind")
            await billing.put_settings(tx, self.tenant, Settings(seller=seller), by="test")
