"""GET /v1/account/usage/analytics/"""

import asyncio
from datetime import UTC, date, datetime
from typing import Any

import pytest

from tallystick.dialects.igny8.handlers.analytics import last_days
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.model import AccountChanges
from tallystick.domain.ledger import commands
from tallystick.kernel.credits import parse_credits
from tests.contract.conformance.holding import hold

from .conftest import Stage, TimedStage, error

pytestmark = [pytest.mark.anyio, pytest.mark.holds("igny8", "GET /v1/account/usage/analytics/")]

ANALYTICS = "/v1/account/usage/analytics/"


async def shown(stage: Stage, **query: Any) -> dict[str, Any]:
    answer = await stage.get(ANALYTICS, **query)
    assert answer.status_code == 200, answer.text
    body = hold(answer)
    assert list(body) == [
        "period_days",
        "current_balance",
        "usage_by_type",
        "daily_usage",
        "total_usage",
        "total_purchases",
    ]
    days = body["daily_usage"]
    assert len(days) == body["period_days"]
    assert all(day["net"] == day["purchases"] - day["usage"] for day in days)
    assert body["total_usage"] == sum(day["usage"] for day in days)
    assert body["total_purchases"] == sum(day["purchases"] for day in days)
    return dict(body)


async def test_before_the_first_credit(timed: TimedStage) -> None:
    await timed.at(datetime(2059, 3, 2, 12, tzinfo=UTC))
    assert (await timed.get(ANALYTICS, days=2)).text == (
        '{"period_days":2,"current_balance":0,"usage_by_type":[],"daily_usage":['
        '{"date":"2059-03-01","usage":0,"purchases":0,"net":0},'
        '{"date":"2059-03-02","usage":0,"purchases":0,"net":0}],"total_usage":0,"total_purchases":0}'
    )
    everything = await shown(timed)
    assert (everything["period_days"], len(everything["daily_usage"])) == (30, 30)
    assert everything["daily_usage"][0]["date"] == "2059-02-01"


async def test_the_documents_example(timed: TimedStage) -> None:
    await timed.at(datetime(2059, 11, 1, 12, tzinfo=UTC))
    await timed.grant("150")
    for day in range(1, 6):
        await timed.at(datetime(2059, 12, day, 10, tzinfo=UTC))
        await timed.debit("10", operation="clustering")
    found = await shown(timed, days=30)
    assert (found["period_days"], found["current_balance"]) == (30, 100)
    assert found["usage_by_type"] == [{"transaction_type": "deduction", "total": -50, "count": 5}]
    assert found["daily_usage"][-1] == {"date": "2059-12-05", "usage": 10, "purchases": 0, "net": -10}
    assert (found["total_usage"], found["total_purchases"]) == (50, 0)


async def test_while_credits_are_used_the_rows_are_those_of_the_balance(stage: Stage) -> None:
    await stage.grant("1000", source="purchase")

    async def spend() -> None:
        for _ in range(60):
            await stage.debit("1")

    async def look() -> None:
        for _ in range(20):
            found = await shown(stage, days=2)
            assert found["current_balance"] == found["total_purchases"] - found["total_usage"]

    await asyncio.gather(spend(), look(), look())


async def test_what_is_due_and_not_swept_counts_as_in_the_balance(timed: TimedStage) -> None:
    """A hold whose time is over took what was reported of it, though nobody has written that yet."""
    await timed.at(datetime(2059, 3, 2, 12, tzinfo=UTC))
    await timed.grant("100")
    held = await timed.hold("30", expires_in=60, on_expiry="capture_reported")
    me = timed.account.account_id
    await timed.do(commands.Report(account=me, hold=held, amount=parse_credits("7")))
    await timed.at(datetime(2059, 3, 3, 12, tzinfo=UTC))
    found = await shown(timed, days=2)
    assert (found["current_balance"], found["total_usage"]) == (93, 7)
    assert [day["usage"] for day in found["daily_usage"]] == [7, 0]
    assert {"transaction_type": "deduction", "total": -7, "count": 1} in found["usage_by_type"]


async def test_days_are_the_accounts_own_and_every_type_is_there(timed: TimedStage) -> None:
    """Acme is in Kampala, three hours before UTC."""
    me = timed.account.account_id
    await timed.at(datetime(2059, 3, 8, 12, tzinfo=UTC))
    await timed.grant("500", source="purchase")  # before the period
    await timed.at(datetime(2059, 3, 9, 20, 50, tzinfo=UTC))  # the 9th, 23:50
    await timed.grant("100", source="purchase")
    await timed.grant("20", source="bonus")
    await timed.grant("7", source="plan")
    await timed.grant("3", credit_type="api_calls", source="purchase")
    used = (await timed.debit("10.5")).entry
    await timed.at(datetime(2059, 3, 9, 21, 1, tzinfo=UTC))  # the 10th, 00:01
    assert used is not None
    await timed.do(commands.Reverse(account=me, entry=used.seq, amount=parse_credits("0.5")))
    await timed.do(
        commands.Adjust(account=me, credit_type="credits", direction="credit", amount=1, reason="Fix")
    )
    held = await timed.hold("40")
    await timed.do(commands.Capture(account=me, hold=held, amount=parse_credits("30")))
    await timed.at(datetime(2059, 3, 11, 12, tzinfo=UTC))
    found = await shown(timed, days=3)
    assert found["daily_usage"] == [
        {"date": "2059-03-09", "usage": 11, "purchases": 100, "net": 89},
        {"date": "2059-03-10", "usage": 30, "purchases": 0, "net": -30},
        {"date": "2059-03-11", "usage": 0, "purchases": 0, "net": 0},
    ]
    assert found["usage_by_type"] == [
        {"transaction_type": "adjustment", "total": 0, "count": 1},
        {"transaction_type": "deduction", "total": -41, "count": 2},
        {"transaction_type": "grant", "total": 20, "count": 1},
        {"transaction_type": "purchase", "total": 100, "count": 1},
        {"transaction_type": "refund", "total": 1, "count": 1},
        {"transaction_type": "subscription", "total": 7, "count": 1},
    ]
    assert found["current_balance"] == 587
    wide = await shown(timed, days=365)
    assert (wide["total_purchases"], wide["total_usage"]) == (600, 41)
    assert sum(one["total"] for one in wide["usage_by_type"]) == found["current_balance"]
    [today] = (await shown(timed, days=1))["daily_usage"]
    assert today["date"] == "2059-03-11"


async def test_a_day_without_a_midnight(timed: TimedStage) -> None:
    # Santiago goes forward at midnight: 7 September 2059 begins at 01:00
    async with timed.system.db.tx() as tx:
        changes = AccountChanges(time_zone="America/Santiago")
        await identity.patch_account(tx, timed.tenant, timed.account.account_id, changes)
    await timed.at(datetime(2059, 9, 7, 3, 58, tzinfo=UTC))  # the 6th, 23:58
    await timed.grant("100", source="purchase")
    await timed.debit("1")
    await timed.at(datetime(2059, 9, 7, 4, 0, tzinfo=UTC))
    await timed.debit("2")
    await timed.at(datetime(2059, 9, 8, 12, tzinfo=UTC))
    assert [(day["date"], day["usage"]) for day in (await shown(timed, days=3))["daily_usage"]] == [
        ("2059-09-06", 1),
        ("2059-09-07", 2),
        ("2059-09-08", 0),
    ]


def test_days_are_those_of_the_calendar() -> None:
    now = datetime(2026, 3, 1, 22, tzinfo=UTC)
    assert last_days(3, now, "Africa/Kampala") == [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2)]
    assert last_days(1, now, "UTC") == [date(2026, 3, 1)]
    year = last_days(365, now, "UTC")
    assert (year[0], len(set(year))) == (date(2025, 3, 2), 365)


async def test_days_that_are_none(stage: Stage) -> None:
    integer = "A valid integer is required."
    cases = {
        "0": "Ensure this value is greater than or equal to 1.",
        "-3": "Ensure this value is greater than or equal to 1.",
        "366": "Ensure this value is less than or equal to 365.",
        "9" * 500: "Ensure this value is less than or equal to 365.",
        "": integer,
        "month": integer,
        "1.5": integer,
        "1e1": integer,
        "\x00": integer,
    }
    for text, message in cases.items():
        answer = await stage.get(ANALYTICS, days=text)
        error(answer, 400, "The request has fields that are wrong.", {"days": [message]})
        hold(answer)
