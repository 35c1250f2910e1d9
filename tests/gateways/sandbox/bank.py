"""The sandbox with a customer in front of it."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from tallystick.db.pool import Database
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.identity.vault import Vault
from tallystick.domain.payments.port import (
    ChargeAsked,
    CheckoutAsked,
    Customer,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.gateways.sandbox import Sandbox
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import owned_uuid


@dataclass
class Bank:
    """``site`` is a test tenant's. ``ref`` is that of the page opened last."""

    gateway: Sandbox
    db: Database
    site: Site
    customer: Customer
    ref: str = ""
    ahead: timedelta = timedelta()

    async def opens(self, amount: int = 1000, **more: Any) -> CheckoutAsked:
        async with self.db.connection() as conn:
            now = await identities.now(conn, self.site.tenant)
        asked = CheckoutAsked(
            checkout=owned_uuid(self.customer.account),
            payment=owned_uuid(self.customer.account) if amount else None,
            customer=self.customer,
            amount=amount,
            currency="USD",
            description="100 credits",
            save_method=more.pop("save_method", True),
            success_url="",
            cancel_url="",
            expires_at=now + timedelta(days=1),
            token="t" * 32,
            **more,
        )
        opened = await self.gateway.open_checkout(self.site, asked)
        self.ref = opened.ref
        return asked

    async def pays(self, page: CheckoutAsked, card: str, *, keep: bool = False) -> list[Seen]:
        return list(await self.gateway.pay(self.site, page.checkout, card, keep))

    async def saves(self, card: str) -> str:
        """The ref of a card that was saved on a page where nothing is paid."""
        page = await self.opens(0)
        [seen] = await self.pays(page, card)
        method: str = seen.method.ref  # type: ignore[union-attr]
        return method

    async def saves_with_step(self, card: str) -> str:
        """The same, where the customer is asked first."""
        page = await self.opens(0)
        await self.pays(page, card)
        [seen] = await self.gateway.answer(self.site, page.checkout, True)
        method: str = seen.method.ref  # type: ignore[union-attr]
        return method

    async def charges(self, method: str, payment: UUID | None = None, amount: int = 500) -> Any:
        payment = payment or owned_uuid(self.customer.account)
        asked = ChargeAsked(payment, self.customer, method, amount, "USD", "Renewal")
        return await self.gateway.charge(self.site, asked)

    async def refunds(self, paid: Any, amount: int, refund: UUID | None = None) -> RefundSeen:
        asked = RefundAsked(refund or uuid4(), paid.payment, paid.ref, amount, "USD", "")
        return await self.gateway.refund(self.site, asked)

    async def waits(self, **by: float) -> None:
        """Move the tenant's time on."""
        self.ahead += timedelta(**by)
        async with self.db.tx() as tx:
            await identity.set_clock(tx, self.site.tenant, self.ahead)


async def bank_of(db: Database) -> Bank:
    async with db.tx() as tx:
        app = await identity.create_app(tx, "A shop")
        account = await identity.create_account(tx, app.test)
    site = Site(app.test, app.id, Mode.TEST, "https://pay.example")
    customer = Customer(account.account_id, account.uuid, "Ada", "ada@example.com")
    return Bank(Sandbox(db, Vault(b"k" * 32)), db, site, customer)
