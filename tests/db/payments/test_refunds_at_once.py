"""A payment, the end of its invoice, the end of its page and refunds, all at once: whoever is first, it adds up."""

import asyncio
import random
from collections.abc import Awaitable
from typing import Any

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing.verify import verify as verify_invoices
from tallystick.domain.ledger.verify import verify as verify_books
from tallystick.domain.payments import refunds, settings, settling
from tallystick.domain.payments.checkouts import ForAmount, expire_checkout, open_checkout
from tallystick.domain.payments.port import CheckoutSeen, RefundSeen
from tallystick.domain.payments.verify import verify
from tallystick.kernel.errors import Fact
from tests import cast

from .refunding import CREDIT, Bank, Counter

pytestmark = pytest.mark.anyio


async def settled(work: Awaitable[Any]) -> Any:
    """What came of it: a fact is an answer too."""
    try:
        return await work
    except Fact as fact:
        return fact


async def test_one_end_state(db: Database) -> None:
    counter = Counter(db, (await cast.first_app(db)).app.live, Bank("checkout", "refund"))
    await cast.crowd(db)
    async with db.tx() as tx:
        await settings.put_gateway(
            tx, counter.till, counter.tenant, "sandbox", enabled=True, options={}, secrets=None, by="test"
        )
    chance = random.Random(4)
    for number in range(4):
        ann = await counter.customer()
        opened = await open_checkout(
            counter.till, counter.tenant, ann, ForAmount("credits", 100 * CREDIT), by="test"
        )
        assert opened.payment is not None
        assert opened.invoice is not None
        payment, invoice = await counter.payment(opened.payment), opened.invoice
        again = await counter.begin(await counter.invoice(invoice))

        async def void(ann: int = ann, invoice: Any = invoice) -> None:
            async with db.tx() as tx:
                await settling.void_invoice(tx, counter.tenant, ann, invoice, rates=rates_in_force, by="test")

        steps = [
            counter.came(payment.id, 100),
            counter.came(again, 100),
            void(),
            expire_checkout(counter.till, counter.tenant, ann, opened.id, by="test"),
            counter.take(CheckoutSeen(opened.ref or "", "expired", opened.id)),
            counter.ask(payment, 60),
            counter.ask(payment, 60),
            counter.take(RefundSeen(f"r-{number}", f"p-{payment.id}", "succeeded", 30, "USD")),
        ]
        chance.shuffle(steps)
        await asyncio.gather(*(settled(step) for step in steps))
        await settled(counter.ask(payment, 10))
        while await refunds.run_due(counter.till):
            pass
        paid, second = await counter.payment(payment.id), await counter.payment(again)
        bill = await counter.invoice(invoice)
        assert (paid.status, second.status) == ("succeeded", "succeeded")
        assert bill.status in ("paid", "void")
        given = counter.rows("select fulfilled_at from purchase where account_id = %s", ann)
        assert (given[0]["fulfilled_at"] is not None) == (bill.status == "paid")
        kept = sum(one.amount - one.refunded for one in (paid, second))
        assert kept == counter.bank.kept(f"p-{paid.id}", f"p-{again}") - sum(
            one.amount for one in await counter.refunds(ann) if one.cause == "provider"
        )
        owed = await counter.credit(ann)
        assert owed <= kept
    assert await verify(db) == []
    assert await verify_invoices(db) == []
    assert (await verify_books(db)).ok
