"""GET /auth/account/summary"""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.identity.sign_in import sign_in
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported
from tallystick.kernel.actor import Mode, Role
from tallystick.kernel.clock import iso_seconds
from tests import cast

from .conftest import Stage, join

pytestmark = pytest.mark.anyio

SUMMARY = "/auth/account/summary"


async def test_every_field_literally(stage: Stage) -> None:
    await stage.grant("100")
    await stage.debit("12.5")
    await stage.hold("20")
    now = datetime.now(UTC)
    items = [
        Reported(stage.account.account_id, "/search", status, time)
        for status, time in [(200, now), (404, now), (200, now - timedelta(days=34))]
    ]
    async with stage.system.db.tx() as tx:
        await metering.report(tx, stage.tenant, items)
    answer = await stage.get(SUMMARY)
    assert answer.status_code == 200
    body = answer.json()
    month = body["usage_this_month"]
    user, updated = stage.user.number, body["credit_balance"]["last_updated"]
    assert answer.text == (
        f'{{"user_id":{user},"email":"ann@acme.example","credit_balance":{{"user_id":{user},"balance":87.5,'
        f'"reserved":20.0,"available":67.5,"currency":"USD","last_updated":"{updated}",'
        '"auto_reload_enabled":false,"auto_reload_threshold":0.0,"auto_reload_amount":0.0},'
        f'"subscription":null,"usage_this_month":{{"user_id":{user},"period":"monthly","total_requests":2,'
        '"successful_requests":1,"failed_requests":1,"credits_consumed":12.5,'
        f'"requests_by_endpoint":{{"/search":2}},"period_start":"{month["period_start"]}",'
        f'"period_end":"{month["period_end"]}"}},"total_requests_all_time":3,'
        f'"account_created_at":"{iso_seconds(stage.account.created_at)}","last_login_at":null}}'
    )


async def test_the_last_sign_in_shows(stage: Stage) -> None:
    db = stage.system.db
    bob = await cast.make_user(db, stage.tenant, "bob@acme.example", cast.PASSWORD)
    await join(db, stage.tenant, stage.account, bob, Role.VIEWER)
    signed = await sign_in(
        db,
        stage.system.secrets,
        stage.system.clock,
        app=stage.first.app.id,
        mode=Mode.LIVE,
        email="bob@acme.example",
        password=cast.PASSWORD,
    )
    body = (await stage.get(SUMMARY, token=signed.tokens.access)).json()
    assert signed.user.last_login_at is not None
    assert body["last_login_at"] == iso_seconds(signed.user.last_login_at)
    assert (body["user_id"], body["email"]) == (bob.number, "bob@acme.example")
