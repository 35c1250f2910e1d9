"""Snapshots and history: which days a field changed, as far back as a plan allows, read by its range alone."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tallystick.domain.appstores import keeping, views
from tallystick.domain.appstores.desk import History
from tallystick.domain.appstores.model import DETAILS, fields_of
from tallystick.domain.appstores.views import Name
from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.errors import Invalid, NotFound
from tests.doubles.stores.printed import WHATSAPP, WHATSAPP_APPLE

from .place import APP, APPLE, Place
from .shelf import down

pytestmark = pytest.mark.anyio

NOON = datetime(2040, 6, 1, 12, tzinfo=UTC)


async def history(place: Place, *fields: str, **more: Any) -> History:
    platform = more.pop("platform", "android")
    named = fields_of(platform, more.get("parts", "both"), list(fields) or None)
    start, end = more.pop("start", None), more.pop("end", None)
    return await place.apps.history(
        place.tenant, more.pop("account", place.account), platform, APP if platform == "android" else APPLE,
        "us", "en", start=start, end=end, fields=named, **more,
    )  # fmt: skip


def told(found: History) -> list[tuple[str, str, Any]]:
    return [(row.day.isoformat(), row.field, row.value) for row in found.changes]


async def at(place: Place, moment: datetime) -> None:
    """Set the tenant's clock."""
    now = await place.value(
        "select clock_timestamp() + clock_ahead from tenant where id = %(tenant)s", tenant=place.tenant
    )
    await place.move(seconds=(moment - now).total_seconds())


async def see(place: Place, **fields: Any) -> None:
    """Fetch the app as it now is."""
    app = place.shelf.apps[APP]
    app.update(fields)
    for name in [name for name, value in app.items() if value is None]:
        del app[name]
    await place.details(force=True)


async def test_of_the_first_snapshot_every_field_changed(place: Place) -> None:
    await at(place, NOON)
    await place.details()
    found = await history(place)
    assert (found.start, found.end) == (date(2040, 5, 2), date(2040, 6, 1))
    assert told(found) == [("2040-06-01", field, WHATSAPP[field]) for field in sorted(WHATSAPP)]
    assert found.fields == list(DETAILS["android"])
    assert await place.balance() == (99, 99)


async def test_only_days_on_which_a_value_changed_and_the_last_value_of_the_day(place: Place) -> None:
    await at(place, NOON)
    await see(place, score=4.38, ratings=210500000)
    await at(place, NOON + timedelta(days=6))
    await see(place, score=4.1)
    await see(place, score=4.35, ratings=211500000)
    await at(place, NOON + timedelta(days=7))
    await see(place, ratings=212040976)
    await at(place, NOON + timedelta(days=8))
    await see(place)
    assert told(await history(place, "score", "ratings")) == [
        ("2040-06-08", "ratings", 212040976),
        ("2040-06-07", "ratings", 211500000),
        ("2040-06-07", "score", 4.35),
        ("2040-06-01", "ratings", 210500000),
        ("2040-06-01", "score", 4.38),
    ]
    assert told(await history(place, "score", start=date(2040, 6, 2))) == [("2040-06-07", "score", 4.35)]
    assert told(await history(place, "score", start=date(2040, 6, 1), end=date(2040, 6, 1))) == [
        ("2040-06-01", "score", 4.38)
    ]
    assert told(await history(place, "score", end=date(2040, 5, 31))) == []


async def test_a_value_that_is_back_by_the_end_of_the_day_changed_nothing(place: Place) -> None:
    await at(place, NOON)
    await see(place)
    await at(place, NOON + timedelta(days=1))
    await see(place, version="3", price=1.99, free=False)
    await see(place, version="2.25.2.75", price=0, free=True)
    assert told(await history(place, start=date(2040, 6, 2))) == []
    await see(place, version="4")
    assert told(await history(place, start=date(2040, 6, 2))) == [("2040-06-02", "version", "4")]


async def test_what_the_store_tells_no_more_is_null_and_what_it_tells_anew_is_there(place: Place) -> None:
    await at(place, NOON)
    await see(place, icon="https://a/1.png", screenshots=["https://a/2.png"])
    await at(place, NOON + timedelta(days=1))
    await see(place, icon=None, summary="New.\nWith lines and ünicode \U0001f600")
    assert told(await history(place, start=date(2040, 6, 2))) == [
        ("2040-06-02", "icon", None),
        ("2040-06-02", "summary", "New.\nWith lines and ünicode \U0001f600"),
    ]


async def test_the_days_are_those_of_utc(place: Place) -> None:
    await at(place, datetime(2040, 6, 1, 23, 58, tzinfo=UTC))
    await see(place, version="1")
    await at(place, datetime(2040, 6, 2, 0, 1, tzinfo=UTC))
    await see(place, version="2")
    assert told(await history(place, "version")) == [
        ("2040-06-02", "version", "2"),
        ("2040-06-01", "version", "1"),
    ]


async def test_apple_by_parts(place: Place) -> None:
    await place.details(APPLE, "apple")
    fast = await history(place, platform="apple", parts="fast")
    assert [row.field for row in fast.changes] == ["ratings", "score"]
    assert fast.fields == ["score", "ratings"]
    slow = await history(place, platform="apple", parts="slow")
    assert {row.field for row in slow.changes} == set(WHATSAPP_APPLE) - {"score", "ratings"}
    mixed = await history(place, "score", "title", platform="apple", parts="fast")
    assert ([row.field for row in mixed.changes], mixed.fields) == (["score"], ["score", "title"])


async def test_an_app_that_was_never_fetched_has_none(place: Place) -> None:
    found = await history(place)
    assert (found.changes, found.tracked) == ([], False)
    assert place.shelf.asked == []


async def test_ends_before_starts_unknown_fields_and_strangers(place: Place) -> None:
    with pytest.raises(Invalid):
        await history(place, start=date(2024, 2, 2), end=date(2024, 2, 1))
    with pytest.raises(Invalid):
        await history(place, "nothing")
    with pytest.raises(NotFound):
        await history(place, account=place.account + 1000)
    assert (await history(place, start=date.min, end=date.max)).changes == []


async def _plan(place: Place, days: Any) -> None:
    async with place.db.tx() as tx:
        await catalog.create_feature(
            tx, place.tenant, key="historical_data_days", name="Days", type="HARD_LIMIT", by="test"
        )
        if days is not False:
            terms = Terms(interval="monthly", currency="USD", features={"historical_data_days": days})
            plan = await catalog.create_plan(tx, place.tenant, name="Plan", terms=terms, by="test")
            await subscriptions.subscribe(
                tx, place.tenant, place.account, plan=plan.id, rates=rates_in_force, by="test"
            )


@pytest.mark.parametrize(
    ("days", "start"),
    [(7, "2040-05-25"), (90, "2040-05-02"), (0, "2040-06-01"), (None, "2040-05-02"), (10**9, "2040-05-02")],
)
async def test_a_plan_says_how_far_back(place: Place, days: int | None, start: str) -> None:
    await at(place, NOON)
    await _plan(place, days)
    assert (await history(place)).start == date.fromisoformat(start)


async def test_without_a_subscription_there_is_today(place: Place) -> None:
    await at(place, NOON)
    await _plan(place, False)
    found = await history(place, start=date(2039, 1, 1))
    assert (found.start, found.end) == (date(2040, 6, 1), date(2040, 6, 1))


async def test_a_blocked_account_looks_no_further_back_than_one_without_a_plan(place: Place) -> None:
    await at(place, NOON)
    await _plan(place, 90)
    async with place.db.tx() as tx:
        await identity.patch_account(tx, place.tenant, place.account, {"status": "blocked"})
    assert (await history(place)).start == date(2040, 6, 1)


async def test_another_tenants_snapshots_are_not_seen(place: Place) -> None:
    await place.details()
    async with place.db.connection() as conn:
        assert await views.listing(conn, Name(place.tenant - 1, "android", APP, "us", "en")) is None
        page = await views.listings(conn, place.tenant - 1)
        assert list(page.rows) == []


async def test_a_fault_in_keeping_keeps_nothing_and_releases(place: Place) -> None:
    async with place.db.connection() as conn:
        await conn.execute(b"reset role")
        await conn.execute(b"alter table app_change add constraint none check (field <> 'version')")
    with pytest.raises(Exception, match="none"):
        await place.details()
    assert await place.value("select count(*) from app_listing") == 0
    assert await place.balance() == (100, 100)


async def test_two_who_keep_the_same_app_first_are_one_listing(place: Place) -> None:
    name = Name(place.tenant, "android", APP, "us", "en")

    async def keep(score: float) -> None:
        async with place.db.tx() as tx:
            await keeping.keep(tx, name, WHATSAPP | {"score": score}, asked=True)

    assert await place.at_once(*(keep(one / 10) for one in range(10, 30))) == [None] * 20
    assert await place.value("select fetches from app_listing") == 20
    [row] = [row for row in (await history(place)).changes if row.field == "score"]
    assert row.value == await place.value("select (data ->> 'score')::float8 from app_listing")


async def test_a_history_reads_its_own_range_by_the_key(place: Place) -> None:
    await place.details()
    async with place.db.connection() as conn:
        await conn.execute(b"reset role")
        await conn.execute(
            b"insert into app_change select l.tenant_id, l.id, '2000-01-01'::date + n, 'ratings', '1'"
            b" from app_listing l, generate_series(1, 5000) n"
        )
        await conn.execute(b"analyze app_change")
        values = {
            "tenant": place.tenant, "id": await place.value("select id from app_listing"),
            "start": date(2010, 1, 1), "end": date(2010, 1, 30), "fields": ["ratings", "score"],
        }  # fmt: skip
        rows = await conn.execute(
            b"explain (analyze, costs off, timing off) " + views.q.history.encode(), values
        )
        plan = "\n".join(row[0] for row in await rows.fetchall())
    assert "Index Scan" in plan, plan
    assert "Seq Scan" not in plan, plan
    assert "app_change_pkey" in plan, plan
    assert "rows=30" in plan, plan
    assert "Rows Removed by Filter" not in plan, plan


async def test_a_failed_fetch_leaves_what_is_known(place: Place) -> None:
    await place.details()
    place.shelf.fault = down()
    with pytest.raises(type(place.shelf.fault)):
        await place.details(force=True)
    assert await place.details() == WHATSAPP
    assert await place.balance() == (98, 99)


@pytest.mark.parametrize("seed", range(3))
async def test_any_year_is_the_differences_of_its_days_ends(place: Place, seed: int) -> None:
    """Whatever comes when: a field has an entry for each day at whose end it was another than at the end before."""
    chance = random.Random(seed)
    name = Name(place.tenant, "android", APP, "us", "en")
    days: dict[date, dict[str, Any]] = {}
    await at(place, NOON)
    for _ in range(60):
        await place.move(days=chance.choice((0, 0, 0, 1, 1, 2, 9)))
        data = WHATSAPP | {"score": chance.choice((1, 2, 3)), "version": chance.choice("ab")}
        if chance.random() < 0.5:
            data["icon"] = chance.choice(("https://a/1.png", "https://a/2.png"))
        async with place.db.tx() as tx:
            await keeping.keep(tx, name, data, asked=chance.random() < 0.5)
        today = await place.value(
            "select (clock_timestamp() + clock_ahead)::date from tenant where id = %(t)s", t=place.tenant
        )
        days[today] = data
    expected, before = [], dict[str, Any]()
    for day, data in days.items():
        fields = [field for field in DETAILS["android"] if before.get(field) != data.get(field)]
        expected += [(day.isoformat(), field, data.get(field)) for field in fields]
        before = data
    found = await history(place, start=date(2040, 1, 1))
    assert sorted(told(found), key=str) == sorted(expected, key=str)
    assert [row.day for row in found.changes] == sorted((row.day for row in found.changes), reverse=True)
