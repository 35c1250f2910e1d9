"""App stores and real processes: several servers that share one fetch, and one that is killed in the middle of it."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest

from tests.chaos.client import Answer, Connection, Unanswered
from tests.doubles.stores import Stores
from tests.doubles.stores.play import DETAILS

from .running import Home, Serving, within

PATH: Final = "/api/aso/android-details/"
APP: Final = "com.example.app"
ASKED: Final = 50


@pytest.fixture
def stores() -> Iterator[Stores]:
    with Stores() as stores:
        yield stores


@pytest.fixture
def shop(home: Home, stores: Stores) -> Home:
    """A home whose servers ask the doubles."""
    for name, value in stores.settings.items():
        home.environment[f"TALLYSTICK_{name.upper()}"] = str(value)
    stores.play.put(APP)
    return home


def workspace(client: httpx2.Client) -> str:
    """An account with 100 of each credit."""
    account = str(made(client.post("/v2/accounts", json={}))["id"])
    for code in ("api_calls", "data_scrapes"):
        assert client.put("/v2/credit-types", json={"code": code, "name": code}).status_code == 200
        made(client.post("/v2/grants", json={"account": account, "amount": 100, "credit_type": code}))
    return account


def made(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def wallets(client: httpx2.Client, account: str) -> dict[str, tuple[str, str]]:
    """Of each credit type what is available, and what is held."""
    rows = client.get(f"/v2/accounts/{account}/balance").json()["balances"]
    return {row["credit_type"]: (row["available"], row["held"]) for row in rows}


def details(client: httpx2.Client, account: str, app_id: str = APP) -> httpx2.Response:
    return client.post(PATH, json={"app_id": app_id, "workspace_id": account})


async def ask(serving: Serving, account: str, app_id: str = APP, key: str | None = None) -> Answer:
    """Ask for an app on a connection of its own: whichever process accepts it answers."""
    connection, body = Connection(serving.port, serving.key), {"app_id": app_id, "workspace_id": account}
    try:
        return await connection.ask("POST", PATH, body, key, patience=60)
    finally:
        connection.close()


def test_two_processes_fetch_an_app_once(shop: Home, stores: Stores) -> None:
    serving = shop.serve("--workers", "2")
    assert within(30, lambda: len(serving.children("serve-on")) == 2)
    with serving.client(serving.key) as client:
        account = workspace(client)
        stores.play.hold()

        async def all_at_once() -> list[Answer]:
            asking = [asyncio.create_task(ask(serving, account)) for _ in range(ASKED)]
            # all of them are under way, in whichever process: each holds its call, one of them the fetch
            waiting = {"api_calls": ("50", "50"), "data_scrapes": ("99", "1")}
            assert await asyncio.to_thread(within, 60, lambda: wallets(client, account) == waiting)
            stores.play.release()
            return await asyncio.gather(*asking)

        answers = asyncio.run(all_at_once())
        assert Counter(answer.status for answer in answers) == {200: ASKED}
        assert len({answer.body for answer in answers}) == 1
        assert stores.play.count(DETAILS) == 1
        assert wallets(client, account) == {"api_calls": ("50", "0"), "data_scrapes": ("99", "0")}
    assert shop.json("verify", "--json")["ok"]


def killed_in_the_middle(shop: Home, stores: Stores) -> tuple[Serving, str]:
    """A server that was killed while it fetched an app, and started again; and the account that asked."""
    serving = shop.serve()
    with serving.client(serving.key) as client:
        account = workspace(client)
    stores.play.hold()

    async def ask_and_kill() -> None:
        asking = asyncio.create_task(ask(serving, account))
        assert await asyncio.to_thread(stores.play.arrived, 1)
        serving.kill()
        with pytest.raises(Unanswered):
            await asking

    asyncio.run(ask_and_kill())
    stores.play.release()
    return shop.serve(port=serving.port), account


def test_a_kill_in_the_middle_of_a_fetch_costs_nothing_in_the_end(shop: Home, stores: Stores) -> None:
    serving, account = killed_in_the_middle(shop, stores)
    with serving.client(serving.key) as client:
        assert wallets(client, account) == {"api_calls": ("99", "1"), "data_scrapes": ("99", "1")}
        moved = client.post("/v2/test-clock/advance", json={"by": 600})
        assert moved.status_code == 200
        assert wallets(client, account) == {"api_calls": ("100", "0"), "data_scrapes": ("100", "0")}
        stores.play.put("com.example.next")
        assert details(client, account, "com.example.next").status_code == 200
        assert wallets(client, account) == {"api_calls": ("99", "0"), "data_scrapes": ("99", "0")}


@pytest.mark.long
def test_the_app_itself_can_be_had_again(shop: Home, stores: Stores) -> None:
    """Who died holds the lease of its fetch for seconds more: the next one waits, and then fetches."""
    serving, account = killed_in_the_middle(shop, stores)
    with serving.client(serving.key) as client:
        assert details(client, account).status_code == 200
        assert wallets(client, account) == {"api_calls": ("98", "1"), "data_scrapes": ("98", "1")}
    assert stores.play.count(DETAILS) == 2


@pytest.mark.long
def test_a_database_that_is_killed_while_the_store_is_asked(shop: Home, stores: Stores) -> None:
    """Who is answered has paid, and nobody else; nothing stays held."""
    serving = shop.serve()
    apps = [f"com.example.n{number}" for number in range(5)]
    for app in apps:
        stores.play.put(app)
    with serving.client(serving.key) as client:
        account = workspace(client)
        stores.play.hold()

        async def all_at_once() -> list[Answer]:
            asking = [asyncio.create_task(ask(serving, account, apps[n % 5])) for n in range(40)]
            held = {"api_calls": ("60", "40"), "data_scrapes": ("95", "5")}
            assert await asyncio.to_thread(within, 60, lambda: wallets(client, account) == held)
            os.kill(shop.postmaster(), signal.SIGKILL)
            stores.play.release()
            return await asyncio.gather(*asking)

        statuses = Counter(answer.status for answer in asyncio.run(all_at_once()))
        assert set(statuses) <= {200, 503}
        assert within(60, lambda: client.get("/readyz").status_code == 200)
        assert client.post("/v2/test-clock/advance", json={"by": 600}).status_code == 200
        left = wallets(client, account)
        assert left["api_calls"] == (str(100 - statuses[200]), "0")
        assert left["data_scrapes"][1] == "0"
    assert shop.json("verify", "--json")["ok"]


@pytest.mark.long
def test_calls_that_come_again_under_their_keys_after_kills_are_paid_for_once(
    shop: Home, stores: Stores
) -> None:
    answered: dict[str, bytes] = {}
    apps = {f"key-{number}": f"com.example.n{number % 4}" for number in range(40)}
    for app in set(apps.values()):
        stores.play.put(app)
    serving = shop.serve()
    with serving.client(serving.key) as client:
        account = workspace(client)

    async def ask_all(kill_after: float | None) -> None:
        async def once(key: str) -> None:
            try:
                answer = await ask(serving, account, apps[key], key)
            except Unanswered:
                return
            assert answer.status == 200, answer.body
            assert answered.setdefault(key, answer.body) == answer.body

        asking = [asyncio.create_task(once(key)) for key in apps]
        if kill_after is not None:
            await asyncio.sleep(kill_after)
            serving.kill()
        await asyncio.gather(*asking)

    for kill_after in (0.1, 0.3):
        asyncio.run(ask_all(kill_after))
        serving = shop.serve(port=serving.port)
    for _ in range(2):
        asyncio.run(ask_all(None))
    assert len(answered) == len(apps)
    with serving.client(serving.key) as client:
        assert client.post("/v2/test-clock/advance", json={"by": 600}).status_code == 200
        assert wallets(client, account)["api_calls"] == ("60", "0")
    assert shop.json("verify", "--json")["ok"]
