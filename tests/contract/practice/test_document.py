"""The document's examples, to the letter: what is in them comes from the running server, but for ids and times."""

import re
from typing import Any
from uuid import UUID

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.served import Api

from .conftest import Practice, package

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def is_uuid(text: Any) -> bool:
    return isinstance(text, str) and str(UUID(text)) == text


@pytest.fixture
def first(api: Api) -> int:
    return package(api)


@pytest.mark.holds("practice", "GET /api/credits/packages/")
def test_the_packages(api: Api, reader: Api) -> None:
    sold, closed = package(api), package(api, name="Old Pack", active=False, bonus="10.5", description="")
    other = api.send("PUT", "/v2/credit-types", {"code": "scrapes", "name": "Scrapes"})
    assert other.status_code == 200, other.text
    hidden = package(api, credit_type="scrapes")
    body = hold(reader.get("/api/credits/packages/"))
    assert list(body) == ["packages"]
    shown = {row["id"]: row for row in body["packages"]}
    assert shown[sold] == {
        "id": sold,
        "name": "Starter Pack",
        "credit_amount": 1000,
        "price_cents": 2500,
        "is_active": True,
        "description": "Perfect for small practices",
    }
    assert list(shown[sold]) == ["id", "name", "credit_amount", "price_cents", "is_active", "description"]
    assert (shown[closed]["is_active"], shown[closed]["credit_amount"]) == (False, 1010)
    assert hidden not in shown
    assert list(shown) == sorted(shown)


@pytest.mark.holds("practice", "POST /api/credits/purchase/", "GET /api/credits/balance/")
def test_the_purchase_and_the_balance(practice: Practice, first: int) -> None:
    practice.api.grant(practice.account, 500)
    before = practice.balance()
    assert before == {
        "practice_id": practice.number,
        "current_balance": 500,
        "last_purchase": None,
        "estimated_remaining_sms": 250,
        "estimated_remaining_voice": 100,
    }
    # the digits of the document, which the sandbox does not list
    bought = practice.bought(first, "1234")
    id = bought["transaction_id"]
    assert is_uuid(id)
    assert bought == {
        "transaction_id": id,
        "status": "success",
        "credits_added": 1000,
        "new_balance": 1500,
        "receipt_url": f"/api/credits/receipts/{id}/",
    }
    assert list(bought) == ["transaction_id", "status", "credits_added", "new_balance", "receipt_url"]
    balance = practice.balance()
    last = balance.pop("last_purchase")
    assert TIME.fullmatch(last)
    assert balance == {
        "practice_id": practice.number,
        "current_balance": 1500,
        "estimated_remaining_sms": 750,
        "estimated_remaining_voice": 300,
    }
    assert last == practice.history()["transactions"][0]["timestamp"]


@pytest.mark.holds("practice", "GET /api/credits/transactions/")
def test_the_history(practice: Practice, first: int) -> None:
    bought = practice.bought(first)
    for _ in range(20):
        practice.api.debit(practice.account, 50, operation="sms", reference="bulk_campaign_123")
    page = practice.history()
    assert list(page) == ["transactions", "pagination"]
    row = page["transactions"][0]
    assert is_uuid(row["id"])
    assert TIME.fullmatch(row["timestamp"])
    assert list(row.items()) == [
        ("id", row["id"]),
        ("type", "SMS_USAGE"),
        ("amount", -50),
        ("timestamp", row["timestamp"]),
        ("reference", "bulk_campaign_123"),
    ]
    address = "/api/credits/transactions/?practice_id="
    assert page["pagination"] == {"next": f"{address}{practice.number}&page=2", "previous": None}
    assert len(page["transactions"]) == 20
    second = hold(practice.api.get(page["pagination"]["next"]))
    assert second["pagination"] == {"next": None, "previous": f"{address}{practice.number}&page=1"}
    [oldest] = second["transactions"]
    assert list(oldest.items()) == [
        ("id", bought["transaction_id"]),
        ("type", "PURCHASE"),
        ("amount", 1000),
        ("timestamp", oldest["timestamp"]),
        ("package", {"id": first, "name": "Starter Pack"}),
    ]
    assert hold(practice.api.get(second["pagination"]["previous"])) == page


@pytest.mark.holds("practice", "GET /api/credits/receipts/{uuid}/")
def test_the_receipt(practice: Practice, first: int) -> None:
    bought = practice.bought(first, "1234")
    answer = practice.api.get(bought["receipt_url"])
    receipt = hold(answer)
    assert receipt == {
        "transaction_id": bought["transaction_id"],
        "practice_id": practice.number,
        "status": "success",
        "timestamp": practice.balance()["last_purchase"],
        "package": {"id": first, "name": "Starter Pack"},
        "credits_added": 1000,
        "invoice_number": receipt["invoice_number"],
        "subtotal_cents": 2500,
        "tax_cents": 0,
        "total_cents": 2500,
        "paid_cents": 2500,
        "refunded_cents": 0,
        "currency": "USD",
        "payment_method": {"type": "credit_card", "last_four": "1234"},
        "message": "",
        "action_url": None,
        "receipt_url": bought["receipt_url"],
    }
    assert receipt["invoice_number"]
