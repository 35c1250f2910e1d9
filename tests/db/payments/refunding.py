"""What the tests of refunds and disputes do again and again, at a till with a bank of the tests' own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from tallystick.db.pool import Database, run
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identities
from tallystick.domain.identity import views as identity
from tallystick.domain.identity.vault import Vault
from tallystick.domain.invoicing import actions as invoicing
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.invoicing.model import Draft, Invoice, NewLine
from tallystick.domain.ledger import actions as ledger
from tallystick.domain.ledger.commands import Debit, order
from tallystick.domain.payments import disputes, purchases, refund_views, refunds, settings, settling, views
from tallystick.domain.payments.model import Dispute, Payment, Refund
from tallystick.domain.payments.policy import Policy
from tallystick.domain.payments.port import (
    BadSignature,
    ChargeAsked,
    CheckoutAsked,
    CheckoutOpened,
    Customer,
    DisputeSeen,
    Feature,
    GatewayDown,
    GatewayRefused,
    Notice,
    Past,
    PaymentSeen,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.domain.payments.purchases import Offer
from tallystick.domain.payments.till import Till
from tallystick.domain.payments.views import q
from tallystick.kernel.actor import Mode
from tallystick.kernel.ids import owned_uuid

CREDIT: Final = 1_000_000


class Bank:
    """A gateway as a provider would be: it keeps refunds by their keys, and sends no payment back twice.

    ``down`` calls fail and do nothing; ``deaf`` ones do what they are asked, and the answer is lost.
    """

    name = "sandbox"
    title = "A bank"
    secret_names: frozenset[str] = frozenset()

    def __init__(self, *features: Feature) -> None:
        self.features: frozenset[Feature] = frozenset(features or ("refund",))
        self.down = self.deaf = 0
        self.refuses = ""
        self.slow = False
        self.paid: dict[str, int] = {}
        self.refunds: dict[UUID, RefundSeen] = {}
        self.calls = 0

    def kept(self, *payments: str) -> int:
        """What of these payments was not sent back by us."""
        gone = [
            one.amount
            for one in self.refunds.values()
            if one.payment_ref in payments and one.status != "failed"
        ]
        return sum(self.paid.get(one, 0) for one in payments) - sum(gone)

    def check_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        return dict(options)

    def check_secret(self, name: str, text: str, mode: Mode) -> None:
        """It has none."""

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        self.calls += 1
        if self.down:
            self.down -= 1
            raise GatewayDown("the line is dead")
        if asked.refund not in self.refunds:
            gone = sum(
                one.amount for one in self.refunds.values()
                if one.payment_ref == asked.payment_ref and one.status != "failed"
            )  # fmt: skip
            if self.refuses or gone + asked.amount > self.paid.get(asked.payment_ref, 0):
                raise GatewayRefused(self.refuses or "charge_already_refunded")
            status: Literal["pending", "succeeded"] = "pending" if self.slow else "succeeded"
            self.refunds[asked.refund] = RefundSeen(
                f"r-{asked.refund}", asked.payment_ref, status, asked.amount, asked.currency, asked.refund
            )
        if self.deaf:
            self.deaf -= 1
            raise GatewayDown("the answer was lost")
        return self.refunds[asked.refund]

    async def look_refund(self, site: Site, refund: UUID, ref: str | None) -> RefundSeen | None:
        return self.refunds.get(refund)

    async def customer(self, site: Site, who: Customer) -> str:
        return f"c-{who.account}"

    async def open_checkout(self, site: Site, asked: CheckoutAsked) -> CheckoutOpened:
        return CheckoutOpened(f"page-{asked.checkout}", "http://localhost/page")

    async def close_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        return []

    async def look_checkout(self, site: Site, ref: str) -> Sequence[Seen]:
        return []

    async def charge(self, site: Site, asked: ChargeAsked) -> PaymentSeen:
        raise GatewayRefused("This bank only sends money back.")

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        return []

    async def cancel_payment(self, site: Site, payment: UUID, ref: str) -> PaymentSeen:
        raise GatewayRefused("This bank only sends money back.")

    async def forget_method(self, site: Site, ref: str) -> None:
        return None

    async def portal(self, site: Site, who: Customer, return_url: str, token: str) -> str:
        raise GatewayRefused("This bank only sends money back.")

    async def history(self, site: Site, who: Customer, limit: int) -> tuple[list[Past], bool]:
        return [], False

    def read(self, site: Site, headers: Mapping[str, str], body: bytes, now: Any) -> Notice:
        raise BadSignature


@dataclass
class Counter:
    """One tenant that sells credits and sends money back. Each call is a transaction of its own."""

    db: Database
    tenant: int
    bank: Bank
    till: Till = field(init=False)

    def __post_init__(self) -> None:
        self.till = Till(
            self.db, Vault(bytes(32)), {self.bank.name: self.bank}, rates_in_force, "http://localhost", {}
        )

    async def customer(self) -> int:
        async with self.db.tx() as tx:
            return (await identities.create_account(tx, self.tenant, email="ann@example.com")).account_id

    async def policy(self, **fields: Any) -> None:
        async with self.db.tx() as tx:
            await settings.put_policy(tx, self.tenant, Policy(**fields), by="test")

    async def order(self, account: int, price: int = 1000, credits: int = 100, bonus: int = 0) -> Invoice:
        """An open invoice that buys credits."""
        offer = Offer(
            credit_type="credits", credits=credits * CREDIT, bonus=bonus * CREDIT, price=price, currency="USD",
            expires_after_days=None, package=None, name="Credits",
        )  # fmt: skip
        async with self.db.tx() as tx:
            now = await identity.now(tx, self.tenant)
            made, _ = await purchases.issue(
                tx, self.tenant, account, offer, cause="checkout", at=now, by="test"
            )
        return made

    async def bill(self, account: int, price: int = 1000) -> Invoice:
        """An open invoice that buys nothing."""
        line = NewLine(kind="one_time", description="Work", amount=price)
        async with self.db.tx() as tx:
            await ledger.lock(tx, [account])
            now = await identity.now(tx, self.tenant)
            return await invoicing.issue(
                tx, self.tenant, Draft(account=account, currency="USD", lines=[line]), at=now
            )

    async def begin(self, invoice: Invoice, amount: int | None = None) -> UUID:
        """A payment that is on its way."""
        id = owned_uuid(invoice.account)
        amount = invoice.remaining if amount is None else amount
        async with self.db.tx() as tx:
            now = await identity.now(tx, self.tenant)
            values = {
                "account": invoice.account, "id": id, "tenant": self.tenant, "gateway": self.bank.name,
                "cause": "request", "invoice": invoice.id, "method": None, "checkout": None, "first": None,
                "ref": None, "amount": amount, "currency": "USD", "by": "test", "wanted_at": now, "now": now,
                "due_at": None,
            }  # fmt: skip
            await run(tx, q.insert_payment, values)
        return id

    async def came(self, payment: UUID, amount: int) -> Payment:
        """Its money came."""
        self.bank.paid[f"p-{payment}"] = amount
        await self.take(PaymentSeen(f"p-{payment}", "succeeded", amount, "USD", payment))
        return await self.payment(payment)

    async def paid(self, invoice: Invoice, amount: int | None = None) -> Payment:
        payment = await self.begin(invoice, amount)
        return await self.came(payment, invoice.remaining if amount is None else amount)

    async def bought(self, account: int, **offer: Any) -> Payment:
        """Credits, bought and paid for."""
        return await self.paid(await self.order(account, **offer))

    async def take(self, *seen: Seen) -> None:
        async with self.db.tx() as tx:
            await settling.take(tx, self.till, self.tenant, self.bank.name, seen, by="test")

    async def spend(self, account: int, credits: int) -> None:
        async with self.db.tx() as tx:
            heads = await ledger.lock(tx, [account])
            asked = Debit(account=account, credit_type="credits", amount=credits * CREDIT)
            [done] = await ledger.apply(
                tx, heads, [order(asked, tenant=self.tenant, actor="test")], rates_in_force
            )
            assert not isinstance(done, Exception), done

    async def ask(self, payment: Payment, amount: int | None = None, **more: Any) -> Refund:
        """A refund, written and not sent."""
        async with self.db.tx() as tx:
            return await refunds.request(
                tx, self.tenant, payment.account, payment.id, amount=amount, by="test", rates=rates_in_force,
                **more,
            )  # fmt: skip

    async def refund(self, payment: Payment, amount: int | None = None, **more: Any) -> Refund:
        made = await self.ask(payment, amount, **more)
        return await refunds.perform(self.till, made.account, made.id)

    async def act(self, what: Any, row: Refund | Dispute, *args: Any, **more: Any) -> Any:
        async with self.db.tx() as tx:
            return await what(tx, self.tenant, row.account, row.id, *args, by="test", **more)

    async def disputed(self, payment: Payment, ref: str = "d-1", status: Any = "open", **more: Any) -> None:
        amount = more.pop("amount", payment.amount)
        await self.take(DisputeSeen(ref, payment.ref or "", status, amount, "USD", **more))

    async def close(self, row: Dispute, outcome: disputes.Outcome) -> Dispute:
        made: Dispute = await self.act(disputes.close, row, outcome, rates=rates_in_force)
        return made

    # What came of it

    async def payment(self, payment: UUID) -> Payment:
        async with self.db.connection() as conn:
            return await views.payment(conn, self.tenant, payment)

    async def invoice(self, invoice: UUID | None) -> Invoice:
        assert invoice is not None
        async with self.db.connection() as conn:
            return await invoices.invoice(conn, self.tenant, invoice)

    async def refunds(self, account: int) -> list[Refund]:
        async with self.db.connection() as conn:
            found = await refund_views.refunds(conn, self.tenant, account=account)
        return list(reversed(found.rows))

    async def disputes(self, account: int) -> list[Dispute]:
        async with self.db.connection() as conn:
            found = await refund_views.disputes(conn, self.tenant, account=account)
        return list(reversed(found.rows))

    def credits(self, account: int) -> int:
        """Whole credits of the wallet."""
        rows = self.rows("select posted from wallet where account_id = %s", account)
        return int(rows[0]["posted"]) // CREDIT if rows else 0

    def entries(self, account: int, kind: str) -> list[tuple[str | None, str | None]]:
        """Reference and description of the account's entries of a kind, the oldest first."""
        query = "select reference, description from entry where account_id = %s and kind = %s order by seq"
        rows = self.rows(query, account, kind)
        return [(row["reference"], row["description"]) for row in rows]

    async def credit(self, account: int) -> int:
        """Minor units of customer credit."""
        async with self.db.connection() as conn:
            return await invoices.credit_balance(conn, account, "USD")

    async def status(self, account: int) -> str:
        async with self.db.connection() as conn:
            return (await identity.account(conn, self.tenant, account)).status

    async def set_status(self, account: int, status: str) -> None:
        async with self.db.tx() as tx:
            await identities.patch_account(tx, self.tenant, account, {"status": status})

    def events(self, account: int, group: str) -> list[str]:
        """The types of the account's events of a group, in order."""
        rows = self.rows(
            "select type from event where account_id = %s and type like %s order by place",
            account,
            f"{group}.%",
        )
        return [row["type"].partition(".")[2] for row in rows]

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.db.url, row_factory=dict_row) as conn:
            return conn.execute(query.encode(), values).fetchall()
