"""Recording usage: once an event id, in one commit with its rollup and its debit."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.metering.debiting import Debiting
from tallystick.domain.metering.items import Call, prepare, resend
from tallystick.domain.metering.model import LATE, Billed, NewEvent, Recorded
from tallystick.domain.metering.recording import record
from tallystick.kernel.credits import MAX_AMOUNT, MICRO
from tallystick.kernel.errors import Conflict, InsufficientCredits, Invalid, NotFound, Renamed
from tallystick.kernel.ids import owned_uuid, owner_of
from tests import cast

from .conftest import Metering

pytestmark = pytest.mark.anyio


async def test_an_event_is_kept_as_it_was_said(metering: Metering) -> None:
    now = await metering.now()
    said: dict[str, Any] = {
        "at": now - timedelta(days=3),
        "event_id": "job-1",
        "metadata": {"b": 1, "a": "x"},
    }
    made = await metering.recorded("calls", 1_500_000, **said)
    assert (made.duplicate, made.entry, owner_of(made.id)) == (False, None, metering.account)
    [row] = await metering.rows(
        "select account_id, id, metric, quantity, at, event_id, metadata, subscription, entry from usage_event"
    )
    assert row == (
        metering.account, made.id, "calls", 1_500_000, said["at"], "job-1", {"b": 1, "a": "x"}, None, None,
    )  # fmt: skip
    assert [int(n) for n in (await metering.rows("select count, sum from usage_hour"))[0]] == [1, 1_500_000]


async def test_the_same_event_again_is_a_duplicate_and_other_data_a_conflict(metering: Metering) -> None:
    at = await metering.now() - timedelta(hours=1)
    first = await metering.recorded(event_id="e", at=at, metadata={"a": 1, "b": 2})
    again = await metering.recorded(event_id="e", at=at, metadata={"b": 2, "a": 1})
    assert again == Recorded(first.id, True, None)
    for other in (
        {"metadata": {"a": 1}, "at": at},
        {"metadata": {"a": 1, "b": 2}, "at": None},
        {"metadata": {"a": 1, "b": 2}, "at": at, "quantity": 2 * MICRO},
        {"metadata": {"a": 1, "b": 2}, "at": at, "metric": "other"},
    ):
        refused = await metering.one(event_id="e", **other)
        assert isinstance(refused, Conflict)
        assert refused.code == "event_id_reused"
    assert await metering.rows("select count(*) from usage_event") == [(1,)]
    # without an id each is its own, and an id counts once for each account
    await metering.recorded(at=at)
    await metering.recorded(at=at)
    globex = await cast.globex(metering.db, metering.tenant)
    await metering.recorded(event_id="e", account=globex.account_id)
    assert await metering.rows("select sum(count) from usage_hour") == [(4,)]


async def test_in_one_batch_the_first_of_an_id_counts(metering: Metering) -> None:
    events = [
        NewEvent(account=metering.account, metric="calls", event_id=name, quantity=quantity)
        for name, quantity in (("a", 1), ("b", 1), ("a", 1), ("a", 2), ("b", 1))
    ]
    a, b, again, other, last = await metering.record(*events)
    assert isinstance(a, Recorded)
    assert isinstance(b, Recorded)
    assert again == Recorded(a.id, True, None)
    assert isinstance(other, Conflict)
    assert last == Recorded(b.id, True, None)
    assert await metering.rows("select sum(count), sum(sum) from usage_hour") == [(2, 2)]


async def test_a_bad_event_fails_alone(metering: Metering) -> None:
    now = await metering.now()
    account = metering.account

    def event(**change: Any) -> NewEvent:
        fields: dict[str, Any] = {"account": account, "metric": "calls"}
        return NewEvent(**(fields | change))

    results = await metering.record(
        event(),
        event(quantity=-1),
        event(quantity=MAX_AMOUNT + 1),
        event(quantity=1.5),
        event(quantity=True),
        event(metric=""),
        event(metric="a\0b"),
        event(metric="\ud800"),
        event(event_id="\ud800"),
        event(event_id=""),
        event(metadata={"x": "\0"}),
        event(metadata={"x": "\ud800"}),
        event(metadata={"x": "y" * 20_000}),
        event(at=now - LATE - timedelta(minutes=1)),
        event(at=now + timedelta(minutes=6)),
        event(account=999_999),
        event(subscription=owned_uuid(account)),
        event(external_id="other"),
        event(quantity=MAX_AMOUNT, metadata={"x": "\\u0000"}),
    )
    assert [getattr(one, "field", type(one).__name__) for one in results] == [
        "Recorded", "quantity", "quantity", "quantity", "quantity", "metric", "metric", "metric", "event_id",
        "event_id", "metadata", "metadata", "metadata", "timestamp", "timestamp", "NotFound", "NotFound", "Renamed",
        "Recorded",
    ]  # fmt: skip
    assert isinstance(results[1], Invalid)
    assert isinstance(results[15], NotFound)
    assert isinstance(results[17], Renamed)
    assert await metering.rows("select count(*) from usage_event") == [(2,)]
    assert await metering.rows("select count(*) from usage_key") == [(0,)], "keys are what callers said"


async def test_sums_beyond_64_bits(metering: Metering) -> None:
    await metering.record(
        *[NewEvent(account=metering.account, metric="calls", quantity=MAX_AMOUNT) for _ in range(2000)]
    )
    assert await metering.rows("select sum(sum) from usage_hour") == [(MAX_AMOUNT * 2000,)]


async def test_a_stranger_s_account_is_not_found(metering: Metering) -> None:
    other = (await cast.second_app(metering.db)).live
    theirs = await cast.make_account(metering.db, other)
    assert isinstance(await metering.one(account=theirs.account_id, event_id="1"), NotFound)
    assert await metering.rows("select count(*) from usage_key") == [(0,)]


async def test_a_blocked_account_and_an_ended_subscription(metering: Metering) -> None:
    first = await metering.recorded(event_id="before")
    ended = owned_uuid(metering.account)
    metering.plan.others[metering.account, ended] = Billed(ended, "ended")
    refused = await metering.one(subscription=ended)
    assert isinstance(refused, Conflict)
    assert refused.code == "subscription_ended"
    async with metering.db.tx() as tx:
        await tx.execute(b"update account_head set status = 'blocked'")
    refused = await metering.one(event_id="after")
    assert isinstance(refused, Conflict)
    assert refused.code == "account_blocked"
    # what was recorded before is still the answer to the same request
    assert await metering.one(event_id="before") == Recorded(first.id, True, None)


async def test_events_debit_credits_as_the_subscription_says(metering: Metering) -> None:
    billed = metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=3)
    await metering.grant(10)
    first = await metering.recorded("calls", 2 * MICRO, event_id="1")
    assert first.entry is not None
    assert await metering.posted() == 4
    declined = await metering.one("calls", 2 * MICRO, event_id="2")
    assert isinstance(declined, InsufficientCredits)
    assert (declined.needed, declined.available) == (6 * MICRO, 4 * MICRO)
    # it left nothing, and its id may be used again, for other data too
    assert await metering.rows("select count(*) from usage_key") == [(1,)]
    second = await metering.recorded("calls", MICRO, event_id="2")
    assert await metering.posted() == 1
    assert await metering.one("calls", 2 * MICRO, event_id="1") == Recorded(first.id, True, first.entry)
    free = await metering.recorded("calls", 0, event_id="free")
    other = await metering.recorded("storage", MICRO)
    assert (free.entry, other.entry) == (None, None)
    rows = await metering.rows("select metric, subscription, operation, entry from usage_event order by id")
    assert rows == [
        ("calls", billed.subscription, "chat", first.entry),
        ("calls", billed.subscription, "chat", second.entry),
        ("calls", billed.subscription, "chat", None),
        ("storage", billed.subscription, None, None),
    ]


async def test_a_batch_is_declined_from_where_credits_end(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=1)
    await metering.grant(3)
    events = [
        NewEvent(account=metering.account, metric="calls", quantity=n * MICRO, event_id=name)
        for n, name in ((2, "a"), (2, "b"), (2, "b"), (1, "b"), (1, "c"))
    ]
    a, b, b_again, b_other, c = await metering.record(*events)
    assert isinstance(a, Recorded)
    assert isinstance(b, InsufficientCredits)
    assert isinstance(b_again, InsufficientCredits)
    # the id was not used up: another event may have it, after those that came with their own
    assert isinstance(c, Recorded)
    assert isinstance(b_other, InsufficientCredits)
    assert await metering.posted() == 0


async def test_many_at_once_of_one_id_count_once(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=1)
    await metering.grant(100)
    results = await asyncio.gather(*(metering.one(event_id="same") for _ in range(100)))
    assert len({one.id for one in results if isinstance(one, Recorded)}) == 1
    assert [one.duplicate for one in results if isinstance(one, Recorded)].count(False) == 1
    assert await metering.posted() == 99


async def test_an_account_that_somebody_holds_delays_nobody_else(metering: Metering) -> None:
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=1)
    await metering.grant(5)
    globex = await cast.globex(metering.db, metering.tenant)
    async with metering.db.tx() as tx:
        await tx.execute(b"select from account_head where account_id = %s for update", [metering.account])
        waiting = asyncio.create_task(metering.one("calls"))
        for _ in range(5):
            await asyncio.wait_for(metering.recorded(account=globex.account_id), 5)
        assert not waiting.done()
    assert isinstance(await asyncio.wait_for(waiting, 10), Recorded)


async def test_a_tenant_s_own_clock(metering: Metering) -> None:
    async with metering.db.tx() as tx:
        await tx.execute(b"update tenant set clock_ahead = '400 days' where mode = 'test'")
        row = await (await tx.execute(b"select id from tenant where mode = 'test' order by id")).fetchone()
    assert row is not None
    metering.tenant = row[0]
    metering.account = (await cast.make_account(metering.db, metering.tenant)).account_id
    now = await metering.now()
    made = await metering.recorded()
    [(at,)] = await metering.rows(f"select at from usage_event where id = '{made.id}'")
    assert abs(at - now) < timedelta(minutes=1)
    late = await metering.one(at=now - timedelta(days=36))
    assert isinstance(late, Invalid)
    await metering.recorded(at=now - timedelta(days=34))


async def test_a_server_that_stops_answers_what_it_has(metering: Metering) -> None:
    tasks = [asyncio.create_task(metering.one(event_id=str(n))) for n in range(50)]
    await asyncio.sleep(0)
    await metering.intake.stop()
    results = await asyncio.gather(*tasks)
    assert all(isinstance(one, Recorded) for one in results)
    refused = await metering.one()
    assert type(refused).__name__ == "Unavailable"
    await metering.intake.start()


async def test_a_plan_that_begins_to_debit_and_ends(metering: Metering) -> None:
    """Whom to lock is remembered; what is debited is read under the lock each time, of every account."""
    await metering.price(chat=3)
    await metering.grant(100)
    assert (await metering.recorded("calls")).entry is None
    metering.plan.debit(metering.account, calls="chat")
    assert (await metering.recorded("calls")).entry is not None
    assert (await metering.recorded("images")).entry is None
    other = (await cast.make_account(metering.db, metering.tenant)).account_id
    assert (await metering.recorded("calls", account=other)).entry is None
    metering.plan.live.clear()
    assert (await metering.recorded("calls")).entry is None
    assert await metering.posted() == 97


@pytest.mark.parametrize("event_id", ["1", None])
async def test_a_commit_whose_outcome_is_not_known_counts_once(
    metering: Metering, event_id: str | None
) -> None:
    """Sent again, with an id of its own or without, it answers as it did."""
    metering.plan.debit(metering.account, calls="chat")
    await metering.price(chat=3)
    await metering.grant(10)
    event = NewEvent(account=metering.account, metric="calls", event_id=event_id)
    call = Call(asyncio.get_running_loop().create_future(), [None], 1)
    [item] = prepare(call, metering.tenant, "test", [event], 0)
    async with await metering.db.dedicated() as conn:

        async def send() -> Any:
            async with conn.pipeline():
                await record(conn, [item], rates_in_force, metering.plan, Debiting())
            return item.result

        first = await send()
        assert isinstance(first, Recorded)
        for _ in range(2):
            resend([item])
            assert await send() == first
    assert await metering.rows("select id, entry from usage_event") == [(first.id, first.entry)]
    assert await metering.rows("select count(*), sum(count) from usage_hour") == [(1, 1)]
    assert await metering.posted() == 7
