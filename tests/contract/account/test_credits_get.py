"""GET /auth/account/credits"""

import asyncio
import re
from datetime import UTC, datetime, timedelta

import httpx2
import pytest

from tallystick.dialects.account import routes
from tallystick.domain.identity import actions as identity
from tallystick.domain.ledger import commands
from tallystick.kernel.actor import Role
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.credits import parse_credits
from tests import cast

from .conftest import Stage, TimedStage, join

pytestmark = [pytest.mark.anyio, pytest.mark.holds("account", "GET /auth/account/credits")]

CREDITS = "/auth/account/credits"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_an_account_without_credits(stage: Stage) -> None:
    answer = await stage.get(CREDITS)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.text == (
        f'{{"user_id":{stage.user.number},"balance":0.0,"reserved":0.0,"available":0.0,"currency":"USD",'
        f'"last_updated":"{iso_seconds(stage.account.created_at)}","auto_reload_enabled":false,'
        '"auto_reload_threshold":0.0,"auto_reload_amount":0.0}'
    )


async def test_holds_show_as_reserved(stage: Stage) -> None:
    await stage.grant("200")
    await stage.debit("12.5")
    hold = await stage.hold("100")
    await stage.do(
        commands.Capture(account=stage.account.account_id, hold=hold, amount=parse_credits("74.999999"))
    )
    answer = await stage.get(CREDITS)
    written = answer.json()["last_updated"]
    assert TIME.fullmatch(written)
    assert answer.text == (
        f'{{"user_id":{stage.user.number},"balance":112.500001,"reserved":25.000001,"available":87.5,'
        f'"currency":"USD","last_updated":"{written}","auto_reload_enabled":false,'
        '"auto_reload_threshold":0.0,"auto_reload_amount":0.0}'
    )


async def test_numbers_are_exact_and_never_in_exponent_notation(stage: Stage) -> None:
    for amount, shown in [("9007199254.740991", "9007199254.740991"), ("0.000009", "9007199254.741")]:
        await stage.grant(amount)
        assert f'"balance":{shown},' in (await stage.get(CREDITS)).text
    await stage.grant("9007199254")
    assert '"balance":18014398508.741,' in (await stage.get(CREDITS)).text


async def test_a_microcredit_is_no_exponent(stage: Stage) -> None:
    await stage.grant("0.000001")
    assert '"balance":0.000001,"reserved":0.0,"available":0.000001,' in (await stage.get(CREDITS)).text


async def test_what_is_owed_is_a_negative_balance_and_an_overdraft_is_not_available(stage: Stage) -> None:
    account = stage.account.account_id
    overdraft = commands.SetOverdraft(account=account, credit_type="credits", overdraft=parse_credits("50"))
    await stage.do(overdraft)
    await stage.debit("7.25")
    body = await stage.body(CREDITS)
    assert (body["balance"], body["reserved"], body["available"]) == (-7.25, 0.0, -7.25)
    await stage.grant("10")
    assert (await stage.body(CREDITS))["balance"] == 2.75


async def test_an_expired_hold_is_reserved_no_more_before_any_sweeper(timed: TimedStage) -> None:
    await timed.grant("10")
    await timed.hold("4", expires_in=600)
    assert (await timed.body(CREDITS))["reserved"] == 4.0
    await timed.at(datetime.now(UTC) + timedelta(minutes=10))
    body = await timed.body(CREDITS)
    assert (body["balance"], body["reserved"], body["available"]) == (10.0, 0.0, 10.0)


async def test_other_credit_types_do_not_show(stage: Stage) -> None:
    await stage.grant("10")
    await stage.grant("99", credit_type="api_calls")
    assert (await stage.body(CREDITS))["balance"] == 10.0


async def test_the_currency_is_the_accounts(stage: Stage) -> None:
    globex = await cast.globex(stage.system.db, stage.tenant)
    await join(stage.system.db, stage.tenant, globex, stage.user, Role.VIEWER)
    body = (await stage.get(CREDITS, headers={"x-account": str(globex.uuid)})).json()
    assert body["currency"] == "UGX"


async def test_a_changed_currency_shows_within_about_a_second(stage: Stage) -> None:
    assert (await stage.body(CREDITS))["currency"] == "USD"
    async with stage.system.db.tx() as tx:
        await identity.patch_account(tx, stage.tenant, stage.account.account_id, {"currency": "KWD"})
    await asyncio.sleep(1.1)
    assert (await stage.body(CREDITS))["currency"] == "KWD"


async def test_the_hot_route_answers_as_the_framework_does(stage: Stage) -> None:
    await stage.grant("12.5")
    globex = await cast.globex(stage.system.db, stage.tenant)
    found = routes.hot(stage.system)
    assert {(route.method, route.path) for route in found} == {("GET", CREDITS), ("GET", CREDITS + "/")}
    transport = httpx2.ASGITransport(routes.api(stage.system))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as framework:
        for token in (stage.token, "garbled"):
            for account in (None, str(stage.account.number), str(globex.number)):
                headers = {"authorization": f"Bearer {token}"}
                headers |= {} if account is None else {"x-account": account}
                for route in found:
                    hot = await stage.client.get(route.path, headers=headers)
                    slow = await framework.get(route.path, headers=headers)
                    assert (hot.status_code, hot.content) == (slow.status_code, slow.content)
                    assert set(hot.headers) <= set(slow.headers)
