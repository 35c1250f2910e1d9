"""Many at once, through several contracts, on a wallet that can serve some: no more are served, and all agree."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest

from tallystick.domain.identity import views as identity
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import owner_of, parse_typeid
from tests import cast

from .account.conftest import join, token_of
from .conformance.holding import hold
from .native.subscribing import plan, subscribe
from .served import Api, House
from .story.telling import Wallet

pytestmark = [
    pytest.mark.holds("credibill", "POST /api/usage"),
    pytest.mark.holds("igny8", "GET /v1/billing/transactions/"),
    pytest.mark.holds("practice", "GET /api/credits/transactions/"),
    pytest.mark.holds("account", "GET /auth/account/ledger"),
    pytest.mark.holds("appvector", "POST /api/billing/credits/consume/"),
    pytest.mark.holds("appvector", "POST /api/billing/features/consume/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/"),
    pytest.mark.holds("appvector", "GET /api/billing/credits/history/"),
]

Way = tuple[str, dict[str, Any]]
CONSUME: Final = "/api/billing/credits/consume/"
ASKED: Final = 50
SERVED: Final = 20
COST: Final = 2


@contextlib.contextmanager
def wallet_of(
    house: House, api: Api, tenant: int, code: str = "credits", owned_by: str = "ann@acme.example"
) -> Iterator[Wallet]:
    """A wallet for 20 of them, with its owner, who is signed in."""
    account = api.funded(SERVED * COST, email="acme@acme.example", time_zone="UTC")
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    db = house.system.db

    async def owner(number: int) -> str:
        user = await cast.make_user(db, tenant, owned_by)
        async with db.connection() as conn:
            row = await identity.account(conn, tenant, number)
        await join(db, tenant, row, user, Role.OWNER)
        return await token_of(db, tenant, user)

    with house.client(house.run(owner(owner_of(uuid)))) as user:
        yield Wallet(api, user, account, code)


def test_fifty_at_once_on_a_wallet_for_twenty(house: House, api: Api) -> None:
    card = {"rates": [{"operation": "sms", "cost": str(COST)}, {"operation": "voice", "cost": "5"}]}
    assert api.send("PUT", "/v2/rate-card", card).status_code in (200, 201)
    with wallet_of(house, api, house.first.app.live) as wallet:
        check(house, api, wallet)


def test_fifty_at_once_through_four_contracts(house: House, stranger: Api) -> None:
    """Where calls are what is meant when no credit type is named, all contracts speak of the same wallet."""
    calls = {"code": "api_calls", "name": "API Calls", "default": True}
    assert stranger.send("PUT", "/v2/credit-types", calls).status_code == 200
    card = {"rates": [{"operation": "sms", "cost": str(COST), "credit_type": "api_calls"}]}
    assert stranger.send("PUT", "/v2/rate-card", card).status_code in (200, 201)
    with wallet_of(house, stranger, house.other.live, "api_calls") as wallet:
        of, workspace = wallet.account, str(parse_typeid("acct", wallet.account))
        subscription = subscribe(stranger, plan(stranger, debits={"messages": "sms"}), of)["id"]
        used = {"workspace_id": workspace, "feature_key": "api_calls", "amount": COST}
        ways: list[Way] = [
            ("/v2/debits", {"account": of, "amount": COST}),
            ("/api/usage", {"subscriptionId": subscription, "quantity": 1, "metric": "messages"}),
            (CONSUME, used | {"metadata": {"operation": "android_app_fetch"}}),
            ("/api/billing/features/consume/", used),
        ]
        answers = at_once(house, ways, "stranger")
        good = {path: 200 if path.startswith("/api/billing/") else 201 for path, _ in ways}
        served = [one for one in answers if one.is_success]
        assert len(served) == SERVED
        assert all(one.status_code == good[one.request.url.path] for one in served)
        assert {one.status_code for one in answers if not one.is_success} == {402}
        # each consume was told the balance right after itself: every one of them once
        told = [hold(one)["remaining"] for one in served if one.request.url.path.startswith("/api/billing/")]
        assert len(set(told)) == len(told)
        assert set(told) <= set(range(0, SERVED * COST, COST))
        told = [hold(one)["feature"]["consumed"] for one in served if one.request.url.path == CONSUME]
        assert len(set(told)) == len(told)

        rows = wallet.agree()
        assert [row.whole for row in rows] == [-COST] * SERVED + [SERVED * COST]
        operations = Counter((row.entry["metadata"] or {}).get("operation") for row in rows[:SERVED])
        ways_served = Counter(one.request.url.path for one in served)
        assert operations["android_app_fetch"] == ways_served[CONSUME]
        wallet.metered(subscription, rows, at_once=True)


def test_what_is_said_of_an_event_stands_in_every_history(house: House, api: Api) -> None:
    card = {"rates": [{"operation": "sms", "cost": str(COST)}]}
    assert api.send("PUT", "/v2/rate-card", card).status_code in (200, 201)
    with wallet_of(house, api, house.first.app.live, owned_by="eve@acme.example") as wallet:
        subscription = subscribe(api, plan(api, debits={"messages": "sms"}), wallet.account)["id"]
        event = {"subscriptionId": subscription, "quantity": 3, "metric": "messages"}
        said = {"eventId": "bulk_campaign_123", "metadata": {"cost_usd": "0.5", "list": "spring"}}
        assert api.post("/api/usage", event | said).status_code == 201
        assert api.post("/api/usage", event).status_code == 201
        rows = wallet.agree()
        assert [row.entry["metadata"] for row in rows] == [None, said["metadata"], None]
        assert rows[1].entry["reference"] == "bulk_campaign_123"
        [last, first] = wallet.user.get("/v1/billing/credits/usage/").json()["data"]["results"]
        assert (last["cost_usd"], first["cost_usd"]) == ("0.06", "0.50")
        number = api.get(f"/v2/accounts/{wallet.account}").json()["number"]
        history = api.get("/api/credits/transactions/", practice_id=number).json()["transactions"]
        assert [one.get("reference") for one in history][1] == "bulk_campaign_123"
        ledger = wallet.user.get("/auth/account/ledger").json()
        assert "bulk_campaign_123" in str(ledger)
        wallet.metered(subscription, rows)


def at_once(house: House, ways: list[Way], key: str = "admin") -> list[httpx2.Response]:
    """The answers to as many requests as are asked, in turns of the ways."""

    async def ask(http: httpx2.AsyncClient) -> list[httpx2.Response]:
        async def one(n: int) -> httpx2.Response:
            path, body = ways[n % len(ways)]
            extra = {"eventId": f"e-{n}"} if path == "/api/usage" else {}
            return await http.post(path, json=body | extra)

        return await asyncio.gather(*(one(n) for n in range(ASKED)))

    return house.together(ask, key)


def check(house: House, api: Api, wallet: Wallet) -> None:
    of = wallet.account
    subscription = subscribe(api, plan(api, debits={"messages": "sms"}), of)["id"]
    ways: list[Way] = [
        ("/v2/debits", {"account": of, "amount": COST}),
        ("/v2/debits", {"account": of, "operation": "sms", "quantity": 1}),
        ("/api/usage", {"subscriptionId": subscription, "quantity": 1, "metric": "messages"}),
    ]

    answers = at_once(house, ways)
    assert Counter(answer.status_code for answer in answers) == {201: SERVED, 402: ASKED - SERVED}
    served = Counter(n % len(ways) for n, answer in enumerate(answers) if answer.status_code == 201)

    rows = wallet.agree()
    assert wallet.api.wallet(of)["available"] == "0"
    assert [row.whole for row in rows] == [-COST] * SERVED + [SERVED * COST]
    assert Counter(row.practice for row in rows[:SERVED]) == Counter(
        {"USAGE": served[0], "SMS_USAGE": served[1] + served[2]}
    )
    wallet.metered(subscription, rows, at_once=True)
    # an event that is declined leaves nothing, and its id may come again
    late = {"subscriptionId": subscription, "quantity": 1, "metric": "messages", "eventId": "late"}
    assert api.post("/api/usage", late).status_code == 402
    assert wallet.agree() == rows
    api.grant(of, COST)
    again = api.post("/api/usage", late)
    assert (again.status_code, again.json()["duplicate"]) == (201, False)
    wallet.metered(subscription, wallet.agree(), at_once=True)
