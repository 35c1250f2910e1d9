"""Many at once: one fetch for all who ask for one app, and each pays for its own call."""

import asyncio
from collections import Counter
from typing import Any, Final

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House
from tests.doubles.stores import Stores
from tests.doubles.stores.play import DETAILS, SEARCH
from tests.e2e.running import within

from .conftest import Workspace, workspace

pytestmark = pytest.mark.holds(
    "appvector",
    "POST /api/aso/android-details/",
    "POST /api/aso/apple-details/",
    "POST /api/aso/android-search/",
)

ASKED: Final = 50


def together(
    house: House, asked: list[tuple[str, dict[str, Any]]], keys: list[str] | None = None
) -> list[httpx2.Response]:
    """The answers to all, sent at once with the admin's key."""

    async def send(http: httpx2.AsyncClient) -> list[httpx2.Response]:
        async def one(at: int) -> httpx2.Response:
            what, body = asked[at]
            headers = {} if keys is None else {"Idempotency-Key": keys[at]}
            return await http.post(f"/api/aso/{what}/", json=body, headers=headers)

        return await asyncio.gather(*(one(at) for at in range(len(asked))))

    return house.together(send)


def twenty_while_the_store_waits(
    work: Workspace, stores: Stores, what: str, body: dict[str, Any]
) -> list[httpx2.Response]:
    """Twenty times the same; the store answers when all of them hold their credits."""

    async def send(http: httpx2.AsyncClient) -> list[httpx2.Response]:
        asking = [asyncio.create_task(http.post(f"/api/aso/{what}/", json=body)) for _ in range(20)]
        assert await asyncio.to_thread(within, 30, lambda: work.held() == (20, 1))
        stores.play.release()
        return await asyncio.gather(*asking)

    stores.play.hold()
    return work.house.together(send)


def test_fifty_details_of_one_app_nobody_has(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.fifty")
    before = stores.play.count(DETAILS)
    body = {"app_id": "com.example.fifty", "workspace_id": work.id}
    answers = together(work.house, [("android-details", body)] * ASKED)
    assert Counter(answer.status_code for answer in answers) == {200: ASKED}
    assert len({answer.content for answer in answers}) == 1
    hold(answers[0])
    assert stores.play.count(DETAILS) - before == 1
    assert work.spent() == (ASKED, 1)
    assert work.held() == (0, 0)


def test_fifty_of_apple_by_several_workspaces(house: House, api: Api, stores: Stores) -> None:
    stores.apple.put(5001)
    workspaces = [workspace(house, api) for _ in range(5)]
    asked = [
        ("apple-details", {"app_id": "5001", "workspace_id": workspaces[n % 5].id, "metadata_type": kind})
        for n, kind in enumerate(["both", "fast", "slow"] * 17)
    ][:ASKED]
    before = stores.apple.count("/lookup")
    answers = together(house, asked)
    assert Counter(answer.status_code for answer in answers) == {200: ASKED}
    assert stores.apple.count("/lookup") - before == 1
    spent = [one.spent() for one in workspaces]
    assert [calls for calls, _ in spent] == [10] * 5
    assert sum(scrapes for _, scrapes in spent) == 1


def test_forced_ones_join_what_is_under_way(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.join")
    before = stores.play.count(DETAILS)
    body = {"app_id": "com.example.join", "workspace_id": work.id, "force_refresh": True}
    answers = twenty_while_the_store_waits(work, stores, "android-details", body)
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert stores.play.count(DETAILS) - before == 1
    assert work.spent() == (20, 1)


def test_equal_searches_share_one_fetch(work: Workspace, stores: Stores) -> None:
    stores.play.finds("crowd", "com.example.crowd")
    before = len(stores.play.asked)
    answers = twenty_while_the_store_waits(
        work, stores, "android-search", {"keyword": "crowd", "workspace_id": work.id}
    )
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert sum(one.path == SEARCH for one in stores.play.asked[before:]) == 1
    assert work.spent() == (20, 1)
    [row] = work.api.get("/v2/app-stores/keywords", keyword="crowd").json()["data"]
    assert row["searches"] == 20


def test_more_than_the_credits_allow(house: House, api: Api, stores: Stores) -> None:
    stores.play.put("com.example.few")
    work = workspace(house, api, calls=20)
    body = {"app_id": "com.example.few", "workspace_id": work.id}
    answers = together(house, [("android-details", body)] * ASKED)
    assert Counter(answer.status_code for answer in answers) == {200: 20, 402: ASKED - 20}
    for answer in answers:
        hold(answer)
    wallets = work.wallets()
    assert (wallets["api_calls"]["available"], wallets["api_calls"]["held"]) == ("0", "0")
    assert wallets["data_scrapes"]["available"] == "99"


def test_a_leader_without_credits_makes_room(house: House, api: Api, stores: Stores) -> None:
    """Those who cannot pay for a fetch are declined; one who can fetches, for all the others."""
    stores.play.put("com.example.room")
    poor, rich = workspace(house, api, scrapes=0), workspace(house, api)
    asked = [
        ("android-details", {"app_id": "com.example.room", "workspace_id": one.id})
        for one in [poor] * 5 + [rich] * 20
    ]
    before = stores.play.count(DETAILS)
    answers = together(house, asked)
    assert stores.play.count(DETAILS) - before == 1
    assert Counter(answer.status_code for answer in answers[5:]) == {200: 20}
    assert {answer.status_code for answer in answers[:5]} <= {200, 402}
    assert rich.spent() == (20, 1)
    assert poor.held() == (0, 0)


def test_one_key_twenty_times_at_once(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.keyed")
    body = {"app_id": "com.example.keyed", "workspace_id": work.id, "force_refresh": True}
    answers = together(work.house, [("android-details", body)] * 20, keys=["same"] * 20)
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert len({answer.content for answer in answers}) == 1
    assert work.spent()[0] == 1
    assert work.held() == (0, 0)


def test_one_key_at_once_for_searches(work: Workspace, stores: Stores) -> None:
    stores.play.finds("keyed", "com.example.keyed1", "com.example.keyed2")
    body = {"keyword": "keyed", "workspace_id": work.id}
    answers = together(work.house, [("android-search", body)] * 20, keys=["search"] * 20)
    assert Counter(answer.status_code for answer in answers) == {200: 20}
    assert len({answer.content for answer in answers}) == 1
    assert work.spent()[0] == 1
    assert work.held() == (0, 0)


def test_one_key_for_two_requests_at_once(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.one")
    stores.play.put("com.example.two")
    asked = [
        ("android-details", {"app_id": f"com.example.{name}", "workspace_id": work.id})
        for name in ("one", "two") * 5
    ]
    answers = together(work.house, asked, keys=["mixed"] * 10)
    statuses = Counter(answer.status_code for answer in answers)
    assert set(statuses) <= {200, 422}
    assert statuses[200] >= 1
    for answer in answers:
        hold(answer)
    shown = {answer.json()["app_id"] for answer in answers if answer.status_code == 200}
    assert len(shown) == 1
    assert work.held() == (0, 0)
