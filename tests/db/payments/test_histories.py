"""Whatever happens, in whatever order and at once: no money and no credits are lost, made or given twice."""

from random import Random

import pytest

from tallystick.domain.ledger.verify import verify as verify_books
from tallystick.domain.payments import refund_views
from tallystick.domain.payments.verify import verify

from .front import Front
from .history import History

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(300)]

SEEDS = [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 60))]


@pytest.mark.parametrize("seed", SEEDS)
async def test_what_must_hold(front: Front, seed: int) -> None:
    history = History(front, Random(seed))
    await history.begin(plans=seed % 4 > 1)
    for _ in range(20):
        await history.go_on(at_once=1 + 3 * (seed % 2))
        assert await verify(front.shop.db) == []
    await history.end()
    assert (await verify_books(front.shop.db)).ok
    await money_is_where_the_bank_says(front, history)
    if not history.plans:
        await credits_are_what_was_bought(front, history)


async def money_is_where_the_bank_says(front: Front, history: History) -> None:
    """Each charge that took money is a payment, once, and what went back of it is a refund."""
    rows = {row.ref: row for row in await front.payments(history.account)}
    refunds = [row for row in await history.refunds() if row.status == "succeeded"]
    for charge in front.bench.charges.values():
        row = rows.get(charge.ref)
        if charge.status != "succeeded":
            assert row is None or row.status != "succeeded"
            continue
        assert row is not None
        assert (row.status, row.amount) == ("succeeded", charge.amount)
        assert sum(one.amount for one in refunds if one.payment == row.id) == charge.refunded
    came = [row for row in rows.values() if row.status == "succeeded"]
    assert front.events(history.account).count("payment.succeeded") == len(came)
    assert front.mails().count("payment_receipt") == len(came)
    assert front.shop.rows("select 1 from checkout where status = 'open'") == []


async def credits_are_what_was_bought(front: Front, history: History) -> None:
    """The wallet has what paid purchases gave, less what was spent and taken back."""
    query = (
        "select coalesce(sum(credits + bonus), 0)::bigint as sum from purchase where fulfilled_at is not null"
    )
    given = front.shop.rows(query)[0]["sum"]
    refunds = [row for row in await history.refunds() if row.retried_by is None]
    async with front.shop.db.connection() as conn:
        found = await refund_views.disputes(conn, front.tenant, account=history.account, limit=500)
    taken = [one["amount"] for row in refunds for one in row.taken]
    taken += [one["amount"] for row in found.rows for one in row.taken]
    returned = [one["amount"] for row in found.rows for one in row.returned]
    posted = front.shop.rows("select coalesce(sum(posted), 0)::bigint as sum from wallet")[0]["sum"]
    assert posted == given - sum(taken) + sum(returned) - history.spent
