"""GET /auth/account/credits shows what is bought automatically."""

import pytest

from tallystick.domain.ledger import actions as ledger
from tallystick.domain.payments import methods
from tallystick.domain.payments.port import MethodSeen
from tallystick.domain.reloads import actions

from .conftest import Stage

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.holds("account", "GET /auth/account/credits", "GET /auth/account/summary"),
]

CREDITS = "/auth/account/credits"


async def put(stage: Stage, *, enabled: bool) -> None:
    account = stage.account
    async with stage.system.db.tx() as tx:
        await ledger.lock(tx, [account.account_id])
        card = MethodSeen("card-1", brand="visa", last4="4242")
        await methods.save(tx, account.tenant_id, account.account_id, "sandbox", card, at=account.created_at)
        await actions.put_auto_reload(
            tx, account.tenant_id, account.account_id, "credits", threshold=12_500_000, amount=250_000_000,
            enabled=enabled, by="test",
        )  # fmt: skip


async def shown(stage: Stage) -> tuple[bool, str]:
    answer = await stage.get(CREDITS)
    assert answer.status_code == 200
    numbers = answer.text.partition('"auto_reload_threshold":')[2]
    return answer.json()["auto_reload_enabled"], numbers


async def test_as_it_is_set_at_the_moment(stage: Stage) -> None:
    await stage.grant("200")
    assert await shown(stage) == (False, '0.0,"auto_reload_amount":0.0}')
    await put(stage, enabled=True)
    assert await shown(stage) == (True, '12.5,"auto_reload_amount":250.0}')
    summary = (await stage.get("/auth/account/summary")).json()
    assert summary["credit_balance"]["auto_reload_enabled"] is True
    assert summary["credit_balance"]["auto_reload_amount"] == 250.0
    await put(stage, enabled=False)
    assert (await shown(stage))[0] is False
