"""Rate cards: versions that never change, the one in force chosen by time."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from tallystick.db import arrays
from tallystick.db.pool import Database, ask, run
from tallystick.domain.catalog import actions, views
from tallystick.domain.catalog.model import Rate, RateCard
from tallystick.domain.identity import actions as people
from tallystick.domain.identity import views as identity
from tallystick.domain.ledger.books import QUERIES
from tallystick.domain.ledger.model import Moments, RateLine
from tallystick.kernel.errors import Invalid, NotFound
from tests import cast

pytestmark = pytest.mark.anyio

SMS, VOICE = Rate("sms", "credits", 2_000_000), Rate("voice", "credits", 5_000_000)


async def put(db: Database, tenant: int, *rates: Rate, at: datetime | None = None) -> RateCard:
    async with db.tx() as tx:
        return await actions.put_rate_card(tx, tenant, rates=rates, effective_at=at, by="test")


async def test_put_and_read(db: Database) -> None:
    app = (await cast.first_app(db)).app
    async with db.connection() as conn:
        with pytest.raises(NotFound):
            await views.rate_card(conn, app.live)
    before = datetime.now(UTC)
    card = await put(db, app.live, VOICE, SMS)
    assert (card.version, card.rates, card.created_by) == (1, (SMS, VOICE), "test")
    assert before - timedelta(seconds=5) < card.effective_at <= card.created_at
    second = await put(db, app.live, SMS)
    empty = await put(db, app.live)
    assert (second.version, empty.version, empty.rates) == (2, 3, ())
    async with db.connection() as conn:
        assert await views.rate_card(conn, app.live) == empty
        assert await views.rate_card(conn, app.live, version=1) == card
        assert await views.rate_card(conn, app.live, at=card.effective_at) == card
        page = await views.rate_cards(conn, app.live, limit=2)
        assert (page.rows, page.next_key) == ([empty, second], 2)
        assert (await views.rate_cards(conn, app.live, limit=2, before=2)).rows == [card]
        for version in (0, 4, 2**40):
            with pytest.raises(NotFound):
                await views.rate_card(conn, app.live, version=version)
        with pytest.raises(NotFound):
            await views.rate_card(conn, app.live, at=card.effective_at - timedelta(microseconds=1))
        with pytest.raises(NotFound):
            await views.rate_card(conn, app.test, version=1)
        assert (await views.rate_cards(conn, app.test)).rows == []
        act = (await identity.audit_log(conn, app.live)).rows[0]
    assert (act.actor, act.action, act.target) == ("test", "rate_card.put", "rate_card:3")
    assert (await put(db, app.test, SMS)).version == 1


async def test_what_is_in_force_is_given_back(db: Database) -> None:
    app = (await cast.first_app(db)).app
    card = await put(db, app.live, SMS, VOICE)
    assert await put(db, app.live, VOICE, SMS) == card
    soon = datetime.now(UTC) + timedelta(hours=1)
    later = await put(db, app.live, SMS, at=soon)
    assert (later.version, later.effective_at) == (2, soon)
    assert await put(db, app.live, SMS, at=soon) == later
    assert await put(db, app.live, SMS, VOICE) == card  # still in force now
    async with db.connection() as conn:
        assert await views.rate_card(conn, app.live) == card
        assert await views.rate_card(conn, app.live, at=soon) == later
    dearer = await put(db, app.live, Rate("sms", "credits", 3_000_000), at=soon)
    async with db.connection() as conn:
        assert await views.rate_card(conn, app.live, at=soon) == dearer  # of two at one moment, the last made


async def test_two_at_once_get_two_versions(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await cast.crowd(db)
    cards = await asyncio.gather(*[put(db, app.live, Rate("sms", "credits", n)) for n in range(1, 7)])
    assert sorted(card.version for card in cards) == list(range(1, 7))
    by_version = sorted(cards, key=lambda card: card.version)
    assert by_version == sorted(cards, key=lambda card: card.effective_at)
    same = await asyncio.gather(*[put(db, app.test, SMS) for _ in range(5)])
    assert {card.version for card in same} == {1}


@pytest.mark.parametrize(
    ("field", "rates"),
    [
        ("rates.0.credit_type", [Rate("sms", "tokens", 1)]),
        ("rates.1.credit_type", [SMS, Rate("voice", "\x00", 1)]),
        ("rates.1.operation", [SMS, SMS]),
        ("rates.0.operation", [Rate("", "credits", 1)]),
        ("rates.0.operation", [Rate("-sms", "credits", 1)]),
        ("rates.0.operation", [Rate("sms\n", "credits", 1)]),
        ("rates.0.operation", [Rate("s" * 101, "credits", 1)]),
        ("rates.1.cost", [SMS, Rate("voice", "credits", 0)]),
        ("rates.0.cost", [Rate("voice", "credits", 2**53)]),
        ("rates", [Rate(f"op{n}", "credits", 1) for n in range(1001)]),
    ],
)
async def test_wrong_rates_are_named(db: Database, field: str, rates: list[Rate]) -> None:
    app = (await cast.first_app(db)).app
    with pytest.raises(Invalid) as refused:
        await put(db, app.live, *rates)
    assert refused.value.field == field


async def test_the_past_is_not_repriced(db: Database) -> None:
    app = (await cast.first_app(db)).app
    with pytest.raises(Invalid) as refused:
        await put(db, app.live, SMS, at=datetime.now(UTC) - timedelta(minutes=1))
    assert refused.value.field == "effective_at"


async def test_a_card_comes_into_force_in_the_tenants_own_time(db: Database) -> None:
    app = (await cast.first_app(db)).app
    first = await put(db, app.test, SMS)
    month = datetime.now(UTC) + timedelta(days=30)
    later = await put(db, app.test, VOICE, at=month)
    async with db.connection() as conn:
        assert await views.rate_card(conn, app.test) == first
        assert (await views.rate_cards(conn, app.test)).rows == [later, first]  # seen before its time
        assert await views.rate_card(conn, app.test, at=month) == later
    async with db.tx() as tx:
        await run(tx, "update tenant set clock_ahead = '31 days' where id = %s", [app.test])
    async with db.connection() as conn:
        assert await views.rate_card(conn, app.test) == later
    with pytest.raises(Invalid) as refused:
        await put(db, app.test, SMS, at=month)
    assert refused.value.field == "effective_at"
    newest = await put(db, app.test, SMS, VOICE)
    assert month < newest.effective_at == newest.created_at


async def test_rates_at_a_moment(db: Database) -> None:
    app = (await cast.first_app(db)).app
    first = await put(db, app.live, SMS, VOICE)
    soon = datetime.now(UTC) + timedelta(hours=1)
    await put(db, app.live, Rate("sms", "credits", 3_000_000), at=soon)
    await put(db, app.test, VOICE)
    wanted = [
        (app.live, "sms"),
        (app.live, "sms"),
        (app.live, "voice"),
        (app.live, "fax"),
        (app.test, "sms"),
        (app.test, "voice"),
        (99, "sms"),
    ]

    def at(moment: datetime) -> list[tuple[int, str, datetime]]:
        return [(tenant, operation, moment) for tenant, operation in wanted]

    conn = await db.dedicated()
    try:
        now = datetime.now(UTC)
        assert await views.rates_at(conn, at(now)) == {
            (app.live, "sms"): RateLine(1, "credits", 2_000_000),
            (app.live, "voice"): RateLine(1, "credits", 5_000_000),
            (app.test, "voice"): RateLine(1, "credits", 5_000_000),
        }
        assert await views.rates_at(conn, at(soon)) == {
            (app.live, "sms"): RateLine(2, "credits", 3_000_000),
            (app.test, "voice"): RateLine(1, "credits", 5_000_000),
        }
        assert await views.rates_at(conn, at(first.effective_at - timedelta(seconds=1))) == {}
        assert await views.rates_at(conn, []) == {}
        mixed = [(app.live, "sms", soon), (app.live, "voice", now), (app.test, "voice", now)]
        assert await views.rates_at(conn, mixed) == {
            (app.live, "sms"): RateLine(2, "credits", 3_000_000),
            (app.live, "voice"): RateLine(1, "credits", 5_000_000),
            (app.test, "voice"): RateLine(1, "credits", 5_000_000),
        }
    finally:
        await conn.close()


async def test_the_rates_in_force_are_those_of_the_moment_that_was_read_before(db: Database) -> None:
    app = (await cast.first_app(db)).app
    await put(db, app.test, SMS, VOICE)
    wanted = [(app.test, "sms"), (app.test, "fax"), (app.live, "sms")]
    old = {(app.test, "sms"): RateLine(1, "credits", 2_000_000)}
    conn = await db.dedicated()
    try:
        async with conn.pipeline():
            clock = await ask(conn, QUERIES.clock)
            asked = await views.rates_in_force(conn, wanted)
            before = Moments.of_rows(await clock.fetchall())
            assert await asked(before) == old
        await put(db, app.test, Rate("sms", "credits", 3_000_000), Rate("fax", "credits", 1))
        await put(db, app.live, SMS)
        async with conn.pipeline():  # both cards began between the clock and the rates
            asked = await views.rates_in_force(conn, wanted)
            assert await asked(before) == old
        asked = await views.rates_in_force(conn, wanted)
        after = Moments.of_rows(await (await ask(conn, QUERIES.clock)).fetchall())
        # a clock that says more than that of the rates, as none should
        assert await asked(after) == {
            (app.test, "sms"): RateLine(2, "credits", 3_000_000),
            (app.test, "fax"): RateLine(2, "credits", 1),
            (app.live, "sms"): RateLine(1, "credits", 2_000_000),
        }
        await put(db, app.test, VOICE, at=datetime.now(UTC) + timedelta(days=1))
        async with db.tx() as tx:
            await people.set_clock(tx, app.test, timedelta(days=2))
        async with conn.pipeline():
            clock = await ask(conn, QUERIES.clock)
            asked = await views.rates_in_force(conn, [(app.test, "sms"), (app.test, "voice")])
            ahead = Moments.of_rows(await clock.fetchall())
            assert await asked(ahead) == {(app.test, "voice"): RateLine(3, "credits", 5_000_000)}
    finally:
        await conn.close()


async def test_rates_are_read_by_index_alone(db: Database) -> None:
    app = (await cast.first_app(db)).app
    async with db.tx() as tx:
        await run(
            tx,
            "insert into rate_card (tenant_id, version, effective_at, created_by)"
            " select %s, n, now() - make_interval(mins => 3000 - n), 't' from generate_series(1, 2000) n",
            [app.live],
        )
        await run(
            tx,
            "insert into rate (tenant_id, version, operation, credit_type, cost)"
            " select %s, v, 'op' || o, 'credits', 1 from generate_series(1, 2000) v, generate_series(1, 10) o",
            [app.live],
        )
    conn = await db.dedicated()
    try:
        for moment in (datetime.now(UTC), None):
            values = {
                "tenants": arrays.int4s_or_null([app.live]),
                "operations": arrays.texts(["op3"]),
                "moments": arrays.moments([moment]),
            }
            found = await ask(conn, "explain (analyze, costs off, timing off) " + views.q.lines, values)
            plan = "\n".join(line for (line,) in await found.fetchall())
            assert "Seq Scan" not in plan
            assert "rate_card_effective" in plan
            assert "rate_pkey" in plan
            assert "Rows Removed" not in plan
    finally:
        await conn.close()
