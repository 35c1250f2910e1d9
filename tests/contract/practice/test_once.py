"""A purchase under a key happens once: repeated, at once, with another body, and after a kill."""

import asyncio
from typing import Any

import httpx2
import pytest

from tallystick.dialects.practice.forms import Purchase
from tallystick.domain.identity.request_keys import key_of
from tallystick.domain.payments import checkouts, settings
from tallystick.domain.payments.baskets import ForPackage
from tallystick.domain.payments.port import TakesDigits
from tallystick.http.contract import Ask
from tallystick.kernel.actor import Role
from tallystick.kernel.ids import account_of, parse_typeid
from tests.contract.conformance.holding import hold
from tests.contract.native.payments.paying import member
from tests.contract.served import Api, House

from .conftest import Practice, buys, error, package

pytestmark = pytest.mark.holds("practice", "POST /api/credits/purchase/")

PEOPLE = 50


def test_a_repeat_gives_the_first_answer_again(practice: Practice, starter: int) -> None:
    for key, card in (("one", "4242"), ("two", "0002"), ("three", "3220")):
        first, again = (practice.buys(starter, card, key=key) for _ in range(2))
        assert (first.status_code, again.status_code) == (200, 200)
        assert hold(again) == hold(first)
        assert again.content == first.content
        assert "idempotent-replayed" not in first.headers
        assert again.headers["idempotent-replayed"] == "true"
    assert practice.balance()["current_balance"] == 1000
    assert len(practice.api.get("/v2/payments", account=practice.account).json()["data"]) == 3


def test_the_answer_stays_when_the_package_is_not_sold_any_more(practice: Practice) -> None:
    sold = package(practice.api)
    first = practice.bought(sold, key="k")
    rows = practice.api.get("/v2/packages").json()["data"]
    [id] = [row["id"] for row in rows if row["number"] == sold]
    ended = practice.api.send("DELETE", f"/v2/packages/{id}")
    assert ended.is_success, ended.text
    assert practice.bought(sold, key="k") == first
    error(practice.buys(sold), 404, "Package not found")
    # what was bought keeps its name
    assert practice.history()["transactions"][0]["package"] == {"id": sold, "name": "Starter Pack"}


def test_another_request_under_the_key(practice: Practice, starter: int) -> None:
    practice.bought(starter, key="k")
    said = "This idempotency key was already used with another request"
    error(practice.buys(starter, "4444", key="k"), 422, said)
    error(practice.buys(package(practice.api), key="k"), 422, said)
    assert practice.balance()["current_balance"] == 1000


def test_a_key_is_the_practices_own(api: Api, starter: int) -> None:
    one, other = Practice(api), Practice(api)
    ids = {each.bought(starter, key="same")["transaction_id"] for each in (one, other)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "snow \u2603", "4242424242424242", "card 4242424242424242"])
def test_a_key_that_is_none(practice: Practice, starter: int, key: str) -> None:
    body = {"practice_id": practice.number, "package_id": starter}
    method = {"type": "credit_card", "last_four": "4242"}
    answer = practice.api.http.post(
        "/api/credits/purchase/", json=body | {"payment_method": method}, headers={b"Idempotency-Key": key.encode()}
    )  # fmt: skip
    error(answer, 400)
    assert practice.history()["transactions"] == []


@pytest.mark.parametrize(("card", "credits"), [("4242", 1000), ("0002", 0)])
def test_fifty_at_once_buy_once(
    house: House, practice: Practice, starter: int, card: str, credits: int
) -> None:
    body: dict[str, Any] = {"practice_id": practice.number, "package_id": starter}
    body["payment_method"] = {"type": "credit_card", "last_four": card}

    async def all_at_once(client: httpx2.AsyncClient) -> list[httpx2.Response]:
        headers = {"Idempotency-Key": "once"}
        asked = (client.post("/api/credits/purchase/", json=body, headers=headers) for _ in range(PEOPLE))
        return list(await asyncio.gather(*asked))

    answers = house.together(all_at_once)
    assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
    assert len({answer.text for answer in answers}) == 1
    assert answers[0].json()["credits_added"] == practice.balance()["current_balance"] == credits
    assert len(practice.api.get("/v2/payments", account=practice.account).json()["data"]) == 1
    assert len(practice.history()["transactions"]) == (1 if credits else 0)


@pytest.mark.parametrize("paid", [False, True])
def test_a_kill_on_the_way(house: House, practice: Practice, starter: int, paid: bool) -> None:
    """The page was opened and perhaps paid at the gateway, and then the server died: a repeat goes on from there."""
    key, uuid = "killed", parse_typeid("acct", practice.account)
    packages = practice.api.get("/v2/packages").json()["data"]
    [id] = [row["id"] for row in packages if row["number"] == starter]
    package = parse_typeid("pkg", id)
    assert uuid is not None
    assert package is not None
    account, wanted = account_of(uuid), ForPackage(package)
    inner = _inner(account, practice.number, starter, key)

    async def begun() -> None:
        system, tenant = house.system, house.first.app.live
        page = await checkouts.open_checkout(
            system.till, tenant, account, wanted, gateway="sandbox", save_method=False,
            metadata={"card_last_four": "4242"}, by="key:test", key=inner,
        )  # fmt: skip
        if paid:
            async with system.db.connection() as conn:
                site = await settings.site(conn, system.till, tenant, "sandbox")
            gateway = system.till.gateways["sandbox"]
            assert isinstance(gateway, TakesDigits)
            await gateway.present(site, page.id, "4242")

    house.run(begun())
    assert practice.balance()["current_balance"] == 0
    bought = practice.bought(starter, key=key)
    assert (bought["status"], bought["new_balance"]) == ("success", 1000)
    assert practice.bought(starter, key=key) == bought
    assert len(practice.api.get("/v2/payments", account=practice.account).json()["data"]) == 1


def _inner(account: int, practice: int, package: int, key: str) -> tuple[str, bytes]:
    """The key under which the contract writes the rows of this purchase."""
    ask = Ask("POST", "/api/credits/purchase/", {}, {}, b"", "", None, None, None, key)
    name = key_of("practice", account, key)
    assert name is not None
    said = Purchase(practice, package, "credit_card", "4242").said
    return "\n" + name + "\ndigits", ask.digest(said)


def test_members_of_one_practice_share_its_keys(
    house: House, api: Api, practice: Practice, starter: int
) -> None:
    first = practice.bought(starter, key="shared")
    with house.client(member(house, practice.account, Role.ADMIN)) as admin:
        again = buys(admin, practice.number, starter, key="shared")
        assert hold(again) == first
