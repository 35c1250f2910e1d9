"""Many payments of one invoice at once: one is applied, the others go back or become credit, and each is seen."""

import asyncio

import pytest

from tallystick.db.pool import Database
from tallystick.domain.ledger.verify import verify
from tallystick.domain.payments import settling, views
from tallystick.domain.payments.checkouts import ForInvoice
from tallystick.domain.payments.model import Payment
from tallystick.domain.payments.port import Seen
from tallystick.kernel.errors import Unavailable

from .front import Front

pytestmark = pytest.mark.anyio

MANY = 64


@pytest.mark.parametrize("policy", ["refund", pytest.param("credit", marks=pytest.mark.long)])
async def test_one_is_applied_and_the_others_go_on(front: Front, policy: str) -> None:
    account = await front.shop.customer()
    await front.policy(duplicates=policy)
    first = await front.buy(account)
    assert first.invoice is not None
    pages = [first] + [await front.open(account, ForInvoice(first.invoice)) for _ in range(MANY - 1)]
    told = [front.bench.pay(page.id) for page in pages]
    # all at once, and some of them twice
    await all_at_once(front, told + told[:8])
    rows = await front.payments(account)
    assert [row.status for row in rows] == ["succeeded"] * MANY
    applied = [row for row in rows if row.applied]
    assert [row.applied for row in applied] == [1000]
    others = [row for row in rows if row is not applied[0]]
    assert sum(row.to_refund + row.to_credit for row in others) == (MANY - 1) * 1000
    assert all(_goes_on(row) == policy for row in others)
    assert await front.shop.balance(account) == 100
    await front.work()
    assert front.bench.taken == (1000 if policy == "refund" else MANY * 1000)
    assert await front.credit(account) == (0 if policy == "refund" else (MANY - 1) * 1000)
    assert front.events(account).count("payment.succeeded") == MANY
    assert (await verify(front.shop.db)).ok
    async with front.shop.db.connection() as conn:
        found = await views.payments(conn, front.tenant, invoice=first.invoice, limit=100)
    assert len(found.rows) == MANY


async def all_at_once(front: Front, told: list[list[Seen]]) -> None:
    """As a provider does: what is not taken is sent again."""
    db = Database(front.shop.db.url, size=32)
    await db.open()

    async def send(seen: list[Seen]) -> None:
        for _ in range(300):
            try:
                async with db.tx() as tx:
                    await settling.take(tx, front.till, front.tenant, front.bench.name, seen, by="test")
                return
            except Unavailable:
                await asyncio.sleep(0.1)
        raise AssertionError("never taken")

    try:
        await asyncio.gather(*(send(seen) for seen in told))
    finally:
        await db.close()


def _goes_on(row: Payment) -> str:
    return {(1000, 0): "refund", (0, 1000): "credit"}[row.to_refund, row.to_credit]
