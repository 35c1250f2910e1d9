"""Disputes: what is done while one is open, and after it was won or lost."""

import asyncio
from itertools import permutations
from typing import Any, Literal

import pytest

from tallystick.db.pool import Database
from tallystick.domain.payments.port import DisputeSeen
from tallystick.kernel.errors import Conflict, Fact, NotFound
from tallystick.kernel.ids import typeid
from tests import cast

from .refunding import CREDIT, Bank, Counter

pytestmark = pytest.mark.anyio


@pytest.fixture
async def counter(db: Database) -> Counter:
    return Counter(db, (await cast.first_app(db)).app.live, Bank())


async def test_credits_are_clawed_back_and_given_again_when_it_is_won(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann, bonus=10)
    await counter.spend(ann, 30)
    await counter.disputed(paid, reason="fraudulent")
    [row] = await counter.disputes(ann)
    assert (row.status, row.policy, row.reason, counter.credits(ann)) == (
        "open",
        "claw_back",
        "fraudulent",
        0,
    )
    assert set(counter.entries(ann, "refund")) == {(typeid("dp", row.id), "Dispute")}
    await counter.disputed(paid, status="won")
    [row] = await counter.disputes(ann)
    assert (row.status, row.closed_by, counter.credits(ann)) == ("won", "test", 80)
    assert counter.entries(ann, "grant")[-1] == (typeid("dp", row.id), "Dispute won")
    assert (await counter.payment(paid.id)).dispute == "won"
    assert sum(one["amount"] for one in row.returned) == 80 * CREDIT
    assert counter.events(ann, "dispute") == ["opened", "closed"]
    await counter.refund(paid)
    assert (await counter.payment(paid.id)).refunded == 1000


async def test_a_lost_one_keeps_what_was_taken_and_allows_no_refund(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    await counter.disputed(paid)
    with pytest.raises(Conflict) as refused:
        await counter.ask(paid)
    assert refused.value.code == "payment_disputed"
    assert (await counter.payment(paid.id)).dispute == "open"
    await counter.disputed(paid, status="lost")
    assert (await counter.payment(paid.id)).dispute == "lost"
    assert counter.credits(ann) == 0
    with pytest.raises(Conflict):
        await counter.ask(paid)


async def test_part_of_the_money_is_part_of_the_credits(counter: Counter) -> None:
    ann = await counter.customer()
    await counter.disputed(await counter.bought(ann), amount=250)
    assert counter.credits(ann) == 75


async def test_frozen_until_the_last_is_closed(counter: Counter) -> None:
    await counter.policy(disputes="freeze")
    ann = await counter.customer()
    first, second = await counter.bought(ann), await counter.bought(ann)
    await counter.disputed(first, "d-1")
    await counter.disputed(second, "d-2")
    assert (await counter.status(ann), counter.credits(ann)) == ("blocked", 200)
    await counter.disputed(first, "d-1", "won")
    assert (await counter.status(ann), counter.credits(ann)) == ("blocked", 200)
    await counter.disputed(second, "d-2", "lost")
    assert (await counter.status(ann), counter.credits(ann)) == ("active", 100)


async def test_who_was_blocked_before_stays_so_and_who_was_unblocked_too(counter: Counter) -> None:
    await counter.policy(disputes="freeze")
    ann, bob = await counter.customer(), await counter.customer()
    first, second = await counter.bought(ann), await counter.bought(bob)
    await counter.set_status(ann, "blocked")
    await counter.disputed(first, "d-1")
    await counter.disputed(first, "d-1", "won")
    assert await counter.status(ann) == "blocked"
    await counter.set_status(bob, "inactive")
    await counter.disputed(second, "d-2")
    assert await counter.status(bob) == "blocked"
    await counter.set_status(bob, "active")
    await counter.disputed(second, "d-2", "won")
    assert await counter.status(bob) == "active"


async def test_nothing_is_done_by_the_policy_none(counter: Counter) -> None:
    await counter.policy(disputes="none")
    ann = await counter.customer()
    paid = await counter.bought(ann)
    await counter.disputed(paid)
    await counter.policy()
    await counter.disputed(paid, status="lost")
    assert (await counter.status(ann), counter.credits(ann)) == ("active", 100)


async def test_staff_close_one_once(counter: Counter) -> None:
    ann = await counter.customer()
    await counter.disputed(await counter.bought(ann))
    [row] = await counter.disputes(ann)
    assert (await counter.close(row, "won")).closed_by == "test"
    with pytest.raises(Conflict):
        await counter.close(row, "lost")
    other = Counter(counter.db, (await cast.second_app(counter.db)).live, counter.bank)
    with pytest.raises(NotFound):
        await other.close(row, "lost")
    assert counter.credits(ann) == 100


_STATUSES: tuple[Literal["open", "won", "lost"], ...] = ("open", "lost")


async def test_any_order_any_number_of_times_and_before_the_payment(counter: Counter) -> None:
    ends = set()
    for number, order in enumerate(permutations((*_STATUSES, "paid"))):
        ann = await counter.customer()
        payment = await counter.begin(await counter.order(ann))
        for step in (*order, *order):
            if step == "paid":
                await counter.came(payment, 1000)
            else:
                seen = DisputeSeen(f"d-{number}", f"p-{payment}", step, 1000, "USD")  # type: ignore[arg-type]
                await counter.take(seen)
        [row] = await counter.disputes(ann)
        ends.add((row.status, counter.credits(ann), tuple(counter.events(ann, "dispute"))))
    assert ends == {("lost", 0, ("opened", "closed"))}


async def test_a_refund_while_a_dispute_opens(counter: Counter) -> None:
    """Whichever is first: the credits are taken once, and money goes back at most once by us."""
    await cast.crowd(counter.db)
    for number in range(4):
        ann = await counter.customer()
        paid = await counter.bought(ann)

        async def refund(paid: Any = paid) -> Any:
            try:
                return await counter.ask(paid)
            except Fact as fact:
                return fact

        steps = [refund(), counter.disputed(paid, f"d-{number}")]
        await asyncio.gather(*(steps if number % 2 else reversed(steps)))
        [row] = await counter.disputes(ann)
        made = await counter.refunds(ann)
        taken = [one["amount"] for one in (*row.taken, *(one for back in made for one in back.taken))]
        assert (sum(taken), counter.credits(ann)) == (100 * CREDIT, 0)
        assert (await counter.payment(paid.id)).refunded == sum(one.amount for one in made)


async def test_a_spent_purchase_gives_nothing_back(counter: Counter) -> None:
    ann = await counter.customer()
    paid = await counter.bought(ann)
    await counter.spend(ann, 100)
    await counter.disputed(paid)
    await counter.disputed(paid, status="won")
    assert counter.credits(ann) == 0
