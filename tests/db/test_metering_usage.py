"""Reported requests and what is read of them: all or nothing, the tenant's own, to the minute."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.db.pool import Database
from tallystick.domain.metering import actions, views
from tallystick.domain.metering.model import Key, Reported, RequestUsage, minute_of, minute_start
from tallystick.kernel.errors import Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio

NOTHING = RequestUsage(0, 0, 0, {})


@pytest.fixture
async def tenant(db: Database) -> int:
    return (await cast.first_app(db)).app.live


@pytest.fixture
async def account(db: Database, tenant: int) -> int:
    return (await cast.acme(db, tenant)).account_id


async def report(db: Database, tenant: int, *items: Reported) -> None:
    async with db.tx() as tx:
        await actions.report(tx, tenant, items)


async def add(db: Database, counts: dict[Key, int]) -> None:
    async with db.tx() as tx:
        await actions.add(tx, counts)


async def usage(db: Database, tenant: int, account: int, start: datetime, end: datetime) -> RequestUsage:
    async with db.connection() as conn:
        return await views.usage(conn, tenant, account, start, end)


async def total(db: Database, tenant: int, account: int) -> int:
    async with db.connection() as conn:
        return await views.total(conn, tenant, account)


async def test_reported_requests_count_by_route_and_outcome(db: Database, tenant: int, account: int) -> None:
    now = datetime.now(UTC)
    items = [Reported(account, "/search", status, now) for status in (200, 201, 302, 399, 400, 404, 503)]
    items += [Reported(account, "/details", 200, now - timedelta(days=34))]
    await report(db, tenant, *items)
    await report(db, tenant, Reported(account, "/search", 200, now))
    found = await usage(db, tenant, account, now - timedelta(days=40), now + timedelta(minutes=1))
    assert found == RequestUsage(9, 6, 3, {"/details": 1, "/search": 8})
    assert await total(db, tenant, account) == 9


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("time", {"time": timedelta(days=-35, seconds=-5)}),
        ("time", {"time": timedelta(minutes=5, seconds=20)}),
        ("status", {"status": 99}),
        ("status", {"status": 600}),
        ("route", {"route": ""}),
        ("route", {"route": "/" * 201}),
        ("route", {"route": "/a\0"}),
        ("route", {"route": "/\ud800"}),
    ],
)
async def test_a_wrong_item_is_named_and_nothing_is_counted(
    db: Database, tenant: int, account: int, field: str, change: dict[str, object]
) -> None:
    now = datetime.now(UTC)
    good = Reported(account, "/search", 200, now)
    moved = change.get("time")
    wrong = Reported(
        account,
        str(change.get("route", "/search")),
        int(str(change.get("status", 200))),
        now + moved if isinstance(moved, timedelta) else now,
    )
    with pytest.raises(Invalid) as refused:
        await report(db, tenant, good, good, good, wrong, good)
    assert refused.value.field == f"requests.3.{field}"
    assert await total(db, tenant, account) == 0


async def test_the_edges_of_time_are_allowed(db: Database, tenant: int, account: int) -> None:
    now = datetime.now(UTC)
    edges = [now - timedelta(days=34, hours=23, minutes=59), now + timedelta(minutes=4, seconds=55)]
    await report(db, tenant, *(Reported(account, "/search", 200, time) for time in edges))
    assert await total(db, tenant, account) == 2


async def test_another_tenants_account_is_not_found_and_nothing_is_counted(
    db: Database, tenant: int, account: int
) -> None:
    other = await cast.second_app(db)
    now = datetime.now(UTC)
    stranger = (await cast.make_account(db, other.live)).account_id
    for wrong in (stranger, 999_999, 2**62):
        with pytest.raises(NotFound):
            await report(db, tenant, Reported(account, "/a", 200, now), Reported(wrong, "/a", 200, now))
    assert await total(db, tenant, account) == 0
    assert await total(db, other.live, stranger) == 0


async def test_another_tenant_reads_nothing(db: Database, tenant: int, account: int) -> None:
    other = await cast.second_app(db)
    now = datetime.now(UTC)
    await report(db, tenant, Reported(account, "/a", 200, now))
    span = (now - timedelta(hours=1), now + timedelta(hours=1))
    assert await usage(db, other.live, account, *span) == NOTHING
    assert await total(db, other.live, account) == 0
    assert (await usage(db, tenant, account, *span)).total == 1


async def test_an_empty_report_counts_nothing(db: Database, tenant: int, account: int) -> None:
    await report(db, tenant)
    assert await total(db, tenant, account) == 0


async def test_a_minute_counts_when_it_begins_in_the_span(db: Database, tenant: int, account: int) -> None:
    ten = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
    await add(db, {(account, minute_of(ten) + index, "/a", True): 1 << index for index in range(4)})

    async def between(start: float, end: float) -> int:
        span = (ten + timedelta(seconds=start), ten + timedelta(seconds=end))
        return (await usage(db, tenant, account, *span)).total

    assert await between(0, 60) == 1
    assert await between(0, 60.001) == 1 + 2
    assert await between(59, 61) == 1 + 2
    assert await between(60, 180) == 2 + 4
    assert await between(61, 61) == 0
    assert await between(240, 300) == 0


async def test_any_span_equals_the_sum_of_its_minutes(db: Database, tenant: int, account: int) -> None:
    chance = random.Random(7)
    first = minute_of(datetime(2026, 1, 30, 0, 0, tzinfo=UTC))
    width = 6 * 1440
    counts: dict[Key, int] = {}
    for _ in range(900):
        # many near the midnights, where days and minutes meet
        minute = chance.choice(
            [chance.randrange(width), 1440 * chance.randrange(6) + chance.randrange(-2, 3)]
        )
        key = (account, first + minute, chance.choice(["/a", "/b"]), chance.random() < 0.7)
        counts[key] = counts.get(key, 0) + chance.randrange(1, 9)
    await add(db, dict(list(counts.items())[:300]))
    await add(db, dict(list(counts.items())[300:]))
    assert await total(db, tenant, account) == sum(counts.values())
    for _ in range(150):
        edges = sorted(
            chance.choice([chance.randrange(-100, width + 100), 1440 * chance.randrange(7)]) for _ in range(2)
        )
        start, end = (minute_start(first + edge) for edge in edges)
        inside = {key: count for key, count in counts.items() if start <= minute_start(key[1]) < end}
        found = await usage(db, tenant, account, start, end)
        assert found.total == sum(inside.values()), (start, end)
        assert found.successful == sum(count for key, count in inside.items() if key[3])
        assert found.failed == found.total - found.successful
        assert sum(found.by_endpoint.values()) == found.total


async def test_the_ends_of_time_can_be_asked_for(db: Database, tenant: int, account: int) -> None:
    await add(db, {(account, minute_of(datetime(2026, 11, 21, tzinfo=UTC)), "/a", True): 5})
    beginning, end = datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert (await usage(db, tenant, account, beginning, end)).total == 5
    assert await usage(db, tenant, account, end, end) == NOTHING
    assert await usage(db, tenant, account, beginning, beginning) == NOTHING
