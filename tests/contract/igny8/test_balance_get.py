"""GET /v1/billing/credits/balance/balance/"""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Allowance, Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.ledger import commands
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.credits import MICRO, parse_credits
from tests import cast
from tests.contract.conformance.holding import hold

from .conftest import Stage, TimedStage

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.holds("igny8", "GET /v1/billing/credits/balance/balance/"),
]

BALANCE = "/v1/billing/credits/balance/balance/"


async def shown(stage: Stage) -> dict[str, Any]:
    answer = await stage.get(BALANCE)
    assert answer.status_code == 200, answer.text
    hold(answer)
    body = answer.json()
    assert body["success"] is True
    assert body["data"]["credits"] == body["data"]["credits_remaining"]
    return dict(body["data"])


async def subscribe(stage: Stage, *allowances: Allowance) -> None:
    """To a plan that costs nothing, so that its credits are there at once."""
    made = Terms(interval="monthly", currency="USD", allowances=allowances)
    async with stage.system.db.tx() as tx:
        plan = await catalog.create_plan(tx, stage.tenant, name="Free", terms=made, by="test")
        await subscriptions.subscribe(
            tx, stage.tenant, stage.account.account_id, plan=plan.id, rates=rates_in_force, by="test"
        )


async def test_before_the_first_credit(stage: Stage) -> None:
    answer = await stage.get(BALANCE)
    assert answer.text == (
        '{"success":true,"data":{"credits":0,"plan_credits_per_month":0,'
        '"credits_used_this_month":0,"credits_remaining":0}}'
    )
    assert answer.headers["content-type"] == "application/json"


async def test_the_documents_example_to_the_letter(stage: Stage) -> None:
    await subscribe(stage, Allowance(credit_type="credits", amount=100 * MICRO))
    assert (await stage.get(BALANCE)).text == (
        '{"success":true,"data":{"credits":100,"plan_credits_per_month":100,'
        '"credits_used_this_month":0,"credits_remaining":100}}'
    )


async def test_whole_credits_without_what_is_held(stage: Stage) -> None:
    await stage.grant("100.4")
    await stage.grant("77", credit_type="api_calls")
    await stage.debit("2.5", operation="clustering")
    assert await shown(stage) == {
        "credits": 97,
        "plan_credits_per_month": 0,
        "credits_used_this_month": 3,
        "credits_remaining": 97,
    }
    held = await stage.hold("10.5")
    assert (await shown(stage))["credits"] == 87
    await stage.do(
        commands.Capture(account=stage.account.account_id, hold=held, amount=parse_credits("4"), final=True)
    )
    found = await shown(stage)
    assert (found["credits"], found["credits_used_this_month"]) == (93, 7)


async def test_an_overdraft_is_no_credit(stage: Stage) -> None:
    me = stage.account.account_id
    await stage.do(commands.SetOverdraft(account=me, credit_type="credits", overdraft=50 * MICRO))
    assert (await shown(stage))["credits"] == 0
    await stage.debit("0.5")
    assert (await shown(stage))["credits"] == -1


async def test_what_was_given_back_was_not_used(stage: Stage) -> None:
    await stage.grant("100")
    used = await stage.debit("30")
    assert used.entry is not None
    assert (await shown(stage))["credits_used_this_month"] == 30
    undo = commands.Reverse(
        account=stage.account.account_id, entry=used.entry.seq, amount=parse_credits("10")
    )
    await stage.do(undo)
    found = await shown(stage)
    assert (found["credits"], found["credits_used_this_month"]) == (80, 20)


async def test_the_month_is_the_accounts_own(timed: TimedStage) -> None:
    """Acme is in Kampala, three hours before UTC."""
    await timed.at(datetime(2059, 1, 31, 20, 50, tzinfo=UTC))
    await timed.grant("100")
    await timed.debit("30")
    assert (await shown(timed))["credits_used_this_month"] == 30
    await timed.at(datetime(2059, 1, 31, 21, tzinfo=UTC))
    assert (await shown(timed))["credits_used_this_month"] == 0
    await timed.debit("5")
    found = await shown(timed)
    assert (found["credits"], found["credits_used_this_month"]) == (65, 5)


async def test_balance_and_usage_agree_in_every_answer_while_credits_are_spent(stage: Stage) -> None:
    await stage.grant("1000")

    async def spend() -> None:
        for _ in range(40):
            await stage.debit("1", operation="clustering")

    async def watch() -> None:
        seen = []
        while not done.is_set():
            found = await shown(stage)
            seen.append(found["credits_used_this_month"])
            assert found["credits"] + found["credits_used_this_month"] == 1000
        assert seen == sorted(seen)

    done = asyncio.Event()
    watchers = asyncio.gather(*(watch() for _ in range(4)))
    await asyncio.gather(*(spend() for _ in range(4)))
    done.set()
    await watchers
    assert await shown(stage) == {
        "credits": 840,
        "plan_credits_per_month": 0,
        "credits_used_this_month": 160,
        "credits_remaining": 840,
    }


async def test_another_account_that_the_header_names(stage: Stage) -> None:
    other = await cast.globex(stage.system.db, stage.tenant)
    await stage.grant("5", other.account_id)
    headers = {"x-account": str(other.number)}
    assert (await stage.get(BALANCE, headers=headers)).status_code == 404
    assert (await shown(stage))["credits"] == 0
