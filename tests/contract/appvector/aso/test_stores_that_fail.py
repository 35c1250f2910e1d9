"""Stores that are down, changed or hostile: the contract's 500, nothing spent or held, and it shows in /metrics."""

import asyncio
import json
import re
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House, housed
from tests.doubles.stores import Fault, Stores
from tests.e2e.running import within

from .conftest import Workspace, credit_types, database, workspace

pytestmark = pytest.mark.holds(
    "appvector",
    "POST /api/aso/android-search/",
    "POST /api/aso/apple-search/",
    "POST /api/aso/android-details/",
    "POST /api/aso/apple-details/",
)

NO_SEARCH: Final = {"error": "Failed to search apps"}
NO_DETAILS: Final = {"error": "Failed to fetch app details"}
CALLS: Final = ("android-search", "apple-search", "android-details", "apple-details")
FAULTS: Final[list[Fault]] = [
    "down", "status", "html", "broken", "cut", "huge", "bomb", "redirect", "changed", "slow", "drip",
]  # fmt: skip
_FIGURE: Final = re.compile(
    r'^tallystick_store_requests_total\{outcome="(\w+)",store="(\w+)"\} ([\d.]+)', re.MULTILINE
)


def outcomes(house: House) -> Counter[tuple[str, str]]:
    """How often each store's calls came to what, by /metrics."""
    with house.client(None) as nobody:
        text = nobody.get("/metrics").text
    return Counter({(store, outcome): int(float(count)) for outcome, store, count in _FIGURE.findall(text)})


def calls(stores: Stores, number: int) -> list[dict[str, Any]]:
    """What the four calls that go to a store ask for; each number has apps of its own, of which none is cached."""
    android, apple, keyword = f"com.example.failing{number}", 6000 + number, f"failing {number}"
    stores.play.finds(keyword, android)
    stores.apple.finds(keyword, apple)
    return [{"keyword": keyword}, {"keyword": keyword}, {"app_id": android}, {"app_id": str(apple)}]


def ask_all(work: Workspace, asked: list[dict[str, Any]]) -> list[httpx2.Response]:
    """The four at once."""

    async def send(http: httpx2.AsyncClient) -> list[httpx2.Response]:
        return await asyncio.gather(
            *(
                http.post(f"/api/aso/{what}/", json=body | {"workspace_id": work.id})
                for what, body in zip(CALLS, asked, strict=True)
            )
        )

    return work.house.together(send)


def all_fail(work: Workspace, stores: Stores, fault: Fault) -> None:
    asked = calls(stores, FAULTS.index(fault))
    before = outcomes(work.house)
    for edge in (stores.play, stores.apple):
        edge.fault = fault
    for answer, what in zip(ask_all(work, asked), CALLS, strict=True):
        said = NO_SEARCH if what.endswith("search") else NO_DETAILS
        assert (answer.status_code, hold(answer)) == (500, said), what
    assert work.entries() == []
    assert work.spent() == (0, 0)
    new = outcomes(work.house) - before
    assert sum(count for (_, outcome), count in new.items() if outcome not in ("ok", "broken_off")) == 4, new
    # and when it is well again, all is as ever
    for edge in (stores.play, stores.apple):
        edge.fault = None
    assert [answer.status_code for answer in ask_all(work, asked)] == [200] * 4
    assert work.spent() == (4, 4)


@pytest.mark.parametrize("fault", FAULTS[:-2])
def test_a_fault(work: Workspace, stores: Stores, fault: Fault) -> None:
    all_fail(work, stores, fault)


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS[-2:])
def test_a_store_that_takes_its_time(work: Workspace, stores: Stores, fault: Fault) -> None:
    all_fail(work, stores, fault)


def test_refusals_of_every_kind(house: House, api: Api, stores: Stores) -> None:
    stores.play.put("com.example.refused")
    stores.play.fault = "status"
    work = workspace(house, api)
    for status in (401, 403, 418, 500, 301):
        stores.play.status = status
        answer = work.ask("android-details", {"app_id": "com.example.refused"})
        assert (answer.status_code, hold(answer)) == (500, NO_DETAILS), status
    assert work.spent() == (0, 0)


def test_a_redirect_never_leads_inside(work: Workspace, stores: Stores) -> None:
    """Neither by a redirect nor by an address in what a store says is anything asked but the store."""
    with socket.create_server(("127.0.0.1", 0)) as inside:
        inside.settimeout(0.2)
        address = f"http://127.0.0.1:{inside.getsockname()[1]}/latest/meta-data/"
        for edge in (stores.play, stores.apple):
            edge.fault, edge.leads_to = "redirect", address
        for what, body in zip(CALLS, calls(stores, 99), strict=True):
            assert work.ask(what, body).status_code == 500
        for edge in (stores.play, stores.apple):
            edge.fault = None
        stores.play.put("com.example.inside", icon=address, website=address, screenshots=(address,))
        stores.apple.put(6002, artworkUrl512=address, sellerUrl=address, trackViewUrl=address)
        work.got("android-details", {"app_id": "com.example.inside"})
        work.got("apple-details", {"app_id": "6002"})
        with pytest.raises(TimeoutError):
            inside.accept()


def test_who_goes_away_pays_for_what_they_started(work: Workspace, stores: Stores) -> None:
    stores.play.put("com.example.gone")
    stores.play.hold()
    asked = stores.play.count()
    url = httpx2.URL(work.house.url)
    body = json.dumps({"app_id": "com.example.gone"})
    head = [
        "POST /api/aso/android-details/ HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {work.token}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection((url.host, url.port or 0)) as going:
        going.sendall("\r\n".join([*head, "", body]).encode())
        assert stores.play.arrived(asked + 1)
    assert work.held() == (1, 1)
    stores.play.release()
    assert within(30, lambda: work.held() == (0, 0))
    assert work.spent() == (1, 1)
    assert work.got("android-details", {"app_id": "com.example.gone"})["data"]["title"] == "An App"
    assert work.spent() == (2, 1)


@pytest.fixture
def doomed(server: Any, template: str) -> Iterator[tuple[House, Stores]]:
    """A server and stores of its own, which a test may kill."""
    with Stores() as stores, housed(server, template, database(), **stores.settings) as house:
        with house.client("admin") as api:
            credit_types(api)
        yield house, stores


def test_stores_that_die_in_the_middle_of_200_calls(doomed: tuple[House, Stores]) -> None:
    house, stores = doomed
    asked: list[tuple[str, dict[str, Any]]] = []
    for n in range(50):
        stores.play.finds(f"dying {n}", f"com.example.hit{n}")
        stores.apple.finds(f"dying {n}", 9000 + n)
        stores.play.put(f"com.example.dying{n // 2}")
        stores.apple.put(8000 + n // 2)
        asked += [
            ("android-search", {"keyword": f"dying {n}"}),
            ("apple-search", {"keyword": f"dying {n}"}),
            ("android-details", {"app_id": f"com.example.dying{n // 2}"}),
            ("apple-details", {"app_id": str(8000 + n // 2)}),
        ]
    with house.client("admin") as api:
        work = workspace(house, api, calls=200, scrapes=200)
        answers = _while_they_die(house, stores, work, asked)
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) <= {200, 500}
        assert statuses[200]
        assert statuses[500]
        for answer, (what, _) in zip(answers, asked, strict=True):
            body = hold(answer)
            if answer.status_code == 500:
                assert body == (NO_SEARCH if what.endswith("search") else NO_DETAILS)
        assert work.held() == (0, 0)
        wallets = work.wallets()
        assert {wallet["held"] for wallet in wallets.values()} == {"0"}
        # what was fetched: each search that succeeded, and each app, by whichever of its two callers
        well = [
            (what, str(body))
            for answer, (what, body) in zip(answers, asked, strict=True)
            if answer.status_code == 200
        ]
        assert wallets["api_calls"]["available"] == str(200 - statuses[200])
        assert wallets["data_scrapes"]["available"] == str(200 - len(set(well)))
        assert outcomes(house)["android", "ok"] + outcomes(house)["apple", "ok"] == len(set(well))


def _while_they_die(
    house: House, stores: Stores, work: Workspace, asked: list[tuple[str, dict[str, Any]]]
) -> list[httpx2.Response]:
    """All at once; each store dies when it has let some requests in."""

    async def send(http: httpx2.AsyncClient) -> list[httpx2.Response]:
        async def die() -> None:
            for edge in (stores.play, stores.apple):
                assert await asyncio.to_thread(edge.arrived, 25)
            for edge in (stores.play, stores.apple):
                await asyncio.to_thread(edge.kill)

        dying = asyncio.create_task(die())
        answers = await asyncio.gather(
            *(http.post(f"/api/aso/{what}/", json=body | {"workspace_id": work.id}) for what, body in asked)
        )
        await dying
        return answers

    return house.together(send)
