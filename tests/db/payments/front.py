"""A shop that takes money: a test tenant whose time stands still, and a gateway that lives in the test."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.vault import Vault
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Invoice
from tallystick.domain.payments import charging, checkouts, jobs, methods, settings, settling, views
from tallystick.domain.payments.model import Checkout, Method, Payment
from tallystick.domain.payments.policy import Policy
from tallystick.domain.payments.port import Gateway, Seen
from tallystick.domain.payments.till import Till
from tests.db.subscriptions.shop import CREDIT, Shop
from tests.doubles.gateway import BenchGateway, Card, Killed

URL = "https://shop.example"


@dataclass
class Front:
    """``bench`` is the gateway that is used where none is named."""

    shop: Shop
    bench: BenchGateway = field(default_factory=BenchGateway)
    others: Sequence[Gateway] = ()
    till: Till = field(init=False)

    def __post_init__(self) -> None:
        gateways: dict[str, Gateway] = {self.bench.name: self.bench}
        gateways |= {one.name: one for one in self.others}
        self.till = Till(self.shop.db, Vault(bytes(32)), gateways, rates_in_force, URL, {})

    @property
    def tenant(self) -> int:
        return self.shop.tenant

    async def package(self, credits: int = 100, price: int = 1000, **fields: Any) -> UUID:
        async with self.shop.tx() as tx:
            made = await catalog.create_package(
                tx, self.tenant, name="Pack", credit_type="credits", credits=credits * CREDIT, price=price,
                currency="USD", by="test", **fields,
            )  # fmt: skip
        return made.id

    async def open(self, account: int, wanted: checkouts.Wanted, **more: Any) -> Checkout:
        return await checkouts.open_checkout(self.till, self.tenant, account, wanted, by="test", **more)

    async def buy(self, account: int, **package: Any) -> Checkout:
        """An open checkout of a package."""
        return await self.open(account, checkouts.ForPackage(await self.package(**package)))

    async def pay(self, checkout: Checkout, card: Card = "ok", **more: Any) -> list[Seen]:
        """The customer pays on the page, and the provider tells us."""
        seen = self.bench.pay(checkout.id, card, **more)
        await self.take(*seen)
        return seen

    async def take(self, *seen: Seen) -> None:
        async with self.shop.tx() as tx:
            await settling.take(tx, self.till, self.tenant, self.bench.name, seen, by="test")

    async def save(self, account: int, card: Card = "ok") -> Method:
        """A saved way to pay."""
        seen = self.bench.card(self.bench.customer_of(await self.uuid(account)), card)
        async with self.shop.tx() as tx:
            await methods.lock(tx, self.tenant, account)
            now = await identities.now(tx, self.tenant)
            made = await methods.save(tx, self.tenant, account, self.bench.name, seen, at=now)
        assert made is not None
        return made

    async def request(self, invoice: Invoice, **more: Any) -> Payment:
        said: dict[str, Any] = {"cause": "request", "by": "test"} | more
        async with self.shop.tx() as tx:
            return await charging.request_charge(tx, self.tenant, invoice.account, invoice=invoice.id, **said)

    async def charge(self, invoice: Invoice, **more: Any) -> Payment:
        made = await self.request(invoice, **more)
        return await charging.perform(self.till, made.account, made.id)

    async def policy(self, **fields: Any) -> None:
        async with self.shop.tx() as tx:
            await settings.put_policy(tx, self.tenant, Policy(**fields), by="test")

    async def work(self) -> int:
        """One round of the worker, as if every lease and pause were over."""
        for table in ("checkout", "payment", "refund"):
            async with self.shop.tx() as tx:
                await tx.execute(f"update {table} set retry_at = null".encode())
        return await jobs.run_due(self.till, tenant=self.tenant)

    async def worked(self) -> bool:
        """A round of the worker that may die."""
        try:
            await self.work()
        except Killed:
            return False
        return True

    # What came of it

    async def uuid(self, account: int) -> UUID:
        async with self.shop.db.connection() as conn:
            return (await identities.account(conn, self.tenant, account)).uuid

    async def payment(self, payment: UUID | None) -> Payment:
        assert payment is not None
        async with self.shop.db.connection() as conn:
            return await views.payment(conn, self.tenant, payment)

    async def payments(self, account: int) -> list[Payment]:
        """The oldest first."""
        async with self.shop.db.connection() as conn:
            found = await views.payments(conn, self.tenant, account=account, limit=500)
        return list(reversed(found.rows))

    async def checkout(self, checkout: UUID) -> Checkout:
        async with self.shop.db.connection() as conn:
            return await views.checkout(conn, self.tenant, checkout)

    async def invoice(self, invoice: UUID | None) -> Invoice:
        assert invoice is not None
        async with self.shop.db.connection() as conn:
            return await invoices.invoice(conn, self.tenant, invoice)

    async def credit(self, account: int) -> int:
        """The customer's credit in money."""
        async with self.shop.db.connection() as conn:
            return await invoices.credit_balance(conn, account, "USD")

    def events(self, account: int) -> list[str]:
        query = "select type from event where account_id = %s order by place"
        return [row["type"] for row in self.shop.rows(query, account)]

    def mails(self) -> list[str]:
        return [row["kind"] for row in self.shop.rows("select kind from mail order by id")]
