"""Any query of any meter equals a plain fold of the events, whatever was corrected, deleted or came late."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.metering import actions, views
from tallystick.domain.metering.model import Meter, NewEvent, Recorded, Slot
from tallystick.kernel.errors import Invalid, NotFound
from tests import cast

from .conftest import Metering
from .folding import Said, fold

pytestmark = pytest.mark.anyio

ZONES = (
    "UTC", "Pacific/Pago_Pago", "Pacific/Kiritimati", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York",
    "Europe/Berlin", "Australia/Lord_Howe", "America/Santiago",
)  # fmt: skip
METERS: Sequence[dict[str, Any]] = (
    {"key": "calls", "aggregation": "count"},
    {"key": "tokens", "aggregation": "sum"},
    {"key": "peak", "aggregation": "max"},
    {"key": "last", "aggregation": "latest"},
    {"key": "seats", "aggregation": "time_weighted"},
    {"key": "users", "aggregation": "unique", "field": "user"},
    {"key": "eu", "aggregation": "sum", "filters": [{"field": "region", "in": ["eu"]}]},
    {"key": "eu-3", "aggregation": "count",
     "filters": [{"field": "region", "in": ["eu", "us"]}, {"field": "user", "in": ["3", "4"]}]},
    {"key": "cost", "aggregation": "sum", "field": "cost"},
    {"key": "top", "aggregation": "max", "field": "cost", "filters": [{"field": "beta", "in": ["true"]}]},
    {"key": "eu-seats", "aggregation": "time_weighted", "filters": [{"field": "region", "in": ["eu"]}]},
)  # fmt: skip


async def move_to(metering: Metering, moment: datetime) -> None:
    """Let it be ``moment`` in the test tenant, whose accounts the test goes on with."""
    async with metering.db.tx() as tx:
        row = await (await tx.execute(b"select id from tenant where mode = 'test'")).fetchone()
        await tx.execute(
            b"update tenant set clock_ahead = %s - clock_timestamp() where mode = 'test'", [moment]
        )
    assert row is not None
    metering.tenant = row[0]


async def make(metering: Metering, **fields: Any) -> Meter:
    fields = {"metric": "m", "group_by": ["region", "user"], "by": "test"} | fields
    async with metering.db.tx() as tx:
        return await actions.create_meter(tx, metering.tenant, **fields)


def some_metadata(dice: random.Random) -> dict[str, Any]:
    said = {
        "region": dice.choice(["eu", "us", "asia"]),
        "user": dice.choice([1, 2, 3, "3", 4]),
        "cost": dice.choice([1, 0.25, "7.1234567", "none", True, None, "-1"]),
        "beta": dice.choice([True, False]),
    }
    return {name: value for name, value in said.items() if dice.random() < 0.8}


async def tell(metering: Metering, dice: random.Random, accounts: list[int], now: datetime) -> list[Said]:
    events = []
    for _ in range(dice.choice((40, 150))):
        at = now - timedelta(microseconds=dice.randrange(34 * 86_400 * 10**6))
        if dice.random() < 0.3:
            at = at.replace(minute=dice.choice((0, 15, 30, 45)), second=0, microsecond=0)
        events.append(
            NewEvent(
                account=dice.choice(accounts),
                metric=dice.choice(("m", "m", "m", "n")),
                quantity=dice.choice((0, 1, 1_000_000, dice.randrange(10**9))),
                at=at,
                metadata=some_metadata(dice),
            )
        )
    results = await metering.record(*events)
    said = []
    for one, result in zip(events, results, strict=True):
        assert isinstance(result, Recorded)
        assert one.at is not None
        said.append(Said(result.id, one.account, one.metric, one.quantity, one.at, one.metadata or {}))
    return said


async def change(metering: Metering, dice: random.Random, events: list[Said]) -> None:
    common: dict[str, Any] = {"reason": "test", "by": "test", "rates": rates_in_force}
    for one in dice.sample(events, len(events) // 5):
        async with metering.db.tx() as tx:
            if dice.random() < 0.5:
                await actions.delete_event(tx, metering.tenant, one.id, **common)
                one.deleted = True
            elif not one.deleted:
                one.quantity = dice.randrange(10**9)
                await actions.correct_event(
                    tx,
                    metering.tenant,
                    one.id,
                    quantity=one.quantity,
                    **common,
                )


def check_windows(rows: list[tuple[datetime, datetime]], slot: Slot, zone: ZoneInfo) -> None:
    """They follow each other, and each but the first begins where the zone's calendar says."""
    for (_, end), (start, _) in pairwise(rows):
        assert end == start
        local = start.astimezone(zone)
        before = (start - timedelta(microseconds=1)).astimezone(zone)
        if slot == "month":
            assert (local.year, local.month) != (before.year, before.month)
        elif slot == "day":
            assert local.date() != before.date()
        else:
            assert local.hour != before.hour or local.utcoffset() != before.utcoffset()
    for start, end in rows:
        first, last = start.astimezone(zone), (end - timedelta(microseconds=1)).astimezone(zone)
        if slot == "hour":
            assert end - start <= timedelta(hours=1)
        else:
            assert first.month == last.month
            assert slot == "month" or first.date() == last.date()


@pytest.mark.parametrize("seed", range(4))
async def test_a_query_is_a_fold_of_the_events(metering: Metering, seed: int) -> None:
    dice = random.Random(seed)
    year = datetime.now(UTC).year + 1
    # 34 days that hold the days on which clocks change
    now = datetime(year, *((4, 7), (11, 10), (10, 9), (9, 15))[seed], 12, tzinfo=UTC)
    await move_to(metering, now)
    accounts = [(await cast.make_account(metering.db, metering.tenant)).account_id for _ in range(2)]
    meters = [await make(metering, **fields) for fields in METERS]
    events: list[Said] = []
    for _ in range(2):
        events += await tell(metering, dice, accounts, now)
        await change(metering, dice, events)
        for zone in ZONES:
            meter, account = dice.choice(meters), dice.choice(accounts)
            start = now - timedelta(microseconds=dice.randrange(40 * 86_400 * 10**6))
            end = start + timedelta(microseconds=dice.randrange(1, 30 * 86_400 * 10**6))
            if dice.random() < 0.5:
                start, end = (
                    start.replace(minute=0, second=0, microsecond=0),
                    end.replace(minute=30, second=0, microsecond=0),
                )
            slot: Slot = dice.choice(("hour", "day", "month"))
            group_by = dice.choice(([], [], ["region"], ["user", "region"]))
            if start >= end:
                continue
            async with metering.db.connection() as conn:
                found = await views.query(
                    conn, metering.tenant, meter, account, start, end, slot, zone, group_by
                )
                billed = await views.quantities(
                    conn, metering.tenant, account, [one.key for one in meters], start, end
                )
            spans = sorted({(row.start, row.end) for row in found.rows})
            if not group_by:
                assert (spans[0][0], spans[-1][1]) == (start, end)
                check_windows(spans, slot, ZoneInfo(zone))
            for span in spans:
                said = {
                    tuple(row.group[name] for name in group_by): row.quantity
                    for row in found.rows
                    if (row.start, row.end) == span
                }
                expected = fold(meter, events, account, *span, group_by)
                assert said == (expected if group_by else {(): expected.get((), 0)}), (meter, span, group_by)
            whole = fold(meter, events, account, start, end, group_by)
            totals = {tuple(row.group[name] for name in group_by): row.quantity for row in found.totals}
            assert totals == (whole if group_by else {(): whole.get((), 0)}), (meter, start, end)
            assert billed == {one.key: fold(one, events, account, start, end).get((), 0) for one in meters}


async def test_rollups_are_the_sums_of_the_events(metering: Metering) -> None:
    dice = random.Random(7)
    events = await tell(metering, dice, [metering.account], await metering.now())
    await change(metering, dice, events)
    rolled = await metering.rows(
        "select metric, hour, count, sum from usage_hour where count <> 0 order by 1, 2"
    )
    folded = await metering.rows(
        "select metric, date_trunc('hour', at, 'UTC'), count(*), sum(quantity) from usage_event"
        " where deleted_at is null group by 1, 2 order by 1, 2"
    )
    assert rolled == folded


async def test_what_cannot_be_asked(metering: Metering) -> None:
    meter = await make(metering, key="k", aggregation="sum")
    now = await metering.now()
    for more, field in (
        ({"end": now}, "to"),
        ({"end": now + timedelta(days=420), "slot": "hour"}, "to"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"group_by": ["colour"]}, "group_by"),
        ({"start": datetime.min.replace(tzinfo=UTC), "end": datetime.max.replace(tzinfo=UTC), "slot": "month",
          "time_zone": "Pacific/Kiritimati"}, None),
    ):  # fmt: skip
        asked: Any = {"start": now, "end": now + timedelta(days=1), "slot": "day"} | more
        with pytest.raises(Invalid) as refused:
            async with metering.db.connection() as conn:
                await views.query(conn, metering.tenant, meter, metering.account, **asked)
        assert field in (None, refused.value.field)
    async with metering.db.connection() as conn:
        with pytest.raises(NotFound):
            await views.quantities(conn, metering.tenant, metering.account, ["k", "none"], now, now)
        assert await views.quantities(conn, metering.tenant, metering.account, [], now, now) == {}


async def test_a_meter_that_is_made_for_a_metric(metering: Metering) -> None:
    async with metering.db.tx() as tx:
        first = await actions.ensure_meter(tx, metering.tenant, "api calls", by="test")
        again = await actions.ensure_meter(tx, metering.tenant, "api calls", by="test")
        assert (first.id, first.key, first.metric, first.aggregation) == (
            again.id,
            "api calls",
            "api calls",
            "sum",
        )
        await actions.delete_meter(tx, metering.tenant, first.id, by="test")
    await metering.recorded("api calls", 5)
    now = await metering.now()
    async with metering.db.connection() as conn:
        with pytest.raises(NotFound):
            await views.meter(conn, metering.tenant, first.id)
        # plans that name it are billed by it all the same
        span = (now - timedelta(hours=1), now + timedelta(hours=1))
        billed = await views.quantities(conn, metering.tenant, metering.account, ["api calls"], *span)
        assert billed == {"api calls": 5}
    async with metering.db.tx() as tx:
        back = await actions.ensure_meter(tx, metering.tenant, "api calls", by="test")
    assert (back.id, back.deleted_at) == (first.id, None)
