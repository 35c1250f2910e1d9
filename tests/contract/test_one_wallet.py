"""Many at once, through three contracts, on a wallet that can serve some of them: no more are served, and all agree."""

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
from .native.subscribing import plan, subscribe
from .served import Api, House
from .story.telling import Wallet

pytestmark = [
    pytest.mark.holds("credibill", "POST /api/usage"),
    pytest.mark.holds("igny8", "GET /v1/billing/transactions/"),
    pytest.mark.holds("practice", "GET /api/credits/transactions/"),
    pytest.mark.holds("account", "GET /auth/account/ledger"),
]

ASKED: Final = 50
SERVED: Final = 20
COST: Final = 2


@contextlib.contextmanager
def wallet_of(house: House, api: Api) -> Iterator[Wallet]:
    """A wallet for 20 of them, with its owner, who is signed in."""
    account = api.funded(SERVED * COST, email="acme@acme.example", time_zone="UTC")
    uuid = parse_typeid("acct", account)
    assert uuid is not None
    db, tenant = house.system.db, house.first.app.live

    async def owner(number: int) -> str:
        user = await cast.make_user(db, tenant, "ann@acme.example")
        async with db.connection() as conn:
            row = await identity.account(conn, tenant, number)
        await join(db, tenant, row, user, Role.OWNER)
        return await token_of(db, tenant, user)

    with house.client(house.run(owner(owner_of(uuid)))) as user:
        yield Wallet(api, user, account)


def test_fifty_at_once_on_a_wallet_for_twenty(house: House, api: Api) -> None:
    card = {"rates": [{"operation": "sms", "cost": str(COST)}, {"operation": "voice", "cost": "5"}]}
    assert api.send("PUT", "/v2/rate-card", card).status_code in (200, 201)
    with wallet_of(house, api) as wallet:
        check(house, api, wallet)


def check(house: House, api: Api, wallet: Wallet) -> None:
    of = wallet.account
    subscription = subscribe(api, plan(api, debits={"messages": "sms"}), of)["id"]
    ways: list[tuple[str, dict[str, Any]]] = [
        ("/v2/debits", {"account": of, "amount": COST}),
        ("/v2/debits", {"account": of, "operation": "sms", "quantity": 1}),
        ("/api/usage", {"subscriptionId": subscription, "quantity": 1, "metric": "messages"}),
    ]

    async def all_at_once(http: httpx2.AsyncClient) -> list[tuple[int, httpx2.Response]]:
        async def one(n: int) -> tuple[int, httpx2.Response]:
            path, body = ways[n % len(ways)]
            extra = {"eventId": f"e-{n}"} if path == "/api/usage" else {}
            return n % len(ways), await http.post(path, json=body | extra)

        return await asyncio.gather(*(one(n) for n in range(ASKED)))

    answers = house.together(all_at_once)
    assert Counter(answer.status_code for _, answer in answers) == {201: SERVED, 402: ASKED - SERVED}
    served = Counter(way for way, answer in answers if answer.status_code == 201)

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
