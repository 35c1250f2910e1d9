"""What happens to money in the corners: wrong currencies, full wallets, refusals after an unknown outcome."""

import asyncio
from dataclasses import replace
from uuid import UUID

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments import jobs, refunds, settling
from tallystick.domain.payments.model import Payment
from tallystick.domain.payments.port import DisputeSeen, PaymentSeen, RefundAsked, RefundSeen, Site
from tallystick.kernel.credits import MAX_AMOUNT

from tests.doubles.gateway import BenchGateway

from .front import Front
from .refunding import CREDIT

pytestmark = pytest.mark.anyio


async def paid(front: Front, account: int, **package: object) -> Payment:
    page = await front.buy(account, **package)
    await front.pay(page)
    return await front.payment(page.payment)


async def dispute(front: Front, row: Payment, status: str, ref: str = "d-1") -> None:
    await front.take(DisputeSeen(ref, row.ref or "", status, row.amount, "USD"))  # type: ignore[arg-type]


async def refund(front: Front, row: Payment, amount: int | None = None, **more: object):
    async with front.shop.tx() as tx:
        made = await refunds.request(
            tx, front.tenant, row.account, row.id, amount=amount, by="test", rates=rates_in_force, **more
        )
    return made


async def test_money_of_another_currency_goes_back_in_that_currency(front: Front) -> None:
    ann = await front.shop.customer()
    page = await front.buy(ann)
    [seen] = front.bench.pay(page.id)
    assert seen.payment is not None
    await front.take(replace(seen, payment=replace(seen.payment, currency="EUR")))
    row = await front.payment(page.payment)
    assert (row.status, row.currency, row.to_refund, row.applied) == ("succeeded", "EUR", 1000, 0)


async def test_a_wallet_that_is_full(front: Front) -> None:
    ann = await front.shop.customer()
    pages = [await front.buy(ann, credits=MAX_AMOUNT // CREDIT, price=1000) for _ in range(3)]
    for page in pages:
        await front.pay(page)
    for row in await front.payments(ann):
        assert row.status == "succeeded"
    assert (await verify(front.shop.db)).ok


async def test_a_won_dispute_and_then_a_refund(front: Front) -> None:
    ann = await front.shop.customer()
    row = await paid(front, ann)
    await dispute(front, row, "open")
    assert await front.shop.balance(ann) == 0
    await dispute(front, row, "won")
    assert await front.shop.balance(ann) == 100
    await refund(front, await front.payment(row.id))
    assert await front.shop.balance(ann) == 0


async def test_won_half_refund_then_dispute_again(front: Front) -> None:
    ann = await front.shop.customer()
    row = await paid(front, ann, bonus=50 * CREDIT)
    await dispute(front, row, "open")
    await dispute(front, row, "won")
    assert await front.shop.balance(ann) == 150
    await refund(front, await front.payment(row.id), 500)
    assert await front.shop.balance(ann) == 75
    await dispute(front, row, "open", "d-2")
    assert await front.shop.balance(ann) == 0
    await dispute(front, row, "won", "d-2")
    assert await front.shop.balance(ann) == 75
    await refund(front, await front.payment(row.id))
    assert await front.shop.balance(ann) == 0


async def test_a_refund_whose_look_is_refused_after_its_answer_was_lost(front: Front) -> None:
    ann = await front.shop.customer()
    row = await paid(front, ann)
    made = await refund(front, row)
    front.bench.trouble("lost")
    await refunds.perform(front.till, ann, made.id)
    front.bench.trouble("refused")
    await front.work()
    async with front.shop.db.connection() as conn:
        from tallystick.domain.payments import refund_views
        now = await refund_views.refund(conn, front.tenant, made.id)
    assert now.status == "pending"
    await front.work()
    assert front.bench.taken == 0
    async with front.shop.db.connection() as conn:
        now = await refund_views.refund(conn, front.tenant, made.id)
    assert now.status == "succeeded"


async def test_taking_a_charge_back_is_refused_while_nobody_knows_what_came_of_it(front: Front) -> None:
    ann = await front.shop.customer()
    await front.save(ann)
    page = await front.buy(ann)
    invoice = await front.invoice(page.invoice)
    made = await front.request(invoice)
    front.bench.trouble("lost")
    from tallystick.domain.payments import charging
    await charging.perform(front.till, ann, made.id)
    front.bench.trouble("lost")
    await front.work()
    async with front.shop.tx() as tx:
        await settling.pay_invoice(tx, front.tenant, ann, invoice.id, rates=rates_in_force, by="test")
    front.bench.troubles.clear()
    front.bench.trouble("refused")
    for _ in range(4):
        await front.work()
    row = await front.payment(made.id)
    print(row)
    assert (row.status, row.to_refund) == ("succeeded", 1000)
    assert front.bench.taken == 0


async def test_a_decline_that_is_not_final_of_a_saved_card_is_no_work_for_ever(front: Front) -> None:
    ann = await front.shop.customer()
    await front.save(ann)
    page = await front.buy(ann)
    made = await front.request(await front.invoice(page.invoice))
    await front.take(PaymentSeen("x-1", "failed", 1000, "USD", made.id, final=False, failure_code="nope"))
    await front.work()
    row = await front.payment(made.id)
    assert row.ended_at is not None
    assert await jobs.run_due(front.till, tenant=front.tenant) == 0


async def test_blocked_by_a_dispute_and_pays_another_page(front: Front) -> None:
    ann = await front.shop.customer()
    await front.policy(disputes="freeze")
    first = await paid(front, ann)
    page = await front.buy(ann)
    await dispute(front, first, "open")
    await front.pay(page)
    row = await front.payment(page.payment)
    assert row.status == "succeeded"
    assert row.applied + row.to_refund == 1000


async def test_a_page_whose_account_was_closed(front: Front) -> None:
    ann = await front.shop.customer()
    await front.save(ann)
    page = await front.buy(ann)
    async with front.shop.tx() as tx:
        await tx.execute(b"update account_head set status = 'closed' where account_id = %s", [ann])
    await front.pay(page)
    row = await front.payment(page.payment)
    assert (row.status, row.to_refund) == ("succeeded", 1000)
    await front.work()
    assert front.bench.taken == 0
    await dispute(front, row, "open")
    await dispute(front, row, "lost")


async def test_pay_expired_page_with_invoice_partly_paid(front: Front) -> None:
    ann = await front.shop.customer()
    page = await front.buy(ann)
    seen = front.bench.pay(page.id)
    async with front.shop.tx() as tx:
        await settling.pay_invoice(
            tx, front.tenant, ann, page.invoice, rates=rates_in_force, by="test", amount=400
        )
    await front.take(*seen)
    row = await front.payment(page.payment)
    assert (row.applied, row.to_refund) == (600, 400)
    await front.work()
    assert front.bench.taken == 600
    # refund of 600, then of nothing
    await refund(front, await front.payment(row.id))
    assert await front.shop.balance(ann) == 40
    await front.work()
    assert front.bench.taken == 0


class Slow(BenchGateway):
    """Answers the first refund only once it was asked for the second."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.first: UUID | None = None

    async def refund(self, site: Site, asked: RefundAsked) -> RefundSeen:
        if self.first in (None, asked.refund):
            self.first = asked.refund
            await asyncio.wait_for(self.asked.wait(), 30)
        self.asked.set()
        return await super().refund(site, asked)


async def test_a_refund_that_is_slow_holds_up_no_other(front: Front) -> None:
    front.bench = Slow()
    front.__post_init__()
    ann = await front.shop.customer()
    for _ in range(6):
        await refund(front, await paid(front, ann))
    while await front.work():
        pass
    assert front.bench.taken == 0
