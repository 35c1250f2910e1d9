"""GET /api/credits/transactions/: every kind of row, whole amounts that add up, pages."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from tallystick.kernel.ids import Kind, inner_uuid, parse_typeid
from tests.contract.conformance.holding import hold
from tests.contract.served import Api, House

from .conftest import Practice, error

pytestmark = pytest.mark.holds("practice", "GET /api/credits/transactions/")

PATH = "/api/credits/transactions/"


def test_an_empty_history(practice: Practice) -> None:
    assert practice.history() == {
        "transactions": [],
        "pagination": {"next": None, "previous": None},
    }
    assert practice.history(1) == practice.history()
    error(practice.api.get(PATH, practice_id=practice.number, page=2), 404, "Page not found")


def test_every_type(api: Api, practice: Practice, starter: int) -> None:
    """Each row with its sign, the newest first; ``package`` on purchases alone, ``reference`` on all others."""
    account, other = practice.account, api.account()
    practice.bought(starter)
    grant = api.grant(account, 100, source="promo", description="Welcome")
    api.grant(account, 30, source="purchase", description="Sold elsewhere")
    api.grant(account, 20, source="plan")
    api.debit(account, 2, operation="sms", reference="bulk_campaign_123")
    api.debit(account, 5, operation="voice", description="Reminder calls")
    api.debit(account, 1, operation="clustering")
    spent = api.debit(account, 3)
    held = api.hold(account, 4, reference="campaign 7")
    made(api.post(f"/v2/holds/{held['id']}/capture", {"amount": 4}))
    made(api.post(f"/v2/entries/{spent['id']}/reverse", {"reason": "sent twice"}))
    made(api.post("/v2/transfers", {"from": account, "to": other, "amount": 6}))
    made(api.post(f"/v2/grants/{grant['id']}/refund", {"amount": 1, "reason": "by mistake"}))
    rows = practice.history()["transactions"]
    assert [(row["type"], row["amount"], row.get("reference", row.get("package"))) for row in rows] == [
        ("ADJUSTMENT", -1, "by mistake"),
        ("ADJUSTMENT", -6, ""),
        ("ADJUSTMENT", 3, "sent twice"),
        ("USAGE", -4, "campaign 7"),
        ("USAGE", -3, ""),
        ("USAGE", -1, ""),
        ("VOICE_USAGE", -5, "Reminder calls"),
        ("SMS_USAGE", -2, "bulk_campaign_123"),
        ("GRANT", 20, ""),
        ("PURCHASE", 30, None),
        ("GRANT", 100, "Welcome"),
        ("PURCHASE", 1000, {"id": starter, "name": "Starter Pack"}),
    ]
    for row in rows:
        assert ("package" in row) is (row["type"] == "PURCHASE")
        assert ("reference" in row) is (row["type"] != "PURCHASE")
    assert sum(row["amount"] for row in rows) == practice.balance()["current_balance"] == 1131


def made(answer: httpx2.Response) -> dict[str, Any]:
    assert answer.is_success, answer.text
    return dict(answer.json())


def test_an_expiry(test_mode: Api) -> None:
    practice = Practice(test_mode)
    now = datetime.fromisoformat(test_mode.get("/v2/test-clock").json()["now"])
    test_mode.grant(practice.account, 10, expires_at=(now + timedelta(days=2)).isoformat())
    made(test_mode.post("/v2/test-clock/advance", {"by": 3 * 86400}))
    expiry, _ = practice.history()["transactions"]
    assert (expiry["type"], expiry["amount"], expiry["reference"]) == ("EXPIRY", -10, "")


def test_the_id_is_the_entrys_uuid(practice: Practice) -> None:
    practice.api.grant(practice.account, 5)
    uuid = parse_typeid("acct", practice.account)
    assert uuid is not None
    [row] = practice.history()["transactions"]
    assert row["id"] == str(inner_uuid(uuid.int & (1 << 48) - 1, Kind.ENTRY, 1))


def test_parts_of_credits_add_up(practice: Practice) -> None:
    practice.api.grant(practice.account, "10.5")
    for amount in ("0.4", "0.4", "0.4", "3.333333"):
        practice.api.debit(practice.account, amount)
    rows = practice.history()["transactions"]
    assert [row["amount"] for row in rows] == [-4, 0, -1, 0, 10]
    assert practice.balance()["current_balance"] == 5
    practice.api.debit(practice.account, "0.966667")
    assert practice.history()["transactions"][0]["amount"] == 0
    practice.api.debit(practice.account, "0.1")
    rows = practice.history()["transactions"]
    assert sum(row["amount"] for row in rows) == practice.balance()["current_balance"] == 4


def test_other_credits_are_not_shown(practice: Practice) -> None:
    put = practice.api.send("PUT", "/v2/credit-types", {"code": "scrapes", "name": "Scrapes"})
    assert put.status_code == 200, put.text
    practice.api.grant(practice.account, 5, credit_type="scrapes")
    assert practice.history()["transactions"] == []
    assert practice.balance()["current_balance"] == 0


def test_pages(practice: Practice) -> None:
    for amount in range(1, 42):
        practice.api.grant(practice.account, amount)
    pages = [practice.history(page) for page in (1, 2, 3)]
    amounts = [[row["amount"] for row in page["transactions"]] for page in pages]
    assert amounts == [list(range(41, 21, -1)), list(range(21, 1, -1)), [1]]
    start = f"{PATH}?practice_id={practice.number}&page="
    assert [page["pagination"] for page in pages] == [
        {"next": start + "2", "previous": None},
        {"next": start + "3", "previous": start + "1"},
        {"next": None, "previous": start + "2"},
    ]
    # a page that is full to the last row has none after it
    whole = Practice(practice.api)
    for _ in range(20):
        practice.api.grant(whole.account, 1)
    assert whole.history()["pagination"]["next"] is None


BAD = {
    "": "practice_id is required",
    "practice_id=": "practice_id is required",
    "practice_id=x": "practice_id must be an integer",
    "practice_id=1.0": "practice_id must be an integer",
    "practice_id=1e3": "practice_id must be an integer",
    "practice_id=%D9%A1": "practice_id must be an integer",
    "practice_id=1%00": "practice_id must be an integer",
    "practice_id=1&page=0": "page must be an integer of at least 1",
    "practice_id=1&page=-1": "page must be an integer of at least 1",
    "practice_id=1&page=x": "page must be an integer of at least 1",
    "practice_id=1&page=": "page must be an integer of at least 1",
    "practice_id=1&page=9999999999999": "page must be an integer of at least 1",
}


@pytest.mark.holds("practice", "GET /api/credits/balance/")
@pytest.mark.parametrize("query", BAD)
def test_bad_parameters(api: Api, query: str) -> None:
    error(api.get(f"{PATH}?{query}"), 400, BAD[query])
    if "page" not in query:
        error(api.get(f"/api/credits/balance/?{query}"), 400, BAD[query])


@pytest.mark.holds("practice", "GET /api/credits/balance/")
@pytest.mark.parametrize("number", ["0", "-1", "999999", "9" * 18, "9" * 400])
def test_practices_that_there_are_not(api: Api, number: str) -> None:
    error(api.get(PATH, practice_id=number), 404, "Practice not found")
    error(api.get("/api/credits/balance/", practice_id=number), 404, "Practice not found")


def test_a_page_far_beyond_the_end(practice: Practice) -> None:
    practice.api.grant(practice.account, 5)
    for page in (2, 999_999_999_999):
        error(practice.api.get(PATH, practice_id=practice.number, page=page), 404, "Page not found")


@pytest.mark.holds("practice", "GET /api/credits/balance/")
def test_fifty_messages_at_once_on_a_wallet_for_twenty(house: House, practice: Practice) -> None:
    put = practice.api.send(
        "PUT", "/v2/rate-card", {"rates": [{"operation": "sms", "credit_type": "credits", "cost": 2}]}
    )
    assert put.status_code == 200, put.text
    practice.api.grant(practice.account, 41)
    debit = {"account": practice.account, "operation": "sms", "quantity": 1, "reference": "bulk_campaign_7"}

    async def send(client: httpx2.AsyncClient) -> list[int]:
        async def one() -> int:
            answer = await client.post("/v2/debits", json=debit)
            # the balance is asked for meanwhile: never an old one after a new one, and never less than nothing
            shown = await client.get("/api/credits/balance/", params={"practice_id": practice.number})
            assert 1 <= hold(shown)["current_balance"] <= 41
            return answer.status_code

        return await asyncio.gather(*(one() for _ in range(50)))

    codes = house.together(send)
    assert (codes.count(201), codes.count(402)) == (20, 30)
    first, second = practice.history(), practice.history(2)
    rows = [*first["transactions"], *second["transactions"]]
    sent = [row for row in rows if row["type"] == "SMS_USAGE"]
    assert [(row["amount"], row["reference"]) for row in sent] == [(-2, "bulk_campaign_7")] * 20
    balance = practice.balance()
    assert (balance["current_balance"], balance["estimated_remaining_sms"]) == (1, 0)
    assert sum(row["amount"] for row in rows) == 1
