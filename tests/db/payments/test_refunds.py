"""Refunds: what goes back, what follows from it, and what never may happen."""

import asyncio
from dataclasses import replace
from itertools import permutations
from typing import Any, Literal

import pytest

from tallystick.db.pool import Database
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.invoicing import views as invoices
from tallystick.domain.payments import refunds, settling
from tallystick.domain.payments.port import RefundSeen
from tallystick.kernel.errors import Conflict, Fact, Invalid, NotFound
from tallystick.kernel.ids import typeid
from tests import cast

from .refunding import CREDIT, Bank, Counter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counter(db: Database) -> Counter:
    return Counter(db, (await cast.first_app(db)).app.live, Bank())


async def note_of(counter: Counter, row: Any) -> Any:
    async with counter.db.connection() as conn:
        return await invoices.credit_note(conn, counter.tenant, row.credit_note)


async def test_a_whole_refund_takes_the_credits_and_has_a_credit_note(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann, bonus=20)
    assert counter.credits(ann) == 120
    made = await counter.refund(paid, reason="changed their mind")
    assert (made.status, made.amount, made.from_invoice, made.from_credit) == ("succeeded", 1000, 1000, 0)
    assert counter.credits(ann) == 0
    assert [one["amount"] for one in made.taken] == [100 * CREDIT, 20 * CREDIT]
    assert counter.entries(ann, "refund") == [(typeid("re", made.id), "Refund")] * 2
    note = await note_of(counter, made)
    assert (note.total, note.refund_due, note.to_credit, note.reason) == (1000, 1000, 0, "changed their mind")
    assert (await counter.payment(paid.id)).refunded == 1000
    assert counter.events(ann, "refund") == ["created", "succeeded"]
    assert sum(one.amount for one in counter.bank.refunds.values()) == 1000


async def test_parts_sum_to_the_whole(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann, price=999, credits=100, bonus=7)
    parts = [await counter.refund(paid, 333) for _ in range(3)]
    assert sum(one["amount"] for part in parts for one in part.taken) == 107 * CREDIT
    assert counter.credits(ann) == 0
    with pytest.raises(Conflict, match="Nothing of the payment"):
        await counter.ask(paid)


async def test_unspent_takes_what_is_left_of_the_purchase_alone(counter: Counter) -> None:
    ann = await counter.customer()
    first, second = await counter.bought(ann), await counter.bought(ann)
    await counter.spend(ann, 70)  # of the first
    await counter.refund(first)
    assert counter.credits(ann) == 100
    await counter.refund(second, 500)
    assert counter.credits(ann) == 50


async def test_the_policy_says_what_is_taken_and_a_request_says_otherwise(counter: Counter) -> None:
    ann = await counter.customer()
    await counter.policy(refunds="wallet")
    first, second = await counter.bought(ann), await counter.bought(ann)
    await counter.spend(ann, 70)
    made = await counter.refund(first, 500)
    assert (made.take, counter.credits(ann)) == ("wallet", 80), "30 of its own, 20 of the other"
    await counter.refund(first, take="keep")
    assert counter.credits(ann) == 80
    await counter.spend(ann, 60)
    made = await counter.refund(second)
    assert counter.credits(ann) == 0, "no more than there is: nothing is owed by it"
    assert sum(one["amount"] for one in made.taken) == 20 * CREDIT


async def test_bad_requests_are_refused(counter: Counter) -> None:
    ann, bob = await counter.customer(), await counter.customer()
    paid = await counter.bought(ann)
    for amount in (0, -1, 1001):
        with pytest.raises(Invalid):
            await counter.ask(paid, amount)
    other = Counter(counter.db, (await cast.second_app(counter.db)).live, counter.bank)
    with pytest.raises(NotFound):
        await other.ask(paid)
    waiting = await counter.payment(await counter.begin(await counter.order(ann)))
    with pytest.raises(Conflict) as refused:
        await counter.ask(waiting)
    assert refused.value.code == "payment_state"
    paid.account = bob
    with pytest.raises(NotFound):
        await counter.ask(paid)
    assert await counter.refunds(ann) == []


async def test_money_that_became_credit_goes_first_and_not_twice(counter: Counter) -> None:
    await counter.policy(duplicates="credit")
    ann = await counter.customer()
    paid = await counter.paid(await counter.order(ann), 1500)
    assert (paid.applied, paid.to_credit, await counter.credit(ann)) == (1000, 500, 500)
    made = await counter.refund(paid, 700)
    assert (made.from_credit, made.from_invoice, await counter.credit(ann)) == (500, 200, 0)
    assert counter.credits(ann) == 80
    made = await counter.refund(paid)
    assert (made.from_credit, made.from_invoice) == (0, 800)


async def test_credit_that_was_used_up_is_not_sent_back(counter: Counter) -> None:
    await counter.policy(duplicates="credit")
    ann = await counter.customer()
    paid = await counter.paid(await counter.order(ann), 1500)
    await counter.bill(ann, 400)
    made = await counter.refund(paid, 1100)
    assert (made.from_credit, made.from_invoice) == (100, 1000)
    with pytest.raises(Conflict) as refused:
        await counter.ask(paid)
    assert refused.value.code == "credit_spent"


async def test_what_was_paid_of_a_void_invoice_is_refunded_from_credit(counter: Counter) -> None:
    ann = await counter.customer()
    bill = await counter.bill(ann)
    paid = await counter.paid(bill, 600)
    with pytest.raises(Conflict) as refused:
        await counter.ask(paid)
    assert refused.value.code == "invoice_state"
    async with counter.db.tx() as tx:
        await settling.void_invoice(tx, counter.tenant, ann, bill.id, rates=rates_in_force, by="test")
    assert await counter.credit(ann) == 600
    made = await counter.refund(paid)
    assert (made.from_credit, made.credit_note, await counter.credit(ann)) == (600, None, 0)


async def test_a_duplicate_is_sent_back(counter: Counter) -> None:
    ann = await counter.customer()
    bill = await counter.order(ann)
    first, second = await counter.begin(bill), await counter.begin(bill)
    await counter.came(first, 1000)
    paid = await counter.came(second, 1000)
    assert (paid.applied, paid.to_refund, paid.refunded) == (0, 1000, 1000)
    [made] = await counter.refunds(ann)
    assert (made.cause, made.surplus, made.status, made.take) == ("duplicate", 1000, "pending", "keep")
    assert await refunds.run_due(counter.till) == 1
    [made] = await counter.refunds(ann)
    assert (made.status, counter.credits(ann)) == ("succeeded", 100)
    with pytest.raises(Conflict):
        await counter.ask(paid)


async def test_a_gateway_that_is_down_is_asked_again_with_the_same_key(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    counter.bank.down, counter.bank.deaf = 1, 0
    made = await counter.refund(paid)
    assert (made.status, made.attempts) == ("pending", 1)
    assert made.failure == "the line is dead"
    assert await refunds.run_due(counter.till) == 0, "it waits a little"
    counter.bank.deaf = 1
    made = await refunds.perform(counter.till, ann, made.id)
    assert made.status == "pending"
    made = await refunds.perform(counter.till, ann, made.id)
    assert (made.status, made.failure, len(counter.bank.refunds)) == ("succeeded", None, 1)


async def test_a_refund_whose_caller_died_is_sent_by_the_worker(counter: Counter) -> None:
    ann = await counter.customer()
    made = await counter.ask(await counter.bought(ann))
    assert await refunds.is_due(counter.db, counter.tenant)
    assert await refunds.run_due(counter.till) == 1
    assert not await refunds.is_due(counter.db, counter.tenant)
    assert (await counter.refunds(ann))[0].status == "succeeded"
    assert made.id in counter.bank.refunds


async def test_one_that_is_on_its_way_is_looked_at_later(counter: Counter) -> None:
    ann = await counter.customer()
    counter.bank.slow = True
    made = await counter.refund(await counter.bought(ann))
    assert (made.status, made.ref, counter.events(ann, "refund")) == ("pending", f"r-{made.id}", ["created"])
    assert await refunds.run_due(counter.till) == 0
    counter.bank.refunds[made.id] = replace(counter.bank.refunds[made.id], status="succeeded")
    made = await refunds.perform(counter.till, ann, made.id)
    assert (made.status, counter.bank.calls, counter.events(ann, "refund")) == (
        "succeeded",
        1,
        ["created", "succeeded"],
    )


async def test_what_the_gateway_refuses_has_failed_and_is_tried_again(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    counter.bank.refuses = "the card is closed"
    made = await counter.refund(paid, 400)
    assert (made.status, made.failure) == ("failed", "the card is closed")
    assert (await counter.payment(paid.id)).refunded == 0
    assert counter.credits(ann) == 60, "what was taken stays taken: it is tried again, or paid by hand"
    with pytest.raises(Invalid, match="from 1 to 600"):
        await counter.ask(paid, 700)
    counter.bank.refuses = ""
    again = await counter.act(refunds.retry, made)
    assert (again.id != made.id, again.credit_note, again.taken) == (True, made.credit_note, made.taken)
    again = await refunds.perform(counter.till, ann, again.id)
    assert (again.status, counter.credits(ann), (await counter.payment(paid.id)).refunded) == (
        "succeeded",
        60,
        400,
    )
    with pytest.raises(Conflict):
        await counter.act(refunds.retry, made)
    await counter.refund(paid)
    assert (counter.credits(ann), len(counter.rows("select from credit_note"))) == (0, 2)
    assert counter.events(ann, "refund") == [
        "created",
        "failed",
        "created",
        "succeeded",
        "created",
        "succeeded",
    ]


async def test_a_failed_refund_is_paid_by_hand(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    counter.bank.refuses = "no"
    made = await counter.refund(paid)
    done = await counter.act(refunds.complete, made, reference="cash")
    assert (done.status, (await counter.payment(paid.id)).refunded) == ("succeeded", 1000)
    # a late word of the provider's changes nothing
    await counter.take(RefundSeen("r-x", paid.ref or "", "failed", 1000, "USD", made.id))
    assert (await counter.payment(paid.id)).refunded == 1000


async def test_by_hand_where_the_gateway_cannot(db: Database) -> None:
    counter = Counter(db, (await cast.first_app(db)).app.live, Bank("refund", "staff"))
    ann = await counter.customer()
    made = await counter.refund(await counter.bought(ann))
    assert (made.status, made.due_at, counter.bank.calls) == ("pending", None, 0)
    assert await refunds.run_due(counter.till) == 0
    done = await counter.act(refunds.complete, made)
    assert done.status == "succeeded"
    with pytest.raises(Conflict):
        await counter.act(refunds.complete, made)


STATES: tuple[Literal["pending", "succeeded", "failed"], ...] = ("pending", "succeeded", "failed")


async def test_facts_in_any_order_end_the_same(counter: Counter) -> None:
    """A refund of the provider's dashboard that was sent and came back."""
    for number, order in enumerate(permutations(STATES)):
        ann = await counter.customer()
        paid = await counter.bought(ann)
        for status in (*order, *order):
            await counter.take(RefundSeen(f"r-{number}", paid.ref or "", status, 250, "USD"))
        [made] = await counter.refunds(ann)
        assert (made.status, made.from_invoice, made.cause) == ("failed", 250, "provider")
        assert (counter.credits(ann), (await counter.payment(paid.id)).refunded) == (75, 0)
        assert len(counter.rows("select from credit_note where account_id = %s", ann)) == 1


async def test_a_refund_that_is_told_before_its_payment(counter: Counter) -> None:
    ann = await counter.customer()
    payment = await counter.begin(await counter.order(ann))
    seen = RefundSeen("r-1", f"p-{payment}", "succeeded", 1000, "USD")
    await counter.take(seen)
    await counter.take(seen)
    assert await counter.refunds(ann) == []
    paid = await counter.came(payment, 1000)
    assert (paid.refunded, counter.credits(ann)) == (1000, 0)
    await counter.take(seen)
    assert len(await counter.refunds(ann)) == 1
    assert counter.rows("select from early_notice") == []


async def test_the_dashboards_refund_takes_the_place_of_ours(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    ours = await counter.ask(paid, 800)
    await counter.take(RefundSeen("r-1", paid.ref or "", "succeeded", 500, "USD"))
    counter.bank.paid[paid.ref or ""] = 500
    first, second = await counter.refunds(ann)
    assert (first.id, first.status, second.status) == (ours.id, "failed", "succeeded")
    assert (await counter.payment(paid.id)).refunded == 500


async def test_refunds_at_once_never_go_beyond_the_payment(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    await cast.crowd(counter.db)

    async def one(amount: int) -> Any:
        try:
            return await counter.refund(paid, amount)
        except Fact as fact:
            return fact

    done = await asyncio.gather(*(one(300) for _ in range(8)))
    made = [one for one in done if not isinstance(one, Fact)]
    assert len(made) == 3
    assert sum(one.amount for one in counter.bank.refunds.values()) == 900
    assert ((await counter.payment(paid.id)).refunded, counter.credits(ann)) == (900, 10)


async def test_one_refund_performed_by_many_is_sent_once(counter: Counter) -> None:
    ann = await counter.customer()
    made = await counter.ask(await counter.bought(ann))
    await cast.crowd(counter.db)
    await asyncio.gather(
        *(refunds.perform(counter.till, ann, made.id) for _ in range(5)),
        *(refunds.run_due(counter.till) for _ in range(3)),
    )
    assert len(counter.bank.refunds) == 1
    assert counter.events(ann, "refund") == ["created", "succeeded"]


async def test_a_note_sends_back_what_was_paid_the_newest_first(counter: Counter) -> None:
    ann = await counter.customer()
    bill = await counter.order(ann)
    async with counter.db.tx() as tx:
        await settling.pay_invoice(
            tx, counter.tenant, ann, bill.id, rates=rates_in_force, by="test", amount=100
        )
    first = await counter.paid(bill, 400)
    second = await counter.paid(await counter.invoice(bill.id))
    assert (second.amount, counter.credits(ann)) == (500, 100)
    async with counter.db.tx() as tx:
        note = await settling.credit_invoice(
            tx,
            counter.tenant,
            ann,
            bill.id,
            rates=rates_in_force,
            by="test",
            reason="all of it",
            refund="refund",
        )
        made = await refunds.refund_note(tx, counter.tenant, ann, note, by="test", rates=rates_in_force)
    assert [(one.payment, one.amount) for one in made] == [(second.id, 500), (first.id, 400)]
    assert counter.credits(ann) == 10, "what was paid by hand is paid back by hand"
