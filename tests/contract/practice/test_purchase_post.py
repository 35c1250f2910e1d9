"""POST /api/credits/purchase/: what becomes of the payment, and what is left of one that came to nothing."""

from typing import Any

import pytest

from tests.contract.conformance.holding import hold
from tests.contract.native.payments.paying import method_of
from tests.contract.served import Api, House

from .conftest import Practice, buys, error, package

pytestmark = pytest.mark.holds("practice", "POST /api/credits/purchase/")


@pytest.mark.holds("practice", "GET /api/credits/receipts/{uuid}/")
@pytest.mark.parametrize(
    ("card", "why"), [("0002", "The card was declined."), ("9995", "The card has too little money.")]
)
def test_a_decline(practice: Practice, starter: int, card: str, why: str) -> None:
    practice.api.grant(practice.account, 500)
    declined = practice.bought(starter, card)
    id = declined["transaction_id"]
    assert declined == {
        "transaction_id": id,
        "status": "fail",
        "credits_added": 0,
        "new_balance": 500,
        "receipt_url": f"/api/credits/receipts/{id}/",
    }
    [only] = practice.history()["transactions"]
    assert only["type"] == "GRANT"
    assert practice.balance()["last_purchase"] is None
    receipt = practice.receipt(id)
    shown = {
        name: receipt[name] for name in ("status", "credits_added", "paid_cents", "total_cents", "message")
    }
    assert shown == {
        "status": "fail",
        "credits_added": 0,
        "paid_cents": 0,
        "total_cents": 2500,
        "message": why,
    }
    assert receipt["payment_method"] == {"type": "credit_card", "last_four": card}
    # the invoice goes with it, and the payment is the one that was answered
    [invoice] = practice.api.get("/v2/invoices", account=practice.account).json()["data"]
    assert (invoice["status"], invoice["number"]) == ("void", receipt["invoice_number"])
    [payment] = practice.api.get("/v2/payments", account=practice.account).json()["data"]
    assert (payment["status"], payment["failure"]["message"]) == ("failed", why)


@pytest.mark.holds("practice", "GET /api/credits/receipts/{uuid}/")
def test_a_further_step(practice: Practice, starter: int) -> None:
    waiting = practice.bought(starter, "3220")
    assert (waiting["status"], waiting["credits_added"], waiting["new_balance"]) == ("pending", 0, 0)
    assert practice.history()["transactions"] == []
    receipt = practice.receipt(waiting["transaction_id"])
    assert (receipt["status"], receipt["message"]) == ("pending", "")
    answer = practice.api.http.post(
        receipt["action_url"] + "/step",
        content="answer=approve",
        headers={"Content-Type": "application/x-www-form-urlencoded", "Authorization": ""},
        follow_redirects=False,
    )
    assert answer.status_code in (302, 303)
    after = practice.receipt(waiting["transaction_id"])
    assert (after["status"], after["credits_added"], after["action_url"]) == ("success", 1000, None)
    [row] = practice.history()["transactions"]
    assert (row["type"], row["amount"]) == ("PURCHASE", 1000)
    # the same purchase under the entry's own name
    assert practice.receipt(row["id"])["invoice_number"] == receipt["invoice_number"]


def test_a_card_that_pays_later_is_under_way(practice: Practice, starter: int) -> None:
    waiting = practice.bought(starter, "7726")
    assert (waiting["status"], waiting["credits_added"]) == ("pending", 0)
    assert practice.receipt(waiting["transaction_id"])["status"] == "pending"


def test_a_bank_transfer_waits_for_the_money(practice: Practice, starter: int) -> None:
    body = {
        "practice_id": practice.number,
        "package_id": starter,
        "payment_method": {"type": "bank_transfer"},
    }
    waiting = hold(practice.api.post("/api/credits/purchase/", body))
    assert (waiting["status"], waiting["credits_added"]) == ("pending", 0)
    receipt = practice.receipt(waiting["transaction_id"])
    assert (receipt["status"], receipt["payment_method"]) == ("pending", None)
    assert "/pay/" in receipt["action_url"]
    [payment] = practice.api.get("/v2/payments", account=practice.account).json()["data"]
    approved = practice.api.post(f"/v2/payments/{payment['id']}/approve", {})
    assert approved.status_code == 200, approved.text
    assert practice.receipt(waiting["transaction_id"])["status"] == "success"
    assert practice.balance()["current_balance"] == 1000


def test_the_bonus_is_added_and_stands_as_a_grant(practice: Practice) -> None:
    bought = practice.bought(package(practice.api, bonus=50))
    assert (bought["credits_added"], bought["new_balance"]) == (1050, 1050)
    gift, sold = practice.history()["transactions"]
    assert (gift["type"], gift["amount"], "package" in gift) == ("GRANT", 50, False)
    assert (sold["type"], sold["amount"], sold["id"]) == ("PURCHASE", 1000, bought["transaction_id"])


def test_what_costs_nothing_is_bought_at_once(practice: Practice) -> None:
    free = package(practice.api, price={"amount": "0.00", "currency": "USD"})
    bought = practice.bought(free)
    assert (bought["status"], bought["credits_added"]) == ("success", 1000)
    receipt = practice.receipt(bought["transaction_id"])
    assert (receipt["paid_cents"], receipt["payment_method"]) == (0, None)


def test_nothing_is_saved_of_a_card(practice: Practice, starter: int) -> None:
    practice.bought(starter)
    rows = practice.api.get(f"/v2/accounts/{practice.account}/payment-methods").json()["data"]
    assert rows == []


def test_a_package_that_is_not_sold_or_not_there(practice: Practice, starter: int) -> None:
    closed = package(practice.api, active=False)
    error(practice.buys(closed), 409, "The package is not sold at the moment")
    for number in (10**6, 0, -1, 10**30):
        error(practice.buys(number), 404, "Package not found")
    for number in (10**6, 0, -1, 10**30):
        error(buys(practice.api, number, starter), 404, "Practice not found")
    assert practice.history()["transactions"] == []


def test_a_blocked_practice_buys_nothing(practice: Practice, starter: int) -> None:
    blocked = practice.api.send("PATCH", f"/v2/accounts/{practice.account}", {"status": "blocked"})
    assert blocked.status_code == 200, blocked.text
    error(practice.buys(starter), 409, "The account is blocked")
    assert practice.balance()["current_balance"] == 0


METHOD = {"type": "credit_card", "last_four": "4242"}
BAD: dict[str, tuple[Any, str]] = {
    "no practice": ({"package_id": 1, "payment_method": METHOD}, "practice_id is required"),
    "no package": ({"practice_id": 1, "payment_method": METHOD}, "package_id is required"),
    "no method": ({"practice_id": 1, "package_id": 1}, "payment_method is required"),
    "text for a practice": (
        {"practice_id": "1", "package_id": 1, "payment_method": METHOD},
        "practice_id must be an integer",
    ),
    "a part of a package": (
        {"practice_id": 1, "package_id": 1.5, "payment_method": METHOD},
        "package_id must be an integer",
    ),
    "true": (
        {"practice_id": True, "package_id": 1, "payment_method": METHOD},
        "practice_id must be an integer",
    ),
    "null": (
        {"practice_id": None, "package_id": 1, "payment_method": METHOD},
        "practice_id must be an integer",
    ),
    "a method of text": (
        {"practice_id": 1, "package_id": 1, "payment_method": "4242"},
        "payment_method must be an object with type and last_four",
    ),
    "no type": (
        {"practice_id": 1, "package_id": 1, "payment_method": {"last_four": "4242"}},
        "payment_method.type is required",
    ),
    "an empty type": (
        {"practice_id": 1, "package_id": 1, "payment_method": {"type": "", "last_four": "4242"}},
        "payment_method.type must be 1 to 40 plain characters",
    ),
    "no digits": (
        {"practice_id": 1, "package_id": 1, "payment_method": {"type": "credit_card"}},
        "payment_method.last_four is required",
    ),
    "a number of digits": (
        {"practice_id": 1, "package_id": 1, "payment_method": {"type": "credit_card", "last_four": 4242}},
        "payment_method.last_four must be a string",
    ),
    "a list": ([1], "The body must be a JSON object"),
    "null alone": (None, "The body is not valid JSON"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_body(api: Api, case: str) -> None:
    body, said = BAD[case]
    error(api.post("/api/credits/purchase/", body), 400, said)


@pytest.mark.parametrize(
    "body", [b"{", b"", b"practice_id=1", b'{"practice_id": NaN}', b"\xff", b"[" * 100_000]
)
def test_no_json(api: Api, body: bytes) -> None:
    error(api.post("/api/credits/purchase/", body), 400, "The body is not valid JSON")


@pytest.mark.parametrize(
    "digits", ["42424", "424", "4242424242424242", "1234567890123456", "42 2", "٤٢٤٢", "", "4242\n"]
)
def test_only_four_digits_enter(practice: Practice, starter: int, digits: str) -> None:
    said = error(practice.buys(starter, digits), 400)
    assert digits not in said or not digits
    assert practice.history()["transactions"] == []
    assert practice.api.get("/v2/payments", account=practice.account).json()["data"] == []
    assert practice.api.get("/v2/invoices", account=practice.account).json()["data"] == []


def test_nothing_else_of_a_card_enters(practice: Practice, starter: int) -> None:
    for more in ({"cvc": "123"}, {"number": "4242"}, {"expiry": "12/30"}):
        body = {
            "practice_id": practice.number,
            "package_id": starter,
            "payment_method": METHOD | more,
        }
        error(practice.api.post("/api/credits/purchase/", body), 400)
    card = {"practice_id": practice.number, "package_id": starter, "payment_method": METHOD}
    error(practice.api.post("/api/credits/purchase/", card | {"note": "4242 4242 4242 4242"}), 400)
    assert practice.api.get("/v2/invoices", account=practice.account).json()["data"] == []


def test_the_sandbox_has_cards_alone(practice: Practice, starter: int) -> None:
    said = error(practice.buys(starter, type="paypal"), 400)
    assert said == "payment_method.type must be one of credit_card, debit_card, card, bank_transfer, manual"
    for type in ("debit_card", "card"):
        assert practice.bought(starter, type=type)["status"] == "success"


def test_another_gateway_needs_a_saved_card(test_mode: Api) -> None:
    practice, sold = Practice(test_mode), package(test_mode)
    method_of(test_mode, practice.account, "4242")
    method_of(test_mode, practice.account, "0341")
    put = test_mode.send("PUT", "/v2/gateways/manual", {"enabled": True, "standard": True})
    assert put.status_code == 200, put.text
    try:
        for digits, type in (("1234", "credit_card"), ("4242", "sepa_debit")):
            said = error(practice.buys(sold, digits, type=type), 400)
            assert said.startswith("payment_method is none that this practice has saved")
        bought = practice.bought(sold, "4242")
        assert (bought["status"], bought["new_balance"]) == ("success", 1000)
        receipt = practice.receipt(bought["transaction_id"])
        assert receipt["payment_method"] == {"type": "credit_card", "last_four": "4242"}
        # a charge of this card, which was saved once, is declined
        declined = practice.bought(sold, "0341")
        assert (declined["status"], declined["credits_added"], declined["new_balance"]) == ("fail", 0, 1000)
        assert practice.receipt(declined["transaction_id"])["message"] == "The card was declined."
    finally:
        test_mode.send("PUT", "/v2/gateways/manual", {"enabled": True, "standard": False})


def test_where_nobody_takes_money(house: House, stranger: Api) -> None:
    """A live app that has set up no gateway sells nothing, on test cards least of all."""
    practice, sold = Practice(stranger), package(stranger)
    with house.client("stranger") as admin:
        switched = [
            admin.send("PUT", f"/v2/gateways/{name}", {"enabled": False}) for name in ("sandbox", "manual")
        ]
        assert all(answer.is_success for answer in switched)
        try:
            said = error(practice.buys(sold), 409)
            assert said.startswith("No way to take payments is set up")
            error(practice.buys(sold, type="bank_transfer"), 409, "The gateway manual is switched off")
        finally:
            for name in ("manual", "sandbox"):
                admin.send("PUT", f"/v2/gateways/{name}", {"standard": name == "sandbox"})
    assert practice.bought(sold)["status"] == "success"
