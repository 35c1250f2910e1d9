"""GET /api/credits/receipts/{uuid}/: as JSON or as a PDF that says the same."""

from typing import Any

import httpx2
import pytest

from tests.contract.conformance.holding import hold
from tests.contract.native.payments import paying
from tests.contract.served import Api

from .conftest import Practice, package

pytestmark = pytest.mark.holds("practice", "GET /api/credits/receipts/{uuid}/")


def pdf(api: Api, bought: dict[str, Any], accept: str = "application/pdf") -> httpx2.Response:
    return api.http.get(bought["receipt_url"], headers={"Accept": accept})


@pytest.mark.parametrize("card", ["1234", "0002", "3220"])
def test_a_pdf(practice: Practice, starter: int, card: str) -> None:
    bought = practice.bought(starter, card)
    answer = pdf(practice.api, bought)
    hold(answer)
    assert answer.headers["content-type"] == "application/pdf"
    named = f'inline; filename="receipt-{bought["transaction_id"]}.pdf"'
    assert answer.headers["content-disposition"] == named
    assert answer.content.startswith(b"%PDF-1.7")
    assert pdf(practice.api, bought).content == answer.content


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/json", "application/json"),
        ("*/*", "application/json"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/json"),
        ("application/pdf", "application/pdf"),
        ("Application/PDF; q=1", "application/pdf"),
        ("application/pdf, */*", "application/pdf"),
        ("application/json, application/pdf", "application/json"),
    ],
)
def test_the_form_that_is_asked_for(practice: Practice, starter: int, accept: str, media: str) -> None:
    bought = practice.bought(starter)
    assert pdf(practice.api, bought, accept).headers["content-type"] == media


def test_an_error_is_json_whatever_is_accepted(practice: Practice) -> None:
    answer = pdf(practice.api, {"receipt_url": "/api/credits/receipts/nothing/"})
    assert (answer.status_code, answer.json()) == (404, {"error": "Receipt not found"})


def test_taxes_and_names(practice: Practice) -> None:
    """A receipt keeps what was sold, and shows what its package is called now."""
    api = practice.api
    rate = {"name": "VAT", "percentage": "18", "default": True}
    made = api.post("/v2/tax-rates", rate)
    assert made.status_code == 201, made.text
    try:
        bought = practice.bought(package(api))
    finally:
        ended = api.send("PATCH", f"/v2/tax-rates/{made.json()['id']}", {"active": False})
        assert ended.is_success, ended.text
    receipt = practice.receipt(bought["transaction_id"])
    shown = [receipt[name] for name in ("subtotal_cents", "tax_cents", "total_cents", "paid_cents")]
    assert shown == [2500, 450, 2950, 2950]


def test_a_free_amount_of_credits(practice: Practice) -> None:
    """Bought natively: a purchase without a package, with a receipt all the same."""
    paying.bought(practice.api, practice.account)
    [row] = practice.history()["transactions"]
    assert (row["type"], row["amount"], row["package"]) == ("PURCHASE", 500, None)
    receipt = practice.receipt(row["id"])
    assert (receipt["package"], receipt["credits_added"], receipt["paid_cents"]) == (None, 500, 500)


def test_what_went_back(practice: Practice, starter: int) -> None:
    bought = practice.bought(starter)
    [payment] = practice.api.get("/v2/payments", account=practice.account).json()["data"]
    made = practice.api.post("/v2/refunds", {"payment": payment["id"], "amount": "10.00"})
    assert made.status_code == 201, made.text
    receipt = practice.receipt(bought["transaction_id"])
    assert (receipt["status"], receipt["paid_cents"], receipt["refunded_cents"]) == ("success", 2500, 1000)
    back, _ = practice.history()["transactions"]
    assert (back["type"], back["amount"]) == ("ADJUSTMENT", -400)
    assert pdf(practice.api, bought).content.startswith(b"%PDF-1.7")
