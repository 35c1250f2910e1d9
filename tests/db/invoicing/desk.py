"""What the tests of invoicing do again and again."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from tallystick.db.pool import Database, Tx
from tallystick.domain.identity.model import Account
from tallystick.domain.invoicing import actions, views
from tallystick.domain.invoicing.model import Draft, Invoice, NewLine
from tallystick.domain.ledger import actions as ledger

AT = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def line(amount: int, description: str = "Plan", **fields: Any) -> NewLine:
    return NewLine(**{"kind": "plan", "description": description, "amount": amount, **fields})


def draft(account: Account, *amounts: int, **fields: Any) -> Draft:
    values = {"currency": "USD", "lines": [line(amount) for amount in amounts], "reason": "cycle"}
    return Draft(account=account.account_id, **{**values, **fields})


class Desk:
    """One tenant's invoicing: each call is a transaction of its own."""

    def __init__(self, db: Database, tenant: int) -> None:
        self.db, self.tenant = db, tenant

    @contextlib.asynccontextmanager
    async def locked(self, accounts: Sequence[Account]) -> AsyncIterator[Tx]:
        """A transaction that holds the accounts' heads, as a caller of `issue` does."""
        async with self.db.tx() as tx:
            await ledger.lock(tx, [account.account_id for account in accounts])
            yield tx

    async def issue(self, account: Account, *amounts: int, at: datetime = AT, **fields: Any) -> Invoice:
        async with self.locked([account]) as tx:
            return await actions.issue(tx, self.tenant, draft(account, *amounts, **fields), at=at)

    async def preview(self, account: Account, *amounts: int, at: datetime = AT, **fields: Any) -> Invoice:
        async with self.db.connection() as conn:
            return await actions.preview(conn, self.tenant, draft(account, *amounts, **fields), at=at)

    async def pay(self, invoice: Invoice, amount: int | None = None, **fields: Any) -> Invoice:
        async with self.db.tx() as tx:
            return await actions.pay(
                tx, self.tenant, invoice.account, invoice.id, amount=amount, by="test", **fields
            )

    async def void(self, invoice: Invoice) -> Invoice:
        async with self.db.tx() as tx:
            return await actions.void(tx, self.tenant, invoice.account, invoice.id, by="test")

    async def give_up(self, invoice: Invoice) -> Invoice:
        async with self.db.tx() as tx:
            return await actions.mark_uncollectible(tx, self.tenant, invoice.account, invoice.id, by="test")

    async def credit(self, account: Account, minor: int, currency: str = "USD") -> int:
        async with self.db.tx() as tx:
            made = await actions.add_credit(
                tx, self.tenant, account.account_id, currency, minor, reason="goodwill", by="test"
            )
        return made.balance

    async def balance(self, account: Account, currency: str = "USD") -> int:
        async with self.db.connection() as conn:
            return await views.credit_balance(conn, account.account_id, currency)

    async def read(self, invoice: UUID) -> Invoice:
        async with self.db.connection() as conn:
            return await views.invoice(conn, self.tenant, invoice)
