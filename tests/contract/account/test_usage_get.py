"""GET /auth/account/usage"""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.ledger import commands
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported
from tallystick.kernel.clock import iso, iso_seconds
from tallystick.kernel.credits import parse_credits

from .conftest import Stage

pytestmark = [pytest.mark.anyio, pytest.mark.holds("account", "GET /auth/account/usage")]

USAGE = "/auth/account/usage"


async def report(stage: Stage, *items: tuple[str, int, datetime]) -> None:
    async with stage.system.db.tx() as tx:
        await metering.report(
            tx,
            stage.tenant,
            [Reported(stage.account.account_id, route, status, time) for route, status, time in items],
        )


async def test_every_field_literally(stage: Stage) -> None:
    now = datetime.now(UTC)
    await stage.grant("100")
    await stage.debit("12.5")
    await report(stage, ("/search", 200, now), ("/search", 500, now), ("/details/{id}", 302, now))
    start, end = iso_seconds(now - timedelta(minutes=1)), iso_seconds(now + timedelta(minutes=1))
    assert (await stage.get(USAGE, from_=start, to=end, period="daily")).text == (
        f'{{"user_id":{stage.user.number},"period":"daily","total_requests":3,"successful_requests":2,'
        '"failed_requests":1,"credits_consumed":12.5,"requests_by_endpoint":{"/details/{id}":1,"/search":2},'
        f'"period_start":"{start}","period_end":"{end}"}}'
    )


async def test_nothing_used(stage: Stage) -> None:
    body = await stage.body(USAGE)
    assert body["period"] == "monthly"
    assert (body["total_requests"], body["successful_requests"], body["failed_requests"]) == (0, 0, 0)
    assert '"credits_consumed":0.0,"requests_by_endpoint":{},' in (await stage.get(USAGE)).text


async def test_credits_consumed_are_usage_less_what_was_given_back(stage: Stage) -> None:
    me = stage.account.account_id
    bought = (await stage.grant("1000")).entry
    used = (await stage.debit("100")).entry
    hold = await stage.hold("50")
    await stage.do(commands.Capture(account=me, hold=hold, amount=parse_credits("20.25"), final=True))
    assert used is not None
    assert bought is not None
    await stage.do(commands.Reverse(account=me, entry=used.seq, amount=parse_credits("30"), reason="Failed"))
    # none of these is usage
    await stage.do(commands.Reverse(account=me, entry=bought.seq, amount=parse_credits("5"), reason="Wrong"))
    await stage.do(
        commands.Adjust(
            account=me, credit_type="credits", direction="debit", amount=parse_credits("7"), reason="Error"
        )
    )
    await stage.grant("500", credit_type="api_calls")
    await stage.debit("400", credit_type="api_calls")
    assert (await stage.body(USAGE))["credits_consumed"] == 90.25


async def test_the_span_bounds_credits_too(stage: Stage) -> None:
    await stage.grant("10")
    first, second = (await stage.debit("1")).entry, (await stage.debit("2")).entry
    assert first is not None
    assert second is not None
    at = iso(second.effective_at)
    assert (await stage.body(USAGE, to=at))["credits_consumed"] == 1.0
    assert (await stage.body(USAGE, from_=at))["credits_consumed"] == 2.0


async def test_a_span_in_the_past(stage: Stage) -> None:
    then = datetime.now(UTC) - timedelta(days=20)
    await report(stage, ("/search", 200, then), ("/search", 200, then + timedelta(days=1)))
    body = await stage.body(USAGE, from_=iso(then - timedelta(hours=1)), to=iso(then + timedelta(hours=1)))
    assert body["total_requests"] == 1


async def test_default_spans_begin_in_the_accounts_time_zone(quiet: Stage) -> None:
    # Kampala is three hours ahead of UTC
    for period, to, start in [
        ("daily", "2026-11-21T20:59:00Z", "2026-11-20T21:00:00Z"),
        ("daily", "2026-11-21T21:01:00Z", "2026-11-21T21:00:00Z"),
        ("monthly", "2026-11-21T10:00:00Z", "2026-10-31T21:00:00Z"),
        ("yearly", "2026-11-21T10:00:00Z", "2025-12-31T21:00:00Z"),
        # a span that ends with the month is that month
        ("monthly", "2026-12-01", "2026-10-31T21:00:00Z"),
    ]:
        body = await quiet.body(USAGE, period=period, to=to)
        assert (body["period"], body["period_start"]) == (period, start), (period, to)


async def test_the_default_end_is_now(quiet: Stage) -> None:
    before = datetime.now(UTC).replace(microsecond=0)
    end = datetime.fromisoformat((await quiet.body(USAGE))["period_end"])
    assert before <= end <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-03-01", "2026-02-28T21:00:00Z"),
        ("2026-03-01T12:00:00", "2026-03-01T09:00:00Z"),
        ("2026-03-01T12:00", "2026-03-01T09:00:00Z"),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00.999999Z", "2026-03-01T12:00:00Z"),
        ("2026-03-01T12:00:00-05:00", "2026-03-01T17:00:00Z"),
        ("2026-03-01T12:00:00+05:30", "2026-03-01T06:30:00Z"),
    ],
)
async def test_forms_of_a_moment(quiet: Stage, text: str, shown: str) -> None:
    assert (await quiet.body(USAGE, from_=text))["period_start"] == shown


async def test_an_offset_whose_plus_was_not_escaped(quiet: Stage) -> None:
    headers = {"authorization": f"Bearer {quiet.token}"}
    answer = await quiet.client.get(f"{USAGE}?from=2026-03-01T12:00:00+05:30", headers=headers)
    assert answer.json()["period_start"] == "2026-03-01T06:30:00Z"


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"period": "weekly"}, "period"),
        ({"period": ""}, "period"),
        ({"period": "Monthly"}, "period"),
        ({"from": "soon"}, "from"),
        ({"to": "2026-11-31"}, "to"),
        ({"from": "0001-01-01T00:00:00+14:00"}, "from"),
        ({"from": "2026-02-01", "to": "2026-01-31"}, "from"),
        ({"from": "2999-01-01"}, "from"),
    ],
)
async def test_a_bad_parameter_is_named(quiet: Stage, query: dict[str, str], named: str) -> None:
    answer = await quiet.client.get(USAGE, params=query, headers={"authorization": f"Bearer {quiet.token}"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"
    assert answer.json()["error"]["message"].startswith(named + " ")
