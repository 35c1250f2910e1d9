"""A fault of one customer's reload stops no other, and is tried again."""

import psycopg
import pytest

from tallystick.domain.reloads import jobs
from tests.db.subscriptions.shop import BEGIN

from .bench import Place

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]


async def test_a_fault_is_left_and_others_go_on(place: Place) -> None:
    sick, well = await place.customer(credits=0), await place.customer(credits=0)
    for account in (sick, well):
        await place.auto(account)
    # a row that no code writes: what is begun for this account alone breaks
    _sql(place, f"alter table reload add constraint broken check (account_id <> {sick})")
    await place.work()
    assert place.bought(well) == [100]
    assert place.reloads(sick) == []
    assert place.invoices(sick) == []
    [row] = place.shop.rows("select due_at, failures from auto_reload where account_id = %s", sick)
    assert (row["due_at"], row["failures"]) == (BEGIN, 1)
    assert not await jobs.is_due(place.db, place.tenant)
    _sql(place, "alter table reload drop constraint broken")
    _sql(place, "update auto_reload set retry_at = clock_timestamp()")
    await place.work()
    assert place.bought(sick) == [100]


async def test_a_letter_that_cannot_be_written_keeps_no_reload_back(place: Place) -> None:
    account = await place.customer()
    await place.alert(account, 50, email=True)
    await place.auto(account)
    _sql(place, "alter table mail add constraint broken check (kind <> 'low_balance')")
    await place.spend(account, 60)
    await place.work()
    assert place.bought(account) == [100]
    assert place.events(account, "credits.low_balance") == []


def _sql(place: Place, statement: str) -> None:
    with psycopg.connect(place.db.url) as conn:
        conn.execute(statement.encode())
