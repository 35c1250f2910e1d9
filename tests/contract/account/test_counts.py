"""Request statistics are real: what this server answers for an account counts, and what the product reports."""

from datetime import UTC, datetime

import pytest

from tallystick.domain.metering import actions as metering
from tallystick.domain.metering.model import Reported
from tallystick.kernel.actor import Role
from tests import cast

from .conftest import Stage, join

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.holds("account", "GET /auth/account/usage", "GET /auth/account/summary"),
]

USAGE = "/auth/account/usage"
CREDITS = "/auth/account/credits"


async def test_requests_made_are_requests_counted(stage: Stage) -> None:
    for _ in range(5):
        assert (await stage.get(CREDITS)).status_code == 200
    assert (await stage.get(CREDITS + "/")).status_code == 200
    for _ in range(3):
        assert (await stage.get("/auth/account/ledger", limit=1000)).status_code == 400
    assert (await stage.get("/auth/account/ledger")).status_code == 200
    assert await stage.system.requests.flush()
    body = await stage.body(USAGE)
    assert body["total_requests"] == 10
    assert body["successful_requests"] == 7
    assert body["failed_requests"] == 3
    assert body["requests_by_endpoint"] == {CREDITS: 6, "/auth/account/ledger": 4}
    assert await stage.system.requests.flush()
    summary = await stage.body("/auth/account/summary")
    assert summary["total_requests_all_time"] == 11
    assert summary["usage_this_month"]["requests_by_endpoint"][USAGE] == 1


async def test_reported_requests_add_to_those_made_here(stage: Stage) -> None:
    await stage.get(CREDITS)
    items = [
        Reported(stage.account.account_id, route, status, datetime.now(UTC))
        for route, status in [("/search", 200), ("/search", 500), (CREDITS, 200)]
    ]
    async with stage.system.db.tx() as tx:
        await metering.report(tx, stage.tenant, items)
    assert await stage.system.requests.flush()
    body = await stage.body(USAGE)
    assert (body["total_requests"], body["successful_requests"], body["failed_requests"]) == (4, 3, 1)
    assert body["requests_by_endpoint"] == {CREDITS: 2, "/search": 2}


async def test_what_the_product_reports_natively_shows_here(stage: Stage) -> None:
    said = {"account": "ext:acme", "route": "/search", "status": 200, "time": datetime.now(UTC).isoformat()}
    answer = await stage.client.post(
        "/v2/requests",
        json={"requests": [said, {**said, "status": 404}]},
        headers={"authorization": f"Bearer {stage.first.live_key}"},
    )
    assert answer.is_success, answer.text
    body = await stage.body(USAGE)
    assert body["requests_by_endpoint"] == {"/search": 2}
    assert (body["successful_requests"], body["failed_requests"]) == (1, 1)


async def test_a_request_counts_for_the_account_it_was_about(stage: Stage) -> None:
    globex = await cast.globex(stage.system.db, stage.tenant)
    await join(stage.system.db, stage.tenant, globex, stage.user, Role.VIEWER)
    named = {"x-account": str(globex.number)}
    await stage.get(CREDITS, headers=named)
    await stage.get(CREDITS)
    assert await stage.system.requests.flush()
    assert (await stage.get(USAGE, headers=named)).json()["requests_by_endpoint"] == {CREDITS: 1}
    assert (await stage.body(USAGE))["requests_by_endpoint"] == {CREDITS: 1}


async def test_who_is_refused_counts_for_nobody(stage: Stage) -> None:
    globex = await cast.globex(stage.system.db, stage.tenant)
    await stage.get(CREDITS, token="garbled")
    await stage.get(CREDITS, token=stage.first.live_key)
    await stage.get(CREDITS, headers={"x-account": str(globex.number)})
    await stage.get("/auth/account/nothing")
    assert await stage.system.requests.flush()
    assert (await stage.body(USAGE))["total_requests"] == 0


async def test_the_end_of_the_system_writes_what_is_left(stage: Stage) -> None:
    await stage.get(CREDITS)
    await stage.system.requests.stop()  # what leaving `wiring.system` does
    assert (await stage.body(USAGE))["total_requests"] == 1
