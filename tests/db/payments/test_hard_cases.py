"""What happens to money in the corners: wrong currencies, full wallets, refusals after an unknown outcome."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity import views as identities
from tallystick.domain.payments import charging, jobs, refund_views, refunds, settling
from tallystick.domain.payments.model import DisputeStatus, Payment, Refund
from tallystick.domain.payments.port import (
    CheckoutSeen,
    DisputeSeen,
    PaymentSeen,
    RefundAsked,
    RefundSeen,
    Seen,
    Site,
)
from tallystick.kernel.credits import MAX_BALANCE
from tests.doubles.gateway import BenchGateway

from .front import Front
from .refunding import CREDIT

pytestmark = pytest.mark.anyio


async def paid(front: Front, account: int, **package: Any) -> Payment:
    page = await front.buy(account, **package)
    await front.pay(page)
    return await front.payment(page.payment)


async def dispute(front: Front, row: Payment, status: DisputeStatus, ref: str = "d-1") -> None:
    await front.take(DisputeSeen(ref, row.ref or "", status, row.amount, "USD"))


async def refund(front: Front, row: Payment, amount: int | None = None) -> Refund:
    """Written, and not sent."""
    async with front.shop.tx() as tx:
        return await refunds.request(
            tx, front.tenant, row.account, row.id, amount=amount, by="test", rates=rates_in_force
        )


async def seen(front: Front, row: Refund) -> Refund:
    async with front.shop.db.connection() as conn:
        return await refund_views.refund(conn, front.tenant, row.id)


async def pay_by_hand(front: Front, account: int, invoice: UUID | None, amount: int | None = None) -> None:
    assert invoice is not None
    async with front.shop.tx() as tx:
        await settling.pay_invoice(
            tx, front.tenant, account, invoice, rates=rates_in_force, by="test", amount=amount
        )


async def test_money_of_another_currency_goes_back_in_that_currency(front: Front) -> None:
    ann = await front.shop.customer()
    page = await front.buy(ann)
    [told] = front.bench.pay(page.id)
    assert isinstance(told, CheckoutSeen)
    assert told.payment is not None
    await front.take(replace(told, payment=replace(told.payment, currency="EUR")))
    row = await front.payment(page.payment)
    assert (row.status, row.currency, row.to_refund, row.applied) == ("succeeded", "EUR", 1000, 0)
    assert front.shop.rows("select currency from refund") == [{"currency": "EUR"}]


async def test_money_for_what_a_wallet_cannot_hold_goes_back(front: Front) -> None:
    ann = await front.shop.customer()
    page = await front.buy(ann)
    with psycopg.connect(front.shop.db.url) as conn:
        conn.execute(
            "insert into wallet (account_id, credit_type, posted, updated_at)"
            " values (%s, 'credits', %s, now())",
            [ann, MAX_BALANCE],
        )
    await front.pay(page)
    row = await front.payment(page.payment)
    assert (row.status, row.to_refund) == ("succeeded", 1000)
    assert (await front.invoice(page.invoice)).status == "open"
    await front.work()
    assert front.bench.taken == 0


async def test_credits_given_again_are_taken_by_a_refund(front: Front) -> None:
    ann = await front.shop.customer()
    row = await paid(front, ann)
    await dispute(front, row, "open")
    assert await front.shop.balance(ann) == 0
    await dispute(front, row, "won")
    assert await front.shop.balance(ann) == 100
    await refund(front, await front.payment(row.id))
    assert await front.shop.balance(ann) == 0


async def test_disputes_and_refunds_in_turns(front: Front) -> None:
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
    assert (await seen(front, made)).status == "pending"
    await front.work()
    assert front.bench.taken == 0
    assert (await seen(front, made)).status == "succeeded"


async def test_taking_a_charge_back_is_refused_while_nobody_knows_what_came_of_it(front: Front) -> None:
    ann = await front.shop.customer()
    await front.save(ann)
    page = await front.buy(ann)
    invoice = await front.invoice(page.invoice)
    made = await front.request(invoice)
    front.bench.trouble("lost")
    await charging.perform(front.till, ann, made.id)
    front.bench.trouble("lost")
    await front.work()
    await pay_by_hand(front, ann, invoice.id)
    front.bench.troubles.clear()
    front.bench.trouble("refused")
    for _ in range(4):
        await front.work()
    row = await front.payment(made.id)
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


async def test_who_is_blocked_may_still_pay(front: Front) -> None:
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


async def test_an_invoice_that_is_partly_paid_meanwhile(front: Front) -> None:
    ann = await front.shop.customer()
    page = await front.buy(ann)
    told = front.bench.pay(page.id)
    await pay_by_hand(front, ann, page.invoice, 400)
    await front.take(*told)
    row = await front.payment(page.payment)
    assert (row.applied, row.to_refund) == (600, 400)
    await front.work()
    assert front.bench.taken == 600
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
    front = Front(front.shop, Slow())
    ann = await front.shop.customer()
    for _ in range(6):
        await refund(front, await paid(front, ann))
    while await front.work():
        pass
    assert front.bench.taken == 0


class Behind(BenchGateway):
    """Finds by our own id only what was made a while ago, as a search does that is behind."""

    behind = 3

    async def look_payment(self, site: Site, payment: UUID, ref: str | None) -> Sequence[Seen]:
        self.behind -= 1
        return [] if self.behind >= 0 else await super().look_payment(site, payment, ref)


async def test_a_charge_that_a_search_does_not_find_yet_is_not_given_up(front: Front) -> None:
    front = Front(front.shop, Behind())
    ann = await front.shop.customer()
    await front.save(ann)
    invoice = await front.invoice((await front.buy(ann)).invoice)
    made = await front.request(invoice)
    front.bench.trouble("lost")
    await charging.perform(front.till, ann, made.id)
    await pay_by_hand(front, ann, invoice.id)
    for _ in range(6):
        await front.work()
    assert front.bench.count("charge") == 1
    row = await front.payment(made.id)
    assert (row.status, row.to_refund) == ("succeeded", 1000)
    assert front.bench.taken == 0


async def test_an_account_that_was_unblocked_is_blocked_by_the_next_dispute(front: Front) -> None:
    ann = await front.shop.customer()
    await front.policy(disputes="freeze")
    first, second = await paid(front, ann), await paid(front, ann)
    await dispute(front, first, "open")
    async with front.shop.tx() as tx:
        await identity.patch_account(tx, front.tenant, ann, {"status": "active"})
    await dispute(front, second, "open", "d-2")
    assert await status(front, ann) == "blocked"
    await dispute(front, first, "won")
    assert await status(front, ann) == "blocked"
    await dispute(front, second, "won", "d-2")
    assert await status(front, ann) == "active"


async def status(front: Front, account: int) -> str:
    async with front.shop.db.connection() as conn:
        return (await identities.account(conn, front.tenant, account)).status
