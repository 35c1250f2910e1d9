"""64 requests on one customer at once: one legal outcome"""

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.contract.native.subscribing import feature, kinds, paid, plan, read, subscribe
from tests.contract.served import Api, House

pytestmark = pytest.mark.holds(
    "native",
    "POST /v2/subscriptions/{subscription}/change",
    "POST /v2/subscriptions/{subscription}/cancel",
    "GET /v2/subscriptions/{subscription}/changes",
)

MANY = 64


def at_once(house: House, requests: list[tuple[str, Any, dict[str, str]]]) -> list[httpx2.Response]:
    async def work(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(
            *(client.post(path, json=body, headers=headers) for path, body, headers in requests)
        )

    return house.together(work)


def test_subscribing(api: Api, house: House) -> None:
    account, to = api.account(), plan(api, allowances=[{"amount": 10}])
    made = at_once(house, [("/v2/subscriptions", {"account": account, "plan": to}, {})] * MANY)
    assert Counter(one.status_code for one in made) == {201: 1, 409: MANY - 1}
    assert {one.json()["code"] for one in made if one.status_code == 409} == {"already_subscribed"}
    [row] = api.get("/v2/subscriptions", account=account).json()["data"]
    assert kinds(api, row["id"]).count("created") == 1
    assert api.wallet(account)["posted"] == "10"


def test_subscribing_under_one_key(api: Api, house: House) -> None:
    account, to = api.account(), plan(api, "10.00")
    body, headers = {"account": account, "plan": to}, {"Idempotency-Key": "at-once"}
    made = at_once(house, [("/v2/subscriptions", body, headers)] * MANY)
    assert {one.status_code for one in made} == {201}
    assert len({one.content for one in made}) == 1
    assert len(api.get("/v2/invoices", account=account).json()["data"]) == 1


def test_upgrading(api: Api, house: House) -> None:
    low, high = plan(api, "10.00", rank=1), plan(api, "20.00", rank=2, allowances=[{"amount": 10}])
    made = subscribe(api, low)
    paid(api, made)
    done = at_once(house, [(f"/v2/subscriptions/{made['id']}/change", {"plan": high}, {})] * MANY)
    assert Counter(one.status_code for one in done) == {200: 1, 409: MANY - 1}
    assert {one.json()["code"] for one in done if one.status_code == 409} == {"same_plan"}
    assert kinds(api, made["id"]).count("upgraded") == 1
    assert len(api.get("/v2/invoices", subscription=made["id"]).json()["data"]) == 2
    assert api.wallet(made["account"])["posted"] == "10"


@pytest.mark.parametrize("at_period_end", [True, False])
def test_cancelling(api: Api, house: House, at_period_end: bool) -> None:
    made = subscribe(api, plan(api, allowances=[{"amount": 10}]))
    body = {"at_period_end": at_period_end}
    done = at_once(house, [(f"/v2/subscriptions/{made['id']}/cancel", body, {})] * MANY)
    statuses = Counter(one.status_code for one in done)
    found = read(api, made["id"])
    if at_period_end:
        assert statuses == {200: MANY}
        assert (found["status"], found["cancel_at_period_end"]) == ("active", True)
        assert kinds(api, made["id"]).count("cancel_scheduled") == 1
    else:
        assert statuses == {200: 1, 409: MANY - 1}
        assert found["status"] == "cancelled"
        assert kinds(api, made["id"]).count("cancelled") == 1
        assert api.wallet(made["account"])["posted"] == "0"


def test_everything(api: Api, house: House) -> None:
    """Subscribe, upgrade, cancel, pause, consume: whatever came first, the end is one that a sequence could reach."""
    feature(api, "projects")
    low, high = (
        plan(api, rank=rank, features={"projects": 10}, allowances=[{"amount": 10 * rank}]) for rank in (1, 2)
    )
    made = subscribe(api, low)
    path, account = f"/v2/subscriptions/{made['id']}", made["account"]
    requests: list[tuple[str, Any, dict[str, str]]] = [
        ("/v2/subscriptions", {"account": account, "plan": low}, {}),
        (f"{path}/change", {"plan": high}, {}),
        (f"{path}/cancel", {"at_period_end": False}, {}),
        (f"{path}/cancel", {}, {}),
        (f"{path}/pause", {}, {}),
        (f"{path}/resume", {}, {}),
        ("/v2/features/consume", {"account": account, "feature": "projects", "amount": 1}, {}),
        ("/v2/debits", {"account": account, "amount": 1}, {}),
    ] * (MANY // 8)
    done = at_once(house, requests)
    assert {one.status_code for one in done} <= {200, 201, 402, 409}
    rows = api.get("/v2/subscriptions", account=account).json()["data"]
    assert sum(row["status"] not in ("cancelled", "ended") for row in rows) <= 1
    assert read(api, made["id"])["status"] == "cancelled"
    for row in rows:
        log = kinds(api, row["id"])
        assert log.count("created") == 1
        assert log.count("cancelled") == (row["status"] == "cancelled")
        assert "cancelled" not in log[:-1] or row["status"] == "cancelled"
    used = api.get(f"/v2/accounts/{account}/entitlements/projects").json()["used"]
    consumed = [one for (where, _, _), one in zip(requests, done, strict=True) if where.endswith("consume")]
    assert int(used) == sum(one.status_code == 200 for one in consumed) <= 10
