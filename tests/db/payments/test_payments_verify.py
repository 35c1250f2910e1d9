"""What `verify` finds in payments: nothing in true ones, and each lie by its row."""

import psycopg
import pytest

from tallystick.db.pool import Database
from tallystick.domain.invoicing.verify import verify as verify_invoices
from tallystick.domain.ledger.verify import verify as verify_books
from tallystick.domain.payments import refunds
from tallystick.domain.payments.port import RefundSeen
from tallystick.domain.payments.verify import CHECKS, QUERIES, count, verify
from tests import cast

from .refunding import Bank, Counter

pytestmark = pytest.mark.anyio


async def busy(counter: Counter) -> None:
    """Purchases paid, refunded, disputed, paid twice and not at all."""
    ann, bob = await counter.customer(), await counter.customer()
    await counter.order(ann)
    await counter.begin(await counter.order(ann))
    paid = await counter.bought(ann, bonus=10)
    await counter.refund(paid, 400)
    counter.bank.refuses = "no"
    failed = await counter.refund(paid, 100)
    counter.bank.refuses = ""
    await refunds.perform(counter.till, ann, (await counter.act(refunds.retry, failed)).id)
    bill = await counter.order(bob)
    first, second = await counter.begin(bill), await counter.begin(bill)
    await counter.came(first, 1000)
    await counter.came(second, 1000)
    await refunds.run_due(counter.till)
    await counter.policy(duplicates="credit")
    await counter.refund(await counter.paid(await counter.order(bob), 1200), 300)
    third = await counter.order(bob)
    await counter.paid(third)
    assert (await counter.paid(third, 50)).to_credit == 50
    await counter.disputed(await counter.bought(bob))
    won = await counter.bought(bob)
    await counter.disputed(won, "d-2")
    await counter.disputed(won, "d-2", "won")
    await counter.take(RefundSeen("r-1", f"p-{first}", "succeeded", 100, "USD"))


LIES = [
    ("payment_split", "alter table payment drop constraint payment_check1; update payment set applied = applied + 1"
                      " where status = 'succeeded'"),
    ("payment_applied", "update payment set applied = applied - 1, to_credit = to_credit + 1 where applied > 0"),
    ("payment_refunded", "update payment set refunded = refunded + 1 where refunded between 1 and amount - 1"),
    ("payment_refunded", "update refund set status = 'failed' where status = 'succeeded'"),
    ("payment_surplus", "update refund set surplus = 0, from_credit = surplus where surplus > 0"),
    ("refund_parts", "update refund set credit_note_id = null where from_invoice > 0"),
    ("refund_parts", "update refund set from_invoice = from_invoice - 1 where from_invoice > 0"),
    ("refund_taken", "update refund set taken = '[{\"entry\": 1, \"amount\": 5, \"credit_type\": \"credits\"}]'"),
    ("refund_taken", "update dispute set taken = replace(taken::text, 'credits', 'others')::json"),
    ("dispute_returned", "update dispute set returned = replace(returned::text, 'credits', 'others')::json"),
    ("dispute_returned", "update dispute set taken = '[]' where status = 'won'"),
    ("purchase_grants", "update purchase set credits = credits + 1 where fulfilled_at is not null"),
    ("purchase_grants", "update purchase set grant_id = (select min(grant_id) from purchase o"
                        " where o.account_id = purchase.account_id) where fulfilled_at is not null"),
    ("purchase_paid", "update purchase set fulfilled_at = null"),
    ("purchase_paid", "update purchase set fulfilled_at = now() where fulfilled_at is null"),
]  # fmt: skip


async def test_the_truth_and_every_lie(db: Database) -> None:
    counter = Counter(db, (await cast.first_app(db)).app.live, Bank())
    assert await verify(db) == []
    await busy(counter)
    assert await verify(db) == []
    assert await verify_invoices(db) == []
    assert (await verify_books(db)).ok
    assert await count(db) == 9
    assert {f"check_{check}" for check, _ in LIES} == set(CHECKS)
    with psycopg.connect(db.url) as conn:
        for check, lie in LIES:
            assert check in faults_after(conn, lie), lie
    assert await verify(db) == []


def faults_after(conn: psycopg.Connection, lie: str) -> set[str]:
    """The checks that find a lie, which is taken back."""
    with conn.transaction(force_rollback=True):
        for statement in lie.split("; "):
            assert conn.execute(statement.encode()).rowcount
        found = set()
        for name in CHECKS:
            if conn.execute(getattr(QUERIES, name).encode(), {"low": 0, "high": 2**62}).fetchall():
                found.add(name.removeprefix("check_"))
        return found
