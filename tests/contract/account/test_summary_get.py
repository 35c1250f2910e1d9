"""GET /auth/account/summary"""

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.domain.catalog import actions as catalog
from tallystick.domain.catalog.terms import Terms
from tallystick.domain.catalog.views import rates_in_force
from tallystick.domain.identity import actions as identity
from tallystick.domain.identity.sign_in import sign_in
from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported
from tallystick.domain.subscriptions import actions as subscriptions
from tallystick.kernel.actor import Mode, Role
from tallystick.kernel.clock import iso_seconds
from tallystick.kernel.ids import typeid
from tests import cast

from .conftest import Stage, join, token_of

pytestmark = [pytest.mark.anyio, pytest.mark.holds("account", "GET /auth/account/summary")]

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


async def test_the_subscription(stage: Stage) -> None:
    terms = Terms(interval="monthly", currency="USD", trial_days=14)
    async with stage.system.db.tx() as tx:
        plan = await catalog.create_plan(tx, stage.tenant, name="Professional", terms=terms, by="test")
    async with stage.system.db.tx() as tx:
        made = await subscriptions.subscribe(
            tx, stage.tenant, stage.account.account_id, plan=plan.id, rates=rates_in_force, by="test"
        )
    held = made.subscription
    assert held.period_end is not None
    assert (await stage.body(SUMMARY))["subscription"] == {
        "id": typeid("sub", held.id),
        "plan": "Professional",
        "status": "trialing",
        "current_period_start": iso_seconds(held.period_start),
        "current_period_end": iso_seconds(held.period_end),
        "cancel_at_period_end": False,
    }


async def test_in_the_apps_own_time(stage: Stage) -> None:
    """A test app whose clock is ahead: its month is what it says, and requests show in it."""
    db, tenant = stage.system.db, stage.first.app.test
    account = await cast.acme(db, tenant)
    await join(db, tenant, account, stage.user, Role.OWNER)
    async with db.tx() as tx:
        await identity.set_clock(tx, tenant, timedelta(days=400))
        await metering.report(tx, tenant, [Reported(account.account_id, "/search", 200, datetime.now(UTC))])
    token = await token_of(db, tenant, stage.user)
    month = (await stage.get(SUMMARY, token=token)).json()["usage_this_month"]
    assert datetime.fromisoformat(month["period_start"]) > datetime.now(UTC) + timedelta(days=360)
    assert month["total_requests"] == 1
